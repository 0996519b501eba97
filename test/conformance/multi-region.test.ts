import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { KMS } from '@aws-sdk/client-kms'
import { journalOf } from '../journal-of.ts'
import { kmsClient, newKey } from '../kms-client.ts'
import { newSet, settled } from '../multi-region-set.ts'
import { assertRefused } from '../refusal.ts'
import { clockAhead, startServer } from '../server-process.ts'

const HOME = 'us-east-1'
const AWAY = 'eu-west-1'
const THIRD = 'ap-southeast-2'
const DAY_MS = 86_400_000

const server = await startServer()
const home = kmsClient(server, { region: HOME })
const away = kmsClient(server, { region: AWAY })
const third = kmsClient(server, { region: THIRD })
after(async () => {
  for (const kms of [home, away, third]) kms.destroy()
  await server.stop()
})

const Plaintext = Buffer.from('kept')
const opened = async (kms: KMS, CiphertextBlob: Uint8Array | undefined, KeyId?: string) =>
  Buffer.from((await kms.decrypt({ CiphertextBlob, KeyId })).Plaintext ?? []).toString()
const arnIn = (region: string, id: string) => `arn:aws:kms:${region}:000000000000:key/${id}`

test('a data key of one Region is opened in another, by the same id', async () => {
  const id = await newSet(home, { [AWAY]: away })
  const { CiphertextBlob, Plaintext: key } = await home.generateDataKey({
    KeyId: id,
    KeySpec: 'AES_256',
    EncryptionContext: { purpose: 'test' },
  })
  const there = await away.decrypt({ CiphertextBlob, EncryptionContext: { purpose: 'test' } })
  assert.deepEqual(there.Plaintext, key)
  assert.equal(there.KeyId, arnIn(AWAY, id))
  const moved = await away.reEncrypt({
    CiphertextBlob,
    SourceEncryptionContext: { purpose: 'test' },
    DestinationKeyId: arnIn(AWAY, id),
  })
  assert.deepEqual((await home.decrypt({ CiphertextBlob: moved.CiphertextBlob })).Plaintext, key)
  await assertRefused(
    away.decrypt({ CiphertextBlob, KeyId: arnIn(HOME, id), EncryptionContext: { purpose: 'test' } }),
    'NotFoundException',
    `Invalid arn ${HOME}`,
  )
})

test('a replica has what it was made with, and shares what cannot be set', async () => {
  const { id, arn } = await newKey(home, {
    MultiRegion: true,
    KeySpec: 'RSA_2048',
    KeyUsage: 'SIGN_VERIFY',
    Description: 'primary',
  })
  const { ReplicaKeyMetadata, ReplicaPolicy, ReplicaTags } = await home.replicateKey({
    KeyId: arn,
    ReplicaRegion: AWAY,
    Description: 'replica',
    Tags: [{ TagKey: 'a', TagValue: 'b' }],
  })
  assert.equal(ReplicaKeyMetadata?.KeyState, 'Creating')
  assert.deepEqual(ReplicaTags, [{ TagKey: 'a', TagValue: 'b' }])
  const made = await settled(away, id)
  assert.equal(made.Description, 'replica')
  const { KeyMetadata: primary } = await home.describeKey({ KeyId: id })
  for (const shared of ['KeyId', 'KeySpec', 'KeyUsage', 'Origin', 'SigningAlgorithms'] as const)
    assert.deepEqual(made[shared], primary?.[shared])
  const regions = {
    ReplicaKeys: [{ Arn: arnIn(AWAY, id), Region: AWAY }],
    PrimaryKey: { Arn: arn, Region: HOME },
  }
  assert.deepEqual(made.MultiRegionConfiguration, { MultiRegionKeyType: 'REPLICA', ...regions })
  assert.deepEqual(primary?.MultiRegionConfiguration, { MultiRegionKeyType: 'PRIMARY', ...regions })
  assert.equal((await away.getKeyPolicy({ KeyId: id })).Policy, ReplicaPolicy)
  assert.deepEqual((await home.listResourceTags({ KeyId: id })).Tags, [])

  const message = { KeyId: id, Message: Plaintext, SigningAlgorithm: 'RSASSA_PSS_SHA_256' } as const
  const { Signature } = await away.sign(message)
  assert.equal((await home.verify({ ...message, Signature })).SignatureValid, true)
})

test('rotations bind every Region at once, and replicas refuse to be asked for one', async () => {
  const id = await newSet(home, { [AWAY]: away, [THIRD]: third })
  const before = await third.encrypt({ KeyId: id, Plaintext })
  await home.enableKeyRotation({ KeyId: id, RotationPeriodInDays: 120 })
  await home.rotateKeyOnDemand({ KeyId: id })
  const { KeyMetadata } = await home.describeKey({ KeyId: id })
  for (const kms of [home, away, third]) {
    const { KeyMaterialId } = await kms.generateDataKeyWithoutPlaintext({ KeyId: id, KeySpec: 'AES_256' })
    assert.equal(KeyMaterialId, KeyMetadata?.CurrentKeyMaterialId)
    assert.equal(await opened(kms, before.CiphertextBlob), 'kept')
    assert.equal((await kms.getKeyRotationStatus({ KeyId: id })).RotationPeriodInDays, 120)
    assert.equal((await kms.listKeyRotations({ KeyId: id })).Rotations?.length, 1)
  }
  for (const asked of [
    away.rotateKeyOnDemand({ KeyId: id }),
    away.enableKeyRotation({ KeyId: id }),
    away.disableKeyRotation({ KeyId: id }),
    away.replicateKey({ KeyId: id, ReplicaRegion: 'eu-west-2' }),
    away.updatePrimaryRegion({ KeyId: id, PrimaryRegion: HOME }),
  ]) {
    await assertRefused(
      asked,
      'UnsupportedOperationException',
      `${arnIn(AWAY, id)} is not a multi-region primary key.`,
    )
  }
})

