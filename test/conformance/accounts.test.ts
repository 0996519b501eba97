import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { KMS } from '@aws-sdk/client-kms'
import { kmsClient, newKey } from '../kms-client.ts'
import { assertRefused } from '../refusal.ts'
import { runKeywright, startServer } from '../server-process.ts'
import type { Credentials } from '../server-process.ts'

const server = await startServer({ env: { KEYWRIGHT_ACCOUNT_ID: '111122223333' } })
const { dataDir } = server
const first = kmsClient(server)
after(() => server.stop())
const SECOND = '444455556666'
const second = await clientOfNewAccount(SECOND)

async function clientOfNewAccount(accountId: string): Promise<KMS> {
  const account = await runKeywright(['account', 'create', accountId, '--name', 'second'], { dataDir })
  assert.equal(account.code, 0, account.stderr)
  const made = await runKeywright(['credentials', 'create', accountId, '--json'], { dataDir })
  assert.equal(made.code, 0, made.stderr)
  return kmsClient(server, { credentials: JSON.parse(made.stdout) as Credentials })
}

const Plaintext = Buffer.from('of the first account')
const key = await newKey(first)
await first.createAlias({ AliasName: 'alias/shared-name', TargetKeyId: key.id })
const { CiphertextBlob } = await first.encrypt({ KeyId: key.id, Plaintext })
const Policy = (await first.getKeyPolicy({ KeyId: key.id })).Policy

/** Every operation that works on a key, as an action of IAM. */
const onKeys: Record<string, (kms: KMS, KeyId: string) => Promise<unknown>> = {
  Encrypt: (kms, KeyId) => kms.encrypt({ KeyId, Plaintext }),
  Decrypt: (kms, KeyId) => kms.decrypt({ KeyId, CiphertextBlob }),
  ReEncryptFrom: (kms, SourceKeyId) =>
    kms.reEncrypt({ CiphertextBlob, SourceKeyId, DestinationKeyId: SourceKeyId }),
  GenerateDataKey: (kms, KeyId) => kms.generateDataKey({ KeyId, KeySpec: 'AES_256' }),
  GenerateDataKeyWithoutPlaintext: (kms, KeyId) =>
    kms.generateDataKeyWithoutPlaintext({ KeyId, KeySpec: 'AES_256' }),
  DescribeKey: (kms, KeyId) => kms.describeKey({ KeyId }),
  EnableKey: (kms, KeyId) => kms.enableKey({ KeyId }),
  DisableKey: (kms, KeyId) => kms.disableKey({ KeyId }),
  UpdateKeyDescription: (kms, KeyId) => kms.updateKeyDescription({ KeyId, Description: 'taken over' }),
  ScheduleKeyDeletion: (kms, KeyId) => kms.scheduleKeyDeletion({ KeyId }),
  CancelKeyDeletion: (kms, KeyId) => kms.cancelKeyDeletion({ KeyId }),
  TagResource: (kms, KeyId) => kms.tagResource({ KeyId, Tags: [{ TagKey: 'a', TagValue: 'b' }] }),
  UntagResource: (kms, KeyId) => kms.untagResource({ KeyId, TagKeys: ['a'] }),
  ListResourceTags: (kms, KeyId) => kms.listResourceTags({ KeyId }),
  GetKeyPolicy: (kms, KeyId) => kms.getKeyPolicy({ KeyId }),
  PutKeyPolicy: (kms, KeyId) => kms.putKeyPolicy({ KeyId, Policy }),
  GetKeyRotationStatus: (kms, KeyId) => kms.getKeyRotationStatus({ KeyId }),
  EnableKeyRotation: (kms, KeyId) => kms.enableKeyRotation({ KeyId }),
  DisableKeyRotation: (kms, KeyId) => kms.disableKeyRotation({ KeyId }),
  RotateKeyOnDemand: (kms, KeyId) => kms.rotateKeyOnDemand({ KeyId }),
  ListKeyRotations: (kms, KeyId) => kms.listKeyRotations({ KeyId }),
  ListKeyPolicies: (kms, KeyId) => kms.listKeyPolicies({ KeyId }),
  ListAliases: (kms, KeyId) => kms.listAliases({ KeyId }),
  CreateAlias: (kms, TargetKeyId) => kms.createAlias({ AliasName: 'alias/stolen', TargetKeyId }),
}

