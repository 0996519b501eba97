import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { CreateKeyCommandInput } from '@aws-sdk/client-kms'
import { kmsClient, newKey } from '../kms-client.ts'
import { assertRefused } from '../refusal.ts'
import { startServer } from '../server-process.ts'
import { send } from '../signed-request.ts'

const server = await startServer()
const kms = kmsClient(server)
after(() => server.stop())

const enumValueSet = (members: string) =>
  new RegExp(`failed to satisfy constraint: Member must satisfy enum value set: \\[.*${members}.*\\]$`)

test('CreateKey answers with the metadata that AWS documents, and DescribeKey with the same', async () => {
  const before = Date.now()
  const { KeyMetadata: made } = await kms.createKey({ Description: 'Application encryption key' })
  const after = Date.now()
  assert.ok(made !== undefined)
  const { KeyId = '', CreationDate, CurrentKeyMaterialId, ...rest } = made
  assert.match(KeyId, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  assert.match(CurrentKeyMaterialId ?? '', /^[0-9a-f]{64}$/)
  const created = CreationDate?.getTime() ?? 0
  assert.ok(created >= before - 1 && created <= after, `${created} is not now`)
  assert.deepEqual(rest, {
    AWSAccountId: '000000000000',
    Arn: `arn:aws:kms:us-east-1:000000000000:key/${KeyId}`,
    Enabled: true,
    Description: 'Application encryption key',
    KeyUsage: 'ENCRYPT_DECRYPT',
    KeyState: 'Enabled',
    Origin: 'AWS_KMS',
    KeyManager: 'CUSTOMER',
    CustomerMasterKeySpec: 'SYMMETRIC_DEFAULT',
    KeySpec: 'SYMMETRIC_DEFAULT',
    EncryptionAlgorithms: ['SYMMETRIC_DEFAULT'],
    MultiRegion: false,
  })
  assert.deepEqual((await kms.describeKey({ KeyId })).KeyMetadata, made)
})

test('on the wire times are numbers of seconds, and what a key does not have is left out', async () => {
  const { body } = await send(server, { operation: 'CreateKey', body: '{}' })
  const { KeyMetadata } = JSON.parse(body) as { KeyMetadata: Record<string, unknown> }
  const { CreationDate } = KeyMetadata
  assert.ok(typeof CreationDate === 'number' && Math.abs(CreationDate - Date.now() / 1000) < 60, body)
  for (const member of [
    'DeletionDate',
    'ValidTo',
    'CustomKeyStoreId',
    'MultiRegionConfiguration',
    'SigningAlgorithms',
  ]) {
    assert.ok(!Object.hasOwn(KeyMetadata, member), member)
  }
  assert.ok(!body.includes('null'))
})

test('everything that names the default may be said, the deprecated CustomerMasterKeySpec too', async () => {
  const same: CreateKeyCommandInput[] = [
    { KeySpec: 'SYMMETRIC_DEFAULT', KeyUsage: 'ENCRYPT_DECRYPT', Origin: 'AWS_KMS', MultiRegion: false },
    { CustomerMasterKeySpec: 'SYMMETRIC_DEFAULT' },
    { BypassPolicyLockoutSafetyCheck: true, Description: '' },
  ]
  for (const request of same) {
    const { KeyMetadata } = await kms.createKey(request)
    assert.equal(KeyMetadata?.KeySpec, 'SYMMETRIC_DEFAULT')
    assert.equal(KeyMetadata?.KeyUsage, 'ENCRYPT_DECRYPT')
  }
})

test('CreateKey refuses what does not fit together', async () => {
  await assertRefused(
    kms.createKey({ KeySpec: 'RSA_2048' }),
    'ValidationException',
    'You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.',
  )
  await assertRefused(
    kms.createKey({ KeyUsage: 'SIGN_VERIFY' }),
    'ValidationException',
    'KeyUsage SIGN_VERIFY is not compatible with KeySpec SYMMETRIC_DEFAULT',
  )
  await assertRefused(
    kms.createKey({ KeySpec: 'SYMMETRIC_DEFAULT', CustomerMasterKeySpec: 'SYMMETRIC_DEFAULT' }),
    'ValidationException',
    /KeySpec and CustomerMasterKeySpec/,
  )
  await assertRefused(kms.createKey({ XksKeyId: 'external' }), 'ValidationException', /XksKeyId/)
})

test('CreateKey refuses what its shape does not allow', async () => {
  await assertRefused(
    kms.createKey({ Description: 'x'.repeat(8193) }),
    'ValidationException',
    /^1 validation error detected: Value 'x+(\.\.\.)?' at 'description' failed to satisfy constraint: Member must have length less than or equal to 8192$/,
  )
  assert.equal(
    (await kms.createKey({ Description: 'ü'.repeat(8192) })).KeyMetadata?.Description?.length,
    8192,
  )
  await assertRefused(
    kms.createKey({ KeySpec: 'AES_256' as 'RSA_2048' }),
    'ValidationException',
    enumValueSet('SYMMETRIC_DEFAULT'),
  )
  await assertRefused(
    kms.createKey({ KeyUsage: 'SIGN' as 'SIGN_VERIFY' }),
    'ValidationException',
    enumValueSet('SIGN_VERIFY'),
  )
  await assertRefused(
    kms.createKey({ Origin: 'HERE' as 'AWS_KMS' }),
    'ValidationException',
    enumValueSet('EXTERNAL'),
  )
})

test('what this release does not make is refused by name, never made as something else', async () => {
  const keysBefore = (await kms.listKeys({ Limit: 1000 })).Keys?.length
  for (const request of [
    { Origin: 'AWS_CLOUDHSM', CustomKeyStoreId: 'cks-1234567890abcdef0' },
    { Origin: 'EXTERNAL_KEY_STORE', CustomKeyStoreId: 'cks-1234567890abcdef0', XksKeyId: 'key' },
  ] satisfies CreateKeyCommandInput[]) {
    await assertRefused(kms.createKey(request), 'UnsupportedOperationException', /not supported/)
  }
  assert.equal((await kms.listKeys({ Limit: 1000 })).Keys?.length, keysBefore)
})

test('a description can be changed to anything up to 8192 characters, nothing included', async () => {
  const { id, arn } = await newKey(kms, { Description: 'first' })
  const description = async () => (await kms.describeKey({ KeyId: id })).KeyMetadata?.Description
  for (const [KeyId, Description] of [
    [id, 'second'],
    [arn, 'third: "ünïcödé" \u{1F511}\n\\'],
    [id, ''],
    [id, 'x'.repeat(8192)],
  ] as const) {
    await kms.updateKeyDescription({ KeyId, Description })
    assert.equal(await description(), Description)
  }
  await assertRefused(
    kms.updateKeyDescription({ KeyId: id, Description: 'x'.repeat(8193) }),
    'ValidationException',
    /length less than or equal to 8192/,
  )
  assert.equal(await description(), 'x'.repeat(8192))
})

test('a disabled key is disabled, an enabled one enabled, however often it is asked for', async () => {
  const { id, arn } = await newKey(kms)
  const state = async () => {
    const { KeyMetadata } = await kms.describeKey({ KeyId: id })
    return [KeyMetadata?.KeyState, KeyMetadata?.Enabled]
  }
  for (const KeyId of [id, arn]) {
    await kms.disableKey({ KeyId })
    assert.deepEqual(await state(), ['Disabled', false])
    await kms.disableKey({ KeyId })
    assert.deepEqual(await state(), ['Disabled', false])
    await kms.enableKey({ KeyId })
    assert.deepEqual(await state(), ['Enabled', true])
    await kms.enableKey({ KeyId })
    assert.deepEqual(await state(), ['Enabled', true])
  }
})

test('ListKeys names each key once with its ARN', async () => {
  const made = await Promise.all(Array.from({ length: 5 }, () => newKey(kms)))
  const { Keys = [], Truncated, NextMarker } = await kms.listKeys({ Limit: 1000 })
  assert.equal(Truncated, false)
  assert.equal(NextMarker, undefined)
  assert.equal(new Set(Keys.map((key) => key.KeyId)).size, Keys.length)
  for (const { id, arn } of made) assert.ok(Keys.some((key) => key.KeyId === id && key.KeyArn === arn))
})