test('the primary key moves, and back again', async () => {
  const id = await newSet(home, { [AWAY]: away })
  const { CiphertextBlob } = await home.encrypt({ KeyId: id, Plaintext })
  for (const [from, to, region] of [
    [home, away, AWAY],
    [away, home, HOME],
  ] as const) {
    await from.updatePrimaryRegion({ KeyId: id, PrimaryRegion: region })
    for (const kms of [from, to]) {
      assert.equal(await opened(kms, CiphertextBlob), 'kept')
      const { MultiRegionConfiguration } = await settled(kms, id)
      assert.equal(MultiRegionConfiguration?.PrimaryKey?.Region, region)
    }
    await to.rotateKeyOnDemand({ KeyId: id })
  }
  assert.equal((await away.listKeyRotations({ KeyId: id })).Rotations?.length, 2)
})

test("Region names have AWS KMS's form", async () => {
  const { id } = await newKey(home, { MultiRegion: true })
  await assertRefused(
    home.replicateKey({ KeyId: id, ReplicaRegion: 'Nowhere' }),
    'ValidationException',
    "1 validation error detected: Value 'Nowhere' at 'replicaRegion' failed to satisfy constraint: Member must satisfy regular expression pattern: ^([a-z]+-){2,3}\\d+$",
  )
  await assertRefused(
    home.replicateKey({ KeyId: id, ReplicaRegion: 'mars-north-1' }),
    'UnsupportedOperationException',
    'ReplicaRegion mars-north-1 is not supported.',
  )
})

test('what was under way when a server was killed is completed by the next one', async () => {
  const own = await startServer()
  let current = own
  try {
    const first = kmsClient(own, { region: HOME })
    const moved = await newSet(first, { [AWAY]: kmsClient(own, { region: AWAY }) })
    const made: string[] = []
    for (let i = 0; i < 5; i++) {
      const { id } = await newKey(first, { MultiRegion: true })
      made.push(id)
    }
    const { CiphertextBlob } = await first.encrypt({ KeyId: moved, Plaintext })
    await Promise.all([
      first.updatePrimaryRegion({ KeyId: moved, PrimaryRegion: AWAY }),
      ...made.map((KeyId) => first.replicateKey({ KeyId, ReplicaRegion: AWAY })),
    ])
    await own.kill()
    current = await startServer({ dataDir: own.dataDir })
    const again = kmsClient(current, { region: AWAY })
    for (const id of [moved, ...made]) assert.equal((await settled(again, id)).KeyState, 'Enabled')
    assert.equal((await settled(again, moved)).MultiRegionConfiguration?.MultiRegionKeyType, 'PRIMARY')
    assert.equal(await opened(again, CiphertextBlob), 'kept')
    for (const KeyId of made) await again.encrypt({ KeyId, Plaintext })
  } finally {
    await current.stop()
  }
  const { records } = await journalOf(current)
  const named = (name: string) => records.filter(({ eventName }) => eventName === name)
  assert.equal(named('ReplicateKey').length, 6)
  const sets = new Set(
    named('SynchronizeMultiRegionKey').map(({ responseElements }) => responseElements?.['keyId']),
  )
  assert.equal(sets.size, 7)
})

test('a primary key is deleted after its replicas, by servers that were off in between', async () => {
  let current = await startServer()
  const { dataDir } = current
  try {
    const first = kmsClient(current, { region: HOME })
    const id = await newSet(first, { [AWAY]: kmsClient(current, { region: AWAY }) })
    const scheduled = await first.scheduleKeyDeletion({ KeyId: id, PendingWindowInDays: 7 })
    assert.equal(scheduled.KeyState, 'PendingReplicaDeletion')
    assert.equal(scheduled.DeletionDate, undefined)
    await kmsClient(current, { region: AWAY }).scheduleKeyDeletion({ KeyId: id, PendingWindowInDays: 7 })
    for (const [days, left] of [
      [8, 'PendingDeletion'],
      [16, undefined],
    ] as const) {
      await current.stop()
      const clockAheadMs = days * DAY_MS
      current = await startServer({
        dataDir,
        nodeArgs: clockAhead(clockAheadMs),
        args: ['--clock-jump-wait-ms', '0'],
      })
      const later = kmsClient(current, { region: HOME, clockAheadMs })
      const state = async () =>
        (await later.describeKey({ KeyId: id }).catch(() => undefined))?.KeyMetadata?.KeyState
      const endMs = Date.now() + 60_000
      while ((await state()) !== left) assert.ok(Date.now() < endMs, `it is not ${left} within a minute`)
    }
  } finally {
    await current.stop()
  }
})
