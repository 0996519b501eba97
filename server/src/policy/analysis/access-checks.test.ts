import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { compileGlob } from '../glob.ts'
import { parsePolicy, type PolicyKind } from '../document.ts'
import { EffortSpentError } from '../effort.ts'
import { grantingStatements, type UnwantedAccess } from './access-not-granted.ts'
import { externalAccess } from './external-access.ts'
import { covers, overlaps } from './pattern-sets.ts'
import { publicStatements } from './public-access.ts'

const OWNER = '111122223333'
const KEY = `arn:aws:kms:us-east-1:${OWNER}:key/1234abcd-12ab-34cd-56ef-1234567890ab`
const documentOf = (kind: PolicyKind, ...statements: object[]) =>
  parsePolicy(JSON.stringify({ Version: '2012-10-17', Statement: statements }), kind)
const granted = (unwanted: UnwantedAccess, ...statements: object[]): number[] =>
  grantingStatements(documentOf('identity', ...statements), unwanted).map(({ index }) => index)
const allow = (Action: unknown, Resource: unknown = '*', more = {}): object => ({
  Effect: 'Allow',
  Action,
  Resource,
  ...more,
})
const deny = (Action: unknown, Resource: unknown = '*', more = {}): object => ({
  Effect: 'Deny',
  Action,
  Resource,
  ...more,
})

test('an access is granted when an action and a resource of it may be allowed', () => {
  assert.deepEqual(granted({ actions: ['kms:Decrypt'] }, allow('kms:Encrypt'), allow('KMS:De*')), [1])
  assert.deepEqual(granted({ actions: ['kms:Decrypt'] }, allow('kms:Encrypt')), [])
  assert.deepEqual(granted({ actions: ['kms:Decrypt'], resources: [KEY] }, allow('kms:*', `${KEY}x`)), [])
  assert.deepEqual(granted({ resources: [KEY] }, allow('s3:GetObject', 'arn:aws:*')), [0])
  assert.deepEqual(granted({ resources: ['arn:aws:kms:*:*:key/*'] }, allow('kms:Decrypt', KEY)), [0])
  assert.deepEqual(granted({}, deny('*')), [])
})

test('a variable may stand for anything, whatever its default looks like', () => {
  const resource = "arn:aws:s3:::bucket/${aws:username, '}'}"
  assert.deepEqual(granted({ resources: ['arn:aws:s3:::bucket/eve'] }, allow('s3:*', resource)), [0])
})

test('a comparison that would take long is given up', () => {
  const actions = Array.from({ length: 1000 }, (_, i) => `k:${i.toString(36)}`)
  const resources = Array.from({ length: 1000 }, (_, i) => `arn:${i.toString(36)}*`)
  const begin = performance.now()
  assert.throws(
    () =>
      granted(
        { actions: ['k:*', 'k:?*', 'k:*?', 'k:1*'], resources: ['*', 'a*', 'arn:*', '?*'] },
        allow(actions, resources),
        deny('k:*', 'arn:*'),
      ),
    EffortSpentError,
  )
  // Some ten milliseconds; all of it would take seconds.
  assert.ok(performance.now() - begin < 300, `${performance.now() - begin} ms`)
})

test('NotAction and NotResource grant what they do not surely leave out', () => {
  const not = (NotAction: string, NotResource: string): object => ({
    Effect: 'Allow',
    NotAction,
    NotResource,
  })
  assert.deepEqual(granted({ actions: ['kms:Decrypt'] }, not('s3:*', KEY)), [0])
  assert.deepEqual(granted({ actions: ['kms:Decrypt'] }, not('kms:*', KEY)), [])
  assert.deepEqual(granted({ actions: ['kms:*'] }, not('kms:Decrypt', KEY)), [0])
  assert.deepEqual(granted({ resources: [KEY] }, not('s3:*', 'arn:aws:kms:*:*:key/*')), [])
  assert.deepEqual(granted({ resources: [KEY] }, not('s3:*', 'arn:aws:kms:*:*:key/${aws:username}')), [0])
})

