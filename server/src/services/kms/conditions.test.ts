import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Caller } from '../../identity/caller.ts'
import type { SessionFacts } from '../../identity/session.ts'
import { ambiguous } from '../../policy/request.ts'
import type { KmsActionName } from './condition-keys.ts'
import { KmsConditions, type Asked } from './conditions.ts'

const caller: Caller = {
  type: 'IAMUser',
  accountId: '111122223333',
  arn: 'arn:aws:iam::111122223333:user/ada',
  principalId: 'AIDAADA',
  accessKeyId: 'AKIAADA',
}
const key = {
  spec: 'SYMMETRIC_DEFAULT',
  usage: 'ENCRYPT_DECRYPT',
  origin: 'AWS_KMS',
  region: 'us-east-1',
  multiRegion: undefined,
  aliasNames: ['alias/app', 'alias/old'],
} as const

function conditions(
  action: KmsActionName,
  asked: Asked = {},
  more: { caller?: Caller; alias?: string } = {},
) {
  return new KmsConditions({
    action,
    caller: more.caller ?? caller,
    region: 'eu-central-1',
    asked,
    key,
    requestAlias: more.alias,
  })
}

test('what is known of the key has its condition keys on every action on a key', () => {
  const context = conditions('kms:DisableKey')
  const values = {
    'kms:keyspec': 'SYMMETRIC_DEFAULT',
    'kms:customermasterkeyspec': 'SYMMETRIC_DEFAULT',
    'kms:keyusage': 'ENCRYPT_DECRYPT',
    'kms:customermasterkeyusage': 'ENCRYPT_DECRYPT',
    'kms:keyorigin': 'AWS_KMS',
    'kms:multiregion': 'false',
    'kms:multiregionkeytype': undefined,
    'kms:resourcealiases': ['alias/app', 'alias/old'],
    'kms:calleraccount': '111122223333',
    'kms:viaservice': undefined,
  }
  for (const [name, value] of Object.entries(values)) assert.deepEqual(context.get(name), value, name)
})

test('an action has no condition key that AWS does not list for it', () => {
  const asked: Asked = { encryptionContext: new Map([['a', 'b']]) }
  const context = conditions('kms:DescribeKey', asked, { alias: 'alias/app' })
  assert.equal(context.get('kms:requestalias'), 'alias/app')
  assert.equal(context.get('kms:encryptioncontext:a'), undefined)
  assert.equal(context.get('kms:encryptioncontextkeys'), undefined)
  assert.equal(conditions('kms:ListKeys').get('kms:calleraccount'), undefined)
  assert.equal(conditions('kms:GetKeyPolicy', {}, { alias: 'alias/app' }).get('kms:requestalias'), undefined)
  assert.equal(context.get('__proto__'), undefined)
})

test('an encryption context is asked by name without regard to case, its names and values with it', () => {
  const asked: Asked = {
    encryptionContext: new Map([
      ['Purpose', 'Test'],
      ['tenant:id', '7'],
      ['__proto__', 'ordinary'],
    ]),
    values: { 'kms:encryptionalgorithm': 'SYMMETRIC_DEFAULT' },
  }
  const context = conditions('kms:Encrypt', asked)
  assert.equal(context.get('kms:encryptioncontext:purpose'), 'Test')
  assert.equal(context.get('kms:encryptioncontext:tenant:id'), '7')
  assert.equal(context.get('kms:encryptioncontext:__proto__'), 'ordinary')
  assert.equal(context.get('kms:encryptioncontext:other'), undefined)
  assert.deepEqual(context.get('kms:encryptioncontextkeys'), ['Purpose', 'tenant:id', '__proto__'])
  assert.equal(context.get('kms:encryptionalgorithm'), 'SYMMETRIC_DEFAULT')
  assert.equal(conditions('kms:Encrypt').get('kms:encryptioncontextkeys'), undefined)
})

test('two names that differ only in case make a condition on them mean neither', () => {
  const context = conditions('kms:Decrypt', {
    encryptionContext: new Map([
      ['Tenant', 'a'],
      ['tenant', 'b'],
      ['purpose', 'c'],
    ]),
  })
  assert.equal(context.get('kms:encryptioncontext:tenant'), ambiguous)
  assert.equal(context.get('kms:encryptioncontext:purpose'), 'c')
})

test('what an attestation document says has its condition keys, on the actions that take one', () => {
  const asked: Asked = {
    values: {
      'kms:recipientattestation:imagesha384': 'aa',
      'kms:recipientattestation:pcr0': 'aa',
      'kms:recipientattestation:pcr31': 'bb',
      'kms:recipientattestation:nitrotpmpcr4': 'cc',
    },
  }
  for (const action of [
    'kms:Decrypt',
    'kms:DeriveSharedSecret',
    'kms:GenerateDataKey',
    'kms:GenerateDataKeyPair',
    'kms:GenerateRandom',
  ] as const) {
    const context = conditions(action, asked)
    assert.equal(context.get('kms:recipientattestation:imagesha384'), 'aa')
    assert.equal(context.get('kms:recipientattestation:pcr0'), 'aa')
    assert.equal(context.get('kms:recipientattestation:pcr31'), 'bb')
    assert.equal(context.get('kms:recipientattestation:nitrotpmpcr4'), 'cc')
    assert.equal(context.get('kms:recipientattestation:pcr1'), undefined)
    assert.equal(context.get('kms:recipientattestation:'), undefined)
    assert.equal(conditions(action).get('kms:recipientattestation:pcr0'), undefined)
  }
  for (const action of ['kms:Encrypt', 'kms:Sign', 'kms:GenerateDataKeyWithoutPlaintext'] as const) {
    assert.equal(conditions(action, asked).get('kms:recipientattestation:pcr0'), undefined)
  }
})

test('only a session that a service was lent has a service, and the grants that it makes are for it', () => {
  const grants = conditions('kms:CreateGrant')
  assert.equal(grants.get('kms:grantisforawsresource'), 'false')
  for (const [name, shown] of [
    ['s3.eu-central-1.amazonaws.com', 's3.eu-central-1.amazonaws.com'],
    ['s3.amazonaws.com', 's3.eu-central-1.amazonaws.com'],
    ['backup.example.org', 'backup.example.org'],
  ] as const) {
    const session = { forwarded: { services: ['first.amazonaws.com', name] } } as unknown as SessionFacts
    const through = conditions('kms:CreateGrant', {}, { caller: { ...caller, session } })
    assert.equal(through.get('kms:viaservice'), shown)
    assert.equal(through.get('kms:grantisforawsresource'), 'true')
  }
})
