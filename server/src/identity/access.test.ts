import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ambiguous } from '../policy/request.ts'
import { decideAccess, requireAccess } from './access.ts'
import type { AccessQuestion } from './access-question.ts'
import { requestContext } from './global-context.ts'
import type { OrganizationFacts } from './organization-facts.ts'
import type { RequestFacts } from './request-facts.ts'
import type { SessionFacts } from './session.ts'
import type { Standing } from './standing.ts'
import { ACCOUNT, OTHER_ACCOUNT, requestFacts, sessionFacts } from './testing/identity-fixture.ts'

const outside: OrganizationFacts = { serviceControl: [], resourceControl: [], entries: [] }
const ARN = `arn:aws:iam::${ACCOUNT}:root`

function rootStanding(session?: SessionFacts): Standing {
  return {
    caller: {
      type: 'Root',
      accountId: ACCOUNT,
      arn: ARN,
      principalId: ACCOUNT,
      accessKeyId: 'AKIA',
      ...(session && { session }),
    },
    principal: { type: 'root', accountId: ACCOUNT, arn: ARN },
    identityPolicies: [],
    boundary: undefined,
    sessionPolicies: undefined,
    serviceControl: [],
    organization: outside,
    quarantine: undefined,
    context: { get: (key) => (key === 'aws:userid' ? ACCOUNT : undefined) },
    entries: [],
  }
}

const plain = (change: Partial<AccessQuestion> = {}): AccessQuestion => ({
  action: 'iam:ListUsers',
  resource: { arn: 'arn:aws:iam::111122223333:user/', accountId: ACCOUNT, kind: 'plain' },
  ...change,
})

function keys(
  question: AccessQuestion,
  { facts = requestFacts(), standing = rootStanding() }: { facts?: RequestFacts; standing?: Standing } = {},
  organization = outside,
) {
  const context = requestContext(standing, facts, question, organization)
  return (...names: string[]) => names.map((name) => context.get(name.toLowerCase()))
}

test('a root user may do what its account may, and a refusal has AWS’s name and text', () => {
  requireAccess(rootStanding(), requestFacts(), plain())
  assert.throws(() => requireAccess({ ...rootStanding(), quarantine: 'a leak' }, requestFacts(), plain()), {
    code: 'AccessDeniedException',
    message:
      /^User: arn:aws:iam::111122223333:root is not authorized to perform: iam:ListUsers on resource: /,
  })
})

test('what limits another account’s resource must have been loaded', () => {
  const resource = { arn: 'arn:aws:x:::y', accountId: OTHER_ACCOUNT, kind: 'plain' } as const
  assert.throws(() => decideAccess(rootStanding(), requestFacts(), plain({ resource })), /not loaded/)
  const loaded = { ...resource, organization: outside }
  assert.equal(decideAccess(rootStanding(), requestFacts(), plain({ resource: loaded })).allowed, false)
})

test('resource control policies have no effect on what AWS manages', () => {
  const limits: OrganizationFacts = { ...outside, resourceControl: [[]] }
  const standing = { ...rootStanding(), organization: limits }
  const ask = (of: Partial<AccessQuestion['resource']>) =>
    decideAccess(standing, requestFacts(), plain({ resource: { ...plain().resource, ...of } })).allowed
  assert.equal(ask({}), false)
  assert.equal(ask({ awsManaged: true }), true)
})

test('the keys of a request say when, whence and how it came', () => {
  const get = keys(plain())
  assert.deepEqual(
    get('aws:SourceIp', 'aws:VpcSourceIp', 'aws:SourceVpce', 'aws:SourceVpc', 'aws:SecureTransport'),
    ['203.0.113.7', undefined, undefined, undefined, 'false'],
  )
  assert.deepEqual(get('aws:CurrentTime', 'aws:EpochTime', 'aws:RequestedRegion', 'aws:UserAgent'), [
    '2026-11-20T10:00:00Z',
    '1795168800',
    'us-east-1',
    'test/1',
  ])
  const endpoint = { vpceId: 'vpce-1', vpcId: 'vpc-1', policy: undefined }
  const within = keys(plain(), { facts: requestFacts({ endpoint, secureTransport: true }) })
  assert.deepEqual(
    within('aws:SourceIp', 'aws:VpcSourceIp', 'aws:SourceVpce', 'aws:SourceVpc', 'aws:SecureTransport'),
    [undefined, '203.0.113.7', 'vpce-1', 'vpc-1', 'true'],
  )
})

test('the age of a second factor grows, and is absent without one', () => {
  const facts = requestFacts()
  const of = (mfaAtMs: number | undefined) =>
    keys(plain(), { facts, standing: rootStanding(sessionFacts({ mfaAtMs })) })('aws:MultiFactorAuthAge')[0]
  assert.equal(of(undefined), undefined)
  assert.equal(of(facts.timeMs - 90_500), '90')
  // Another node's clock may be ahead.
  assert.equal(of(facts.timeMs + 5000), '0')
})

test('a request that came through services names them in their order', () => {
  const services = ['s3.amazonaws.com', 'athena.amazonaws.com']
  const forwarded = { services, certificateFingerprint: 'x' }
  const get = keys(plain(), { standing: rootStanding(sessionFacts({ forwarded })) })
  assert.deepEqual(get('aws:ViaAWSService', 'aws:CalledVia', 'aws:CalledViaFirst', 'aws:CalledViaLast'), [
    'true',
    services,
    's3.amazonaws.com',
    'athena.amazonaws.com',
  ])
  assert.deepEqual(keys(plain())('aws:ViaAWSService', 'aws:CalledVia', 'aws:CalledViaLast'), [
    'false',
    undefined,
    undefined,
  ])
})

test('the keys of a resource and of the tags that a request sets', () => {
  const tags = [
    { key: 'Team', value: 'red' },
    { key: 'a', value: '1' },
    { key: 'A', value: '2' },
  ]
  const question = plain({
    resource: { arn: 'arn:aws:x:::y', accountId: ACCOUNT, kind: 'plain', tags },
    requestTags: [{ key: 'cost', value: '7' }],
    requestTagKeys: ['old'],
  })
  const get = keys(question, {}, { ...outside, orgId: 'o-1', path: 'o-1/r-1/' })
  assert.deepEqual(get('aws:ResourceTag/team', 'aws:ResourceTag/a', 'aws:ResourceTag/none'), [
    'red',
    ambiguous,
    undefined,
  ])
  assert.deepEqual(get('aws:RequestTag/Cost', 'aws:TagKeys', 'aws:ResourceAccount'), [
    '7',
    ['cost', 'old'],
    ACCOUNT,
  ])
  assert.deepEqual(get('aws:ResourceOrgID', 'aws:ResourceOrgPaths'), ['o-1', ['o-1/r-1/']])
})

test('what a service computes from a request never speaks for the caller or the connection', () => {
  const context = { get: () => 'forged' }
  const get = keys(plain({ context }))
  assert.deepEqual(get('aws:userid', 'aws:SourceIp', 'aws:SecureTransport', 'kms:CallerAccount'), [
    ACCOUNT,
    '203.0.113.7',
    'false',
    'forged',
  ])
})