test('a Deny takes away only what it surely covers', () => {
  const unwanted = { actions: ['kms:Decrypt'], resources: [KEY] }
  assert.deepEqual(granted(unwanted, allow('kms:*'), deny('kms:Decrypt')), [])
  assert.deepEqual(
    granted({ actions: ['kms:*'] }, allow('kms:Decrypt', KEY), deny('kms:De*', 'arn:aws:kms:*:*:key/*')),
    [],
  )
  assert.deepEqual(
    granted(
      unwanted,
      allow('kms:*'),
      deny('kms:Decrypt', KEY, { Condition: { Bool: { 'aws:SecureTransport': 'false' } } }),
    ),
    [0],
  )
  assert.deepEqual(
    granted(unwanted, allow('kms:*'), deny('kms:Decrypt', 'arn:aws:kms:us-east-1:*:key/${aws:username}')),
    [0],
  )
  assert.deepEqual(granted({ actions: ['kms:*'] }, allow('kms:*'), deny('kms:Decrypt')), [0])
  // A variable may stand for a key that is not denied.
  assert.deepEqual(
    granted(
      { actions: ['kms:Decrypt'] },
      allow('kms:Decrypt', 'arn:aws:kms:*:*:key/${aws:username}'),
      deny('kms:*', KEY),
    ),
    [0],
  )
})

const everyone = (more: object): object => ({
  Effect: 'Allow',
  Principal: '*',
  Action: 'kms:Decrypt',
  Resource: '*',
  ...more,
})
const when = (operator: string, key: string, value: unknown): object => ({
  Condition: { [operator]: { [key]: value } },
})
const isPublic = (...statements: object[]): boolean =>
  publicStatements(documentOf('resource', ...statements)).length > 0

test('a key policy is public when everybody may come and nothing surely keeps strangers out', () => {
  assert.ok(isPublic(everyone({})))
  assert.ok(isPublic(everyone({ Principal: { AWS: ['*', OWNER] } })))
  assert.ok(isPublic(everyone({ Principal: undefined, NotPrincipal: { AWS: OWNER } })))
  assert.ok(isPublic(everyone(when('StringLike', 'aws:PrincipalOrgID', 'o-*'))))
  assert.ok(isPublic(everyone(when('StringEquals', 'aws:PrincipalOrgID', '${aws:PrincipalTag/org}'))))
  assert.ok(
    isPublic(
      everyone(when('ForAllValues:StringEquals', 'aws:PrincipalOrgPaths', 'o-a1b2c3d4e5/r-a/ou-a-b/')),
    ),
  )
  assert.ok(isPublic(everyone(when('IpAddress', 'aws:SourceIp', ['203.0.113.0/24', '0.0.0.0/1']))))
  assert.ok(isPublic(everyone(when('ArnLike', 'aws:PrincipalArn', 'arn:aws:iam::*:role/Admin'))))
  assert.ok(isPublic(everyone(when('StringEquals', 'kms:ViaService', 's3.us-east-1.amazonaws.com'))))
  assert.ok(!isPublic(everyone({ Principal: { AWS: OWNER } })))
  assert.ok(!isPublic(everyone({ Effect: 'Deny' })))
  assert.ok(!isPublic(everyone({ Action: undefined })))
  assert.ok(!isPublic(everyone(when('StringEquals', 'kms:CallerAccount', OWNER))))
  assert.ok(!isPublic(everyone(when('StringEquals', 'aws:PrincipalOrgID', 'o-a1b2c3d4e5'))))
  assert.ok(!isPublic(everyone(when('IpAddress', 'aws:SourceIp', '203.0.113.0/24'))))
})

