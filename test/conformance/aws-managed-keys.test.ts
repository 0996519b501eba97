import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, test } from 'node:test'
import { kmsClient, newKey } from '../kms-client.ts'
import { assertRefused } from '../refusal.ts'
import { runKeywright, startServer } from '../server-process.ts'
import { newCertificate, postAs, serviceClient, shownRequest } from '../service-client.ts'

const server = await startServer({ args: ['--tls-self-signed', '--services-listen', '127.0.0.1:0'] })
after(() => server.stop())
const printed = (pattern: RegExp) => pattern.exec(server.stdout())?.[1] ?? ''
const ca = readFileSync(printed(/^Certificate authority to trust: (\S+)/m), 'utf8')
const servicesUrl = printed(/^Registered services: (\S+)$/m)
const kms = kmsClient(server, { ca })
const Plaintext = Buffer.from('an object')

const certificate = await newCertificate()
const registered = await runKeywright(
  ['service', 'register', 's3.us-east-1.amazonaws.com', '--certificate', certificate.file],
  { dataDir: server.dataDir },
)
assert.equal(registered.code, 0, registered.stderr)
const issued = await postAs(new URL('/-/forward-access', servicesUrl), shownRequest(server), {
  ca,
  as: certificate,
})
const s3 = serviceClient(servicesUrl, issued.body, { ca, as: certificate })

const alias = 'alias/aws/s3'
const { CiphertextBlob, KeyId: arn = '' } = await s3.encrypt({ KeyId: alias, Plaintext })
const KeyId = arn.split('/')[1] ?? ''
const own = await newKey(kms)
const { Policy = '' } = await kms.getKeyPolicy({ KeyId })

test('an AWS managed key shows itself: its metadata, policy, rotation, tags and grants', async () => {
  const { KeyMetadata } = await kms.describeKey({ KeyId: alias })
  assert.equal(KeyMetadata?.Arn, arn)
  assert.equal(KeyMetadata?.KeyManager, 'AWS')
  assert.equal(KeyMetadata?.KeyState, 'Enabled')
  assert.equal(KeyMetadata?.KeySpec, 'SYMMETRIC_DEFAULT')
  assert.equal(KeyMetadata?.MultiRegion, false)
  assert.equal(KeyMetadata?.Description, 'Default key that protects my s3 data when no other key is defined')
  assert.deepEqual((await kms.listKeyPolicies({ KeyId })).PolicyNames, ['default'])
  const { KeyRotationEnabled, RotationPeriodInDays, NextRotationDate } = await kms.getKeyRotationStatus({
    KeyId,
  })
  assert.deepEqual([KeyRotationEnabled, RotationPeriodInDays], [true, 365])
  const inDays = ((NextRotationDate?.getTime() ?? 0) - Date.now()) / 86_400_000
  assert.ok(inDays > 364.9 && inDays <= 365, `${inDays} days`)
  assert.deepEqual((await kms.listKeyRotations({ KeyId })).Rotations, [])
  assert.deepEqual((await kms.listResourceTags({ KeyId })).Tags, [])
  assert.deepEqual((await kms.listGrants({ KeyId })).Grants, [])
  const { Aliases = [] } = await kms.listAliases({ KeyId })
  assert.deepEqual(
    Aliases.map(({ AliasName, TargetKeyId }) => [AliasName, TargetKeyId]),
    [[alias, KeyId]],
  )
  assert.ok((await kms.listKeys({})).Keys?.some((key) => key.KeyId === KeyId))
  await assertRefused(
    kms.getParametersForImport({
      KeyId,
      WrappingAlgorithm: 'RSAES_OAEP_SHA_256',
      WrappingKeySpec: 'RSA_2048',
    }),
    'UnsupportedOperationException',
    `${arn} origin is AWS_KMS which is not valid for this operation.`,
  )
})

