import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { journalOf } from '../journal-of.ts'
import { kmsClient, newKey } from '../kms-client.ts'
import { assertRefused } from '../refusal.ts'
import { startServer } from '../server-process.ts'

const server = await startServer()
const kms = kmsClient(server)
after(() => server.stop())

const Plaintext = Buffer.from('kept')

test('ids, ARNs, policies and aliases outlive a rotation, and so do ciphertexts', async () => {
  const { id, arn } = await newKey(kms)
  await kms.createAlias({ AliasName: 'alias/rotated', TargetKeyId: id })
  const before = await kms.encrypt({ KeyId: 'alias/rotated', Plaintext })
  const dataKey = await kms.generateDataKey({ KeyId: id, KeySpec: 'AES_256' })
  const { Policy } = await kms.getKeyPolicy({ KeyId: id })
  assert.deepEqual((await kms.rotateKeyOnDemand({ KeyId: id })).KeyId, arn)

  const { KeyMetadata } = await kms.describeKey({ KeyId: 'alias/rotated' })
  assert.equal(KeyMetadata?.Arn, arn)
  assert.notEqual(KeyMetadata?.CurrentKeyMaterialId, dataKey.KeyMaterialId)
  assert.equal((await kms.getKeyPolicy({ KeyId: id })).Policy, Policy)
  const opened = await kms.decrypt({ CiphertextBlob: before.CiphertextBlob })
  assert.deepEqual(Buffer.from(opened.Plaintext ?? []), Plaintext)
  assert.equal(opened.KeyMaterialId, dataKey.KeyMaterialId)
  const key = await kms.decrypt({ CiphertextBlob: dataKey.CiphertextBlob })
  assert.deepEqual(key.Plaintext, dataKey.Plaintext)
  const after = await kms.generateDataKeyWithoutPlaintext({ KeyId: id, KeySpec: 'AES_128' })
  assert.equal(after.KeyMaterialId, KeyMetadata?.CurrentKeyMaterialId)
})

test('the period is 90 to 2560 days', async () => {
  const { id } = await newKey(kms)
  for (const [RotationPeriodInDays, bound] of [
    [89, 'greater than or equal to 90'],
    [2561, 'less than or equal to 2560'],
  ] as const) {
    await assertRefused(
      kms.enableKeyRotation({ KeyId: id, RotationPeriodInDays }),
      'ValidationException',
      `1 validation error detected: Value '${RotationPeriodInDays}' at 'rotationPeriodInDays' failed to satisfy constraint: Member must have value ${bound}`,
    )
  }
  assert.equal((await kms.getKeyRotationStatus({ KeyId: id })).KeyRotationEnabled, false)
})

test('rotations survive a restart, and the journal has who asked for them', async () => {
  const own = await startServer()
  try {
    const { id } = await newKey(kmsClient(own))
    const { CiphertextBlob } = await kmsClient(own).encrypt({ KeyId: id, Plaintext })
    await kmsClient(own).enableKeyRotation({ KeyId: id, RotationPeriodInDays: 100 })
    await kmsClient(own).rotateKeyOnDemand({ KeyId: id })
    const listed = await kmsClient(own).listKeyRotations({
      KeyId: id,
      IncludeKeyMaterial: 'ALL_KEY_MATERIAL',
    })
    await own.stop()
    const again = await startServer({ dataDir: own.dataDir })
    try {
      const client = kmsClient(again)
      const { Rotations } = await client.listKeyRotations({
        KeyId: id,
        IncludeKeyMaterial: 'ALL_KEY_MATERIAL',
      })
      assert.deepEqual(Rotations, listed.Rotations)
      assert.deepEqual(
        Rotations?.map(({ KeyMaterialState }) => KeyMaterialState),
        ['NON_CURRENT', 'CURRENT'],
      )
      const { RotationPeriodInDays } = await client.getKeyRotationStatus({ KeyId: id })
      assert.equal(RotationPeriodInDays, 100)
      const { Plaintext: opened } = await client.decrypt({ CiphertextBlob })
      assert.deepEqual(Buffer.from(opened ?? []), Plaintext)
    } finally {
      await again.stop()
    }
    const { records } = await journalOf(own)
    const names = records.map(({ eventName }) => eventName)
    assert.equal(names.filter((name) => name === 'RotateKeyOnDemand').length, 1)
    assert.equal(names.filter((name) => name === 'EnableKeyRotation').length, 1)
    const events = records.filter(({ eventName }) => eventName === 'RotateKey')
    assert.deepEqual(
      events.map(({ serviceEventDetails }) => serviceEventDetails),
      [
        {
          rotationType: 'ON_DEMAND',
          keyOrigin: 'AWS_KMS',
          previousKeyMaterialId: listed.Rotations?.[0]?.KeyMaterialId,
          currentKeyMaterialId: listed.Rotations?.[1]?.KeyMaterialId,
        },
      ],
    )
  } finally {
    await own.stop()
  }
})