const denied = (action: string) =>
  `User: arn:aws:iam::${SECOND}:root is not authorized to perform: kms:${action} on this resource because the resource ` +
  'does not exist in this Region, no resource-based policies allow access, or a resource-based policy explicitly denies access'

async function untouched(): Promise<void> {
  const { KeyMetadata } = await first.describeKey({ KeyId: key.id })
  assert.deepEqual([KeyMetadata?.KeyState, KeyMetadata?.Description], ['Enabled', ''])
  assert.deepEqual((await first.listResourceTags({ KeyId: key.id })).Tags, [])
  assert.equal((await first.listAliases({ KeyId: key.id })).Aliases?.length, 1)
}

test('the first account is the one that the server was given', () => {
  assert.match(key.arn, /^arn:aws:kms:us-east-1:111122223333:key\//)
})

test("another account's key ARN is denied in each operation, in the same words whether the key exists or not", async () => {
  const missing = key.arn.replace(key.id, '12345678-1234-4234-8234-123456789012')
  for (const [action, call] of Object.entries(onKeys)) {
    for (const arn of [key.arn, missing])
      await assertRefused(call(second, arn), 'AccessDeniedException', denied(action))
  }
  const aliasArn = 'arn:aws:kms:us-east-1:111122223333:alias/shared-name'
  for (const arn of [aliasArn, `${aliasArn}-missing`]) {
    await assertRefused(second.describeKey({ KeyId: arn }), 'AccessDeniedException', denied('DescribeKey'))
    await assertRefused(second.encrypt({ KeyId: arn, Plaintext }), 'AccessDeniedException', denied('Encrypt'))
  }
  await untouched()
})

test("another account's key id alone is a key that does not exist", async () => {
  const text = `Key 'arn:aws:kms:us-east-1:${SECOND}:key/${key.id}' does not exist`
  for (const call of Object.values(onKeys))
    await assertRefused(call(second, key.id), 'NotFoundException', text)
  await untouched()
})

test("another account's ciphertext is denied without a word on its key", async () => {
  const own = await newKey(second)
  await assertRefused(
    second.decrypt({ CiphertextBlob }),
    'AccessDeniedException',
    denied('Decrypt').replace('this resource', 'the resource associated with this ciphertext'),
  )
  await assertRefused(
    second.reEncrypt({ CiphertextBlob, DestinationKeyId: own.id }),
    'AccessDeniedException',
    denied('ReEncryptFrom').replace('this resource', 'the resource associated with this ciphertext'),
  )
  await assertRefused(second.decrypt({ CiphertextBlob, KeyId: own.id }), 'IncorrectKeyException', /./)
  // Nor may a stranger's key be what a ciphertext is sealed under.
  const sealed = await second.encrypt({ KeyId: own.id, Plaintext })
  await assertRefused(
    second.reEncrypt({ CiphertextBlob: sealed.CiphertextBlob, DestinationKeyId: key.arn }),
    'AccessDeniedException',
    denied('ReEncryptTo'),
  )
})

test('an alias name belongs to each account and each Region anew', async () => {
  const elsewhere = kmsClient(server, { region: 'eu-central-1' })
  const [ofSecond, ofElsewhere] = [await newKey(second), await newKey(elsewhere)]
  await second.createAlias({ AliasName: 'alias/shared-name', TargetKeyId: ofSecond.id })
  await elsewhere.createAlias({ AliasName: 'alias/shared-name', TargetKeyId: ofElsewhere.id })
  for (const [kms, { arn }] of [
    [first, key],
    [second, ofSecond],
    [elsewhere, ofElsewhere],
  ] as const) {
    assert.equal((await kms.describeKey({ KeyId: 'alias/shared-name' })).KeyMetadata?.Arn, arn)
    assert.equal((await kms.encrypt({ KeyId: 'alias/shared-name', Plaintext })).KeyId, arn)
  }
  await second.deleteAlias({ AliasName: 'alias/shared-name' })
  assert.equal((await first.encrypt({ KeyId: 'alias/shared-name', Plaintext })).KeyId, key.arn)
  assert.equal((await elsewhere.encrypt({ KeyId: 'alias/shared-name', Plaintext })).KeyId, ofElsewhere.arn)
})

test('lists show what the account has in the Region, and nothing else', async () => {
  const [here, there] = [
    kmsClient(server, { region: 'ap-south-1' }),
    kmsClient(server, { region: 'sa-east-1' }),
  ]
  const made = await newKey(here)
  await here.createAlias({ AliasName: 'alias/here', TargetKeyId: made.id })
  assert.deepEqual((await here.listKeys({})).Keys, [{ KeyId: made.id, KeyArn: made.arn }])
  assert.deepEqual((await there.listKeys({})).Keys, [])
  assert.deepEqual((await there.listAliases({})).Aliases, [])
  assert.match(made.arn, /^arn:aws:kms:ap-south-1:111122223333:key\//)
  const ids = (await second.listKeys({})).Keys?.map((each) => each.KeyArn) ?? []
  assert.ok(ids.length > 0 && ids.every((arn) => arn?.startsWith(`arn:aws:kms:us-east-1:${SECOND}:`)))
})

test('a key is of no use in another Region', async () => {
  const elsewhere = kmsClient(server, { region: 'eu-west-3' })
  await assertRefused(
    elsewhere.describeKey({ KeyId: key.id }),
    'NotFoundException',
    `Key 'arn:aws:kms:eu-west-3:111122223333:key/${key.id}' does not exist`,
  )
  await assertRefused(
    elsewhere.encrypt({ KeyId: key.arn, Plaintext }),
    'NotFoundException',
    'Invalid arn us-east-1',
  )
  await assertRefused(
    elsewhere.decrypt({ CiphertextBlob }),
    'AccessDeniedException',
    /associated with this ciphertext/,
  )
})

test('an account that the key policy names uses the key by its ARNs, and manages nothing', async () => {
  const lent = await newKey(first)
  await first.createAlias({ AliasName: 'alias/lent', TargetKeyId: lent.id })
  const statement = (accountId: string) => ({
    Effect: 'Allow',
    Principal: { AWS: `arn:aws:iam::${accountId}:root` },
    Action: 'kms:*',
    Resource: '*',
  })
  const put = (...accounts: string[]) =>
    first.putKeyPolicy({
      KeyId: lent.id,
      Policy: JSON.stringify({ Version: '2012-10-17', Statement: accounts.map(statement) }),
    })
  await put('111122223333', SECOND)
  const sealed = await second.encrypt({ KeyId: lent.arn, Plaintext })
  assert.equal(sealed.KeyId, lent.arn)
  for (const KeyId of [undefined, lent.id, lent.arn, lent.arn.replace(/key\/.*/, 'alias/lent')]) {
    const opened = await second.decrypt({ CiphertextBlob: sealed.CiphertextBlob, KeyId })
    assert.equal(Buffer.from(opened.Plaintext ?? []).toString(), 'of the first account')
  }
  assert.equal((await second.describeKey({ KeyId: lent.arn })).KeyMetadata?.AWSAccountId, '111122223333')
  const within: readonly (keyof typeof onKeys)[] = [
    'DisableKey',
    'GetKeyPolicy',
    'CreateAlias',
    'TagResource',
  ]
  for (const action of within) {
    await assertRefused(
      onKeys[action]?.(second, lent.arn) ?? Promise.reject(new Error(action)),
      'AccessDeniedException',
      denied(action),
    )
  }
  await assertRefused(
    second.encrypt({ KeyId: lent.id, Plaintext }),
    'NotFoundException',
    `Key 'arn:aws:kms:us-east-1:${SECOND}:key/${lent.id}' does not exist`,
  )
  await put('111122223333')
  await assertRefused(
    second.encrypt({ KeyId: lent.arn, Plaintext }),
    'AccessDeniedException',
    denied('Encrypt'),
  )
})
