import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { kmsClient, newKey } from '../kms-client.ts'
import { assertRefused } from '../refusal.ts'
import { startServer } from '../server-process.ts'

const server = await startServer()
const kms = kmsClient(server)
after(() => server.stop())

const key = await newKey(kms)
await kms.createAlias({ AliasName: 'alias/identified', TargetKeyId: key.id })
const aliasArn = 'arn:aws:kms:us-east-1:000000000000:alias/identified'
const Plaintext = Buffer.from('x')
const { CiphertextBlob } = await kms.encrypt({ KeyId: key.id, Plaintext })
const Policy = (await kms.getKeyPolicy({ KeyId: key.id })).Policy
const unknownId = '12345678-1234-4234-8234-123456789012'

/** What takes all four forms of a key identifier. */
const uses: Record<string, (KeyId: string) => Promise<{ KeyId?: string | undefined }>> = {
  Encrypt: (KeyId) => kms.encrypt({ KeyId, Plaintext }),
  Decrypt: (KeyId) => kms.decrypt({ KeyId, CiphertextBlob }),
  'ReEncrypt to': (DestinationKeyId) => kms.reEncrypt({ CiphertextBlob, DestinationKeyId }),
  'ReEncrypt from': (SourceKeyId) => kms.reEncrypt({ CiphertextBlob, SourceKeyId, DestinationKeyId: key.id }),
  GenerateDataKey: (KeyId) => kms.generateDataKey({ KeyId, KeySpec: 'AES_256' }),
  GenerateDataKeyWithoutPlaintext: (KeyId) =>
    kms.generateDataKeyWithoutPlaintext({ KeyId, KeySpec: 'AES_256' }),
  DescribeKey: async (KeyId) => ({ KeyId: (await kms.describeKey({ KeyId })).KeyMetadata?.Arn }),
}

/** What takes a key id or key ARN only. */
const managements: Record<string, (KeyId: string) => Promise<unknown>> = {
  EnableKey: (KeyId) => kms.enableKey({ KeyId }),
  DisableKey: (KeyId) => kms.disableKey({ KeyId }),
  UpdateKeyDescription: (KeyId) => kms.updateKeyDescription({ KeyId, Description: 'changed' }),
  ScheduleKeyDeletion: (KeyId) => kms.scheduleKeyDeletion({ KeyId }),
  CancelKeyDeletion: (KeyId) => kms.cancelKeyDeletion({ KeyId }),
  TagResource: (KeyId) => kms.tagResource({ KeyId, Tags: [{ TagKey: 'a', TagValue: 'b' }] }),
  UntagResource: (KeyId) => kms.untagResource({ KeyId, TagKeys: ['a'] }),
  ListResourceTags: (KeyId) => kms.listResourceTags({ KeyId }),
  GetKeyPolicy: (KeyId) => kms.getKeyPolicy({ KeyId }),
  PutKeyPolicy: (KeyId) => kms.putKeyPolicy({ KeyId, Policy }),
  GetKeyRotationStatus: (KeyId) => kms.getKeyRotationStatus({ KeyId }),
  EnableKeyRotation: (KeyId) => kms.enableKeyRotation({ KeyId }),
  DisableKeyRotation: (KeyId) => kms.disableKeyRotation({ KeyId }),
  RotateKeyOnDemand: (KeyId) => kms.rotateKeyOnDemand({ KeyId }),
  ListKeyRotations: (KeyId) => kms.listKeyRotations({ KeyId }),
  ListKeyPolicies: (KeyId) => kms.listKeyPolicies({ KeyId }),
  ListAliases: (KeyId) => kms.listAliases({ KeyId }),
  CreateAlias: (TargetKeyId) => kms.createAlias({ AliasName: 'alias/never', TargetKeyId }),
  UpdateAlias: (TargetKeyId) => kms.updateAlias({ AliasName: 'alias/identified', TargetKeyId }),
}
// These two answer NotFoundException where the others have InvalidArnException among their errors.
const withoutInvalidArn = ['CreateAlias', 'UpdateAlias']
const all = { ...uses, ...managements }

async function unchanged(): Promise<void> {
  const { KeyMetadata } = await kms.describeKey({ KeyId: key.id })
  assert.deepEqual([KeyMetadata?.KeyState, KeyMetadata?.Description], ['Enabled', ''])
  assert.deepEqual((await kms.listResourceTags({ KeyId: key.id })).Tags, [])
}

test('cryptographic operations and DescribeKey take a key id, a key ARN, an alias name and an alias ARN', async () => {
  for (const [name, use] of Object.entries(uses)) {
    for (const id of [key.id, key.arn, 'alias/identified', aliasArn]) {
      const answer = await use(id)
      assert.equal(answer.KeyId, key.arn, `${name} of ${id}`)
    }
  }
})