test('a Deny of everybody outside makes it private, unless it leaves something open', () => {
  const fence = (more: object): object => everyone({ Effect: 'Deny', Action: 'kms:*', ...more })
  assert.ok(!isPublic(everyone({}), fence(when('StringNotEquals', 'aws:PrincipalOrgID', 'o-a1b2c3d4e5'))))
  assert.ok(
    isPublic(
      everyone({}),
      fence({ Action: 'kms:Encrypt', ...when('StringNotEquals', 'aws:PrincipalOrgID', 'o-a1b2c3d4e5') }),
    ),
  )
  assert.ok(
    isPublic(
      everyone({}),
      fence({ Principal: { AWS: OWNER }, ...when('StringNotEquals', 'aws:PrincipalOrgID', 'o-a1b2c3d4e5') }),
    ),
  )
  assert.ok(
    isPublic(everyone({}), fence(when('ForAnyValue:StringNotEquals', 'aws:PrincipalOrgID', 'o-a1b2c3d4e5'))),
  )
  assert.ok(isPublic(everyone({}), fence(when('StringNotLike', 'aws:PrincipalOrgID', 'o-*'))))
  assert.ok(
    isPublic(
      everyone({}),
      fence({
        Condition: {
          StringNotEquals: { 'aws:PrincipalOrgID': 'o-a1b2c3d4e5' },
          Bool: { 'aws:SecureTransport': 'false' },
        },
      }),
    ),
  )
})

test('a role is public when it trusts everybody, or any subject of an identity provider', () => {
  const provider = 'token.actions.githubusercontent.com'
  const Federated = `arn:aws:iam::${OWNER}:oidc-provider/${provider}`
  const trusts = (more: object): boolean =>
    publicStatements(
      documentOf('trust', {
        Effect: 'Allow',
        Action: 'sts:AssumeRoleWithWebIdentity',
        Principal: { Federated },
        ...more,
      }),
    ).length > 0
  assert.ok(trusts({}))
  assert.ok(trusts(when('StringEquals', `${provider}:aud`, 'sts.amazonaws.com')))
  assert.ok(trusts(when('StringLike', `${provider}:sub`, '*')))
  assert.ok(!trusts(when('StringLike', `${provider}:sub`, 'repo:octo/cat:*')))
  assert.ok(
    !trusts({
      Principal: { Federated: `arn:aws:iam::${OWNER}:saml-provider/corp` },
      Action: 'sts:AssumeRoleWithSAML',
    }),
  )
  assert.ok(trusts({ Principal: { AWS: '*' }, Action: 'sts:AssumeRole' }))
})

test('external access names who comes from outside, with actions and conditions', () => {
  const found = externalAccess(
    documentOf(
      'resource',
      {
        Sid: 'Partner',
        ...everyone({
          Principal: { AWS: ['arn:aws:iam::444455556666:root', OWNER] },
          ...when('StringEquals', 'aws:PrincipalTag/a', ['b', 'c']),
        }),
      },
      everyone({ Principal: { AWS: `arn:aws:iam::${OWNER}:user/alice`, Service: 's3.amazonaws.com' } }),
      everyone(when('StringEquals', 'kms:CallerAccount', OWNER)),
      everyone(when('StringEquals', 'aws:PrincipalOrgID', 'o-a1b2c3d4e5')),
      everyone({ Principal: { AWS: 'AIDA1234567890123456' } }),
    ),
    OWNER,
  )
  assert.deepEqual(found, [
    {
      principal: { type: 'AWS', value: 'arn:aws:iam::444455556666:root' },
      actions: ['kms:Decrypt'],
      conditions: new Map([['aws:PrincipalTag/a', 'b,c']]),
      isPublic: false,
      statement: { index: 0, sid: 'Partner' },
    },
    {
      principal: { type: 'AWS', value: '*' },
      actions: ['kms:Decrypt'],
      conditions: new Map([['aws:PrincipalOrgID', 'o-a1b2c3d4e5']]),
      isPublic: false,
      statement: { index: 3 },
    },
  ])
})

const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?'), maxLength: 6 })
const text = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 6 })

test('what two patterns both match they overlap in, and what one covers it matches', () => {
  const match = (glob: string, value: string): boolean =>
    compileGlob([{ text: glob, wild: true }]).matches(value)
  fc.assert(
    fc.property(pattern, pattern, text, (one, other, value) => {
      if (match(one, value) && match(other, value)) assert.ok(overlaps(one, other))
      if (covers(one, other) && match(other, value)) assert.ok(match(one, value))
      assert.equal(overlaps(one, value), match(one, value))
      assert.equal(covers(one, value), match(one, value))
    }),
    { numRuns: 20_000 },
  )
})
