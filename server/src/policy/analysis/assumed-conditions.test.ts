import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compilePolicy } from '../compile.ts'
import { decide } from '../decision.ts'
import { parsePolicy } from '../document.ts'
import { assuming, type Assumption } from './assumed-conditions.ts'
import { contextKeysOf } from './context-keys.ts'

const accountId = '111122223333'
const KEY = `arn:aws:kms:us-east-1:${accountId}:key/a`
const when = (operator: string, key: string, value: string): object => ({
  Condition: { [operator]: { [key]: value } },
})
const documentOf = (...statements: object[]) =>
  parsePolicy(
    JSON.stringify({
      Version: '2012-10-17',
      Statement: statements.map((each) => ({ Effect: 'Allow', Action: 'kms:*', Resource: '*', ...each })),
    }),
    'identity',
  )

function allowed(assumption: Assumption, ...statements: object[]): boolean {
  const policy = compilePolicy(documentOf(...statements), { type: 'identity' })
  return decide({
    request: {
      action: 'kms:Decrypt',
      resource: KEY,
      principal: { type: 'user', accountId, arn: `arn:aws:iam::${accountId}:user/alice`, id: 'AIDA' },
      context: { get: (key) => (key === 'aws:username' ? 'alice' : undefined) },
    },
    resourceAccountId: accountId,
    resourceRule: 'plain',
    identityPolicies: [assuming(assumption, policy)],
    serviceControl: [],
    resourceControl: [],
  }).allowed
}

test('conditions on the request are met or not as it is assumed, for allows and denies', () => {
  const fromOffice = when('IpAddress', 'aws:SourceIp', '203.0.113.0/24')
  assert.deepEqual([allowed('met', fromOffice), allowed('unmet', fromOffice)], [true, false])
  const denied = [{}, { Effect: 'Deny', ...fromOffice }]
  assert.deepEqual([allowed('met', ...denied), allowed('unmet', ...denied)], [true, false])
  assert.deepEqual([allowed('met', {}, { Effect: 'Deny' }), allowed('unmet', {})], [false, true])
})

test('conditions on who asks are evaluated', () => {
  const alice = when('StringEquals', 'aws:username', 'alice')
  const bob = when('StringEquals', 'aws:username', 'bob')
  assert.deepEqual([allowed('unmet', alice), allowed('met', bob)], [true, false])
  assert.deepEqual(
    [allowed('met', {}, { Effect: 'Deny', ...alice }), allowed('unmet', {}, { Effect: 'Deny', ...bob })],
    [false, true],
  )
})

test('a variable of the request stands for anything, one of the principal for its value', () => {
  const open = { Resource: 'arn:aws:kms:${aws:RequestedRegion}:111122223333:key/a' }
  assert.deepEqual([allowed('met', open), allowed('unmet', open)], [true, false])
  const own = when('StringEquals', 'aws:username', '${aws:username}')
  assert.equal(allowed('unmet', own), true)
})

test('the condition keys of policies are told once, as they are written', () => {
  const documents = [
    documentOf(when('StringEquals', 'aws:UserName', "${aws:PrincipalTag/team, 'none'} ${*}"), {
      Resource: 'arn:aws:kms:*:*:key/${aws:username}',
    }),
  ]
  assert.deepEqual(contextKeysOf(documents), ['aws:UserName', 'aws:PrincipalTag/team'])
})

test('the keys of a policy that is made to be read slowly are found quickly', () => {
  for (const value of [`\${a${' '.repeat(100_000)}x`, '${a,'.repeat(25_000), '${a '.repeat(25_000)]) {
    const text = JSON.stringify({
      Version: '2012-10-17',
      Statement: {
        Effect: 'Allow',
        Action: '*',
        Resource: '*',
        Condition: { StringEquals: { 'a:b': value } },
      },
    })
    const document = parsePolicy(text, 'identity')
    const begin = performance.now()
    assert.deepEqual(contextKeysOf([document]), ['a:b'])
    // A few milliseconds; looking at each blank or each rest of the text from each place takes seconds.
    assert.ok(performance.now() - begin < 300, `${performance.now() - begin} ms for ${value.slice(0, 8)}`)
  }
})