test('an alias is no key in operations that manage keys, and nothing is changed', async () => {
  for (const [name, manage] of Object.entries(managements)) {
    await assertRefused(manage('alias/identified'), 'NotFoundException', "Invalid keyId 'alias/identified'")
    const error = withoutInvalidArn.includes(name) ? 'NotFoundException' : 'InvalidArnException'
    await assertRefused(manage(aliasArn), error, /arn/i)
  }
  await unchanged()
})

test('what has the form of no key is not found', async () => {
  for (const use of Object.values(all)) {
    for (const text of [
      'nonsense',
      'key/12345678-1234-4234-8234-123456789012',
      key.id.slice(1),
      `${key.id}0`,
      ' ',
    ]) {
      await assertRefused(use(text), 'NotFoundException', `Invalid keyId '${text}'`)
    }
  }
})

test('a key that does not exist in the own account is named in the answer', async () => {
  const text = `Key 'arn:aws:kms:us-east-1:000000000000:key/${unknownId}' does not exist`
  for (const use of Object.values(all)) {
    await assertRefused(use(unknownId), 'NotFoundException', text)
    await assertRefused(use(`arn:aws:kms:us-east-1:000000000000:key/${unknownId}`), 'NotFoundException', text)
  }
})

test('an alias that does not exist is named by its ARN', async () => {
  const arn = 'arn:aws:kms:us-east-1:000000000000:alias/missing'
  for (const use of Object.values(uses)) {
    for (const id of ['alias/missing', arn])
      await assertRefused(use(id), 'NotFoundException', `Alias ${arn} is not found.`)
  }
})

test("another Region's ARN is refused with that Region's name", async () => {
  for (const use of Object.values(all)) {
    await assertRefused(
      use(key.arn.replace('us-east-1', 'eu-west-1')),
      'NotFoundException',
      'Invalid arn eu-west-1',
    )
  }
  for (const use of Object.values(uses)) {
    await assertRefused(
      use(aliasArn.replace('us-east-1', 'eu-west-1')),
      'NotFoundException',
      'Invalid arn eu-west-1',
    )
  }
  await unchanged()
})

test("another account's ARN is denied, whatever it names", async () => {
  const other = '999999999999'
  for (const [name, use] of Object.entries(all)) {
    for (const arn of [key.arn, key.arn.replace(key.id, unknownId)]) {
      await assertRefused(
        use(arn.replace('000000000000', other)),
        'AccessDeniedException',
        /^User: arn:aws:iam::000000000000:root is not authorized to perform: kms:\w+ on this resource because the resource does not exist in this Region, no resource-based policies allow access, or a resource-based policy explicitly denies access$/,
      )
    }
    if (!(name in uses)) continue
    await assertRefused(
      use(aliasArn.replace('000000000000', other)),
      'AccessDeniedException',
      /three|does not exist in this Region/,
    )
  }
  await unchanged()
})

test('an ARN that is none of KMS is refused', async () => {
  for (const [name, use] of Object.entries(all)) {
    const error = name in uses && name !== 'DescribeKey' ? 'NotFoundException' : 'InvalidArnException'
    const expected = withoutInvalidArn.includes(name) ? 'NotFoundException' : error
    for (const arn of [
      'arn:aws:s3:::bucket',
      'arn:aws:iam::000000000000:root',
      `arn:aws:kms:us-east-1:000000000000:grant/${key.id}`,
      `arn:aws:kms:us-east-1:000000000000:${key.id}`,
      'arn:aws:kms:us-east-1:000000000000:key/nonsense',
      `arn:aws:kms:us-east-1:12:key/${key.id}`,
      'arn:',
    ]) {
      await assertRefused(use(arn), expected, /^Invalid arn/)
    }
  }
  await unchanged()
})

test('a key identifier has 1 to 2048 characters', async () => {
  for (const [name, use] of Object.entries(all)) {
    const member =
      {
        'ReEncrypt to': 'destinationKeyId',
        'ReEncrypt from': 'sourceKeyId',
        CreateAlias: 'targetKeyId',
        UpdateAlias: 'targetKeyId',
      }[name] ?? 'keyId'
    await assertRefused(
      use(''),
      'ValidationException',
      `1 validation error detected: Value '' at '${member}' failed to satisfy constraint: ` +
        'Member must have length greater than or equal to 1',
    )
    await assertRefused(
      use('x'.repeat(2049)),
      'ValidationException',
      new RegExp(
        `at '${member}' failed to satisfy constraint: Member must have length less than or equal to 2048$`,
      ),
    )
  }
})