const changes: Readonly<Record<string, (client: typeof kms) => Promise<unknown>>> = {
  PutKeyPolicy: (client) => client.putKeyPolicy({ KeyId, Policy }),
  'PutKeyPolicy ': (client) => client.putKeyPolicy({ KeyId, Policy, BypassPolicyLockoutSafetyCheck: true }),
  ScheduleKeyDeletion: (client) => client.scheduleKeyDeletion({ KeyId, PendingWindowInDays: 7 }),
  CancelKeyDeletion: (client) => client.cancelKeyDeletion({ KeyId }),
  DisableKey: (client) => client.disableKey({ KeyId }),
  EnableKey: (client) => client.enableKey({ KeyId }),
  UpdateKeyDescription: (client) => client.updateKeyDescription({ KeyId, Description: 'mine' }),
  TagResource: (client) => client.tagResource({ KeyId, Tags: [{ TagKey: 'a', TagValue: 'b' }] }),
  UntagResource: (client) => client.untagResource({ KeyId, TagKeys: ['a'] }),
  CreateAlias: (client) => client.createAlias({ AliasName: 'alias/mine', TargetKeyId: KeyId }),
  EnableKeyRotation: (client) => client.enableKeyRotation({ KeyId, RotationPeriodInDays: 90 }),
  DisableKeyRotation: (client) => client.disableKeyRotation({ KeyId }),
  RotateKeyOnDemand: (client) => client.rotateKeyOnDemand({ KeyId }),
  CreateGrant: (client) =>
    client.createGrant({
      KeyId,
      GranteePrincipal: arn.replace(/:kms:[^:]*:(\d+):.*/, ':iam::$1:root'),
      Operations: ['Decrypt'],
    }),
  RevokeGrant: (client) => client.revokeGrant({ KeyId, GrantId: '0'.repeat(64) }),
  ReplicateKey: (client) => client.replicateKey({ KeyId, ReplicaRegion: 'eu-west-1' }),
  UpdatePrimaryRegion: (client) => client.updatePrimaryRegion({ KeyId, PrimaryRegion: 'eu-west-1' }),
  DeleteImportedKeyMaterial: (client) => client.deleteImportedKeyMaterial({ KeyId }),
  ImportKeyMaterial: (client) =>
    client.importKeyMaterial({
      KeyId,
      ImportToken: Buffer.alloc(300, 1),
      EncryptedKeyMaterial: Buffer.alloc(256, 1),
      ExpirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE',
    }),
}

test('nobody changes an AWS managed key, nor does its service for them: its policy allows nobody to', async () => {
  for (const [name, change] of Object.entries(changes)) {
    const action = `kms:${name.trim()}`
    for (const client of [kms, s3]) {
      await assertRefused(
        change(client),
        'AccessDeniedException',
        new RegExp(
          `not authorized to perform: ${action} on resource: ${arn} because no resource-based policy`,
        ),
      )
    }
  }
  const { KeyMetadata } = await kms.describeKey({ KeyId })
  assert.equal(KeyMetadata?.KeyState, 'Enabled')
  assert.equal((await kms.getKeyPolicy({ KeyId })).Policy, Policy)
})

test('it is used by way of its service, and directly by nobody', async () => {
  for (const attempt of [
    () => kms.encrypt({ KeyId: alias, Plaintext }),
    () => kms.decrypt({ CiphertextBlob }),
    () => kms.generateDataKey({ KeyId, KeySpec: 'AES_256' }),
    () => kms.generateDataKeyWithoutPlaintext({ KeyId, KeySpec: 'AES_256' }),
    () => kms.reEncrypt({ CiphertextBlob, DestinationKeyId: own.id }),
  ]) {
    await assertRefused(attempt(), 'AccessDeniedException', /not authorized/)
  }
  const { Plaintext: opened } = await s3.decrypt({ CiphertextBlob })
  assert.deepEqual(Buffer.from(opened ?? []), Plaintext)
})

test('names under alias/aws/ are made, moved and removed by nobody', async () => {
  for (const AliasName of [alias, 'alias/aws/mine']) {
    await assertRefused(kms.createAlias({ AliasName, TargetKeyId: own.id }), 'InvalidAliasNameException', /./)
    await assertRefused(
      kms.updateAlias({ AliasName, TargetKeyId: own.id }),
      'ValidationException',
      /reserved/,
    )
    await assertRefused(kms.deleteAlias({ AliasName }), 'ValidationException', /reserved/)
  }
  assert.equal((await kms.describeKey({ KeyId: alias })).KeyMetadata?.Arn, arn)
})
