import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { KMS } from '@aws-sdk/client-kms'
import { newKey } from '../kms-client.ts'
import { journalOf } from '../journal-of.ts'
import { importMaterial, newImportable } from '../imported-material.ts'
import { eventually, linkedServer, linkServers } from '../linked-servers.ts'
import { assertRefused } from '../refusal.ts'

const HOME = 'us-east-1'
const AWAY = 'eu-west-1'
const DAY_MS = 86_400_000

const one = await linkedServer(`${HOME},us-west-2`)
const other = await linkedServer(AWAY)
await linkServers(one, other)
after(async () => {
  await one.stop()
  await other.stop()
})

const Plaintext = Buffer.from('kept')
const opened = async (kms: KMS, CiphertextBlob: Uint8Array | undefined) =>
  Buffer.from((await kms.decrypt({ CiphertextBlob })).Plaintext ?? []).toString()

const stateOf = async (kms: KMS, KeyId: string) => {
  const found = await kms.describeKey({ KeyId }).catch(() => undefined)
  return found?.KeyMetadata
}
const until = (kms: KMS, id: string, state: string) =>
  eventually(async () => {
    const metadata = await stateOf(kms, id)
    return metadata?.KeyState === state && metadata
  }, `state ${state} of ${id}`)

async function linkedSet(): Promise<string> {
  const { id } = await newKey(one.kms(HOME), { MultiRegion: true })
  await one.kms(HOME).replicateKey({ KeyId: id, ReplicaRegion: AWAY, Description: 'over there' })
  await until(other.kms(AWAY), id, 'Enabled')
  return id
}

test('a replica is made in a linked deployment, and each side opens what the other encrypted', async () => {
  const { id } = await newKey(one.kms(HOME), { MultiRegion: true })
  const answer = await one.kms(HOME).replicateKey({
    KeyId: id,
    ReplicaRegion: AWAY,
    Description: 'over there',
    Tags: [{ TagKey: 'team', TagValue: 'away' }],
  })
  assert.equal(answer.ReplicaKeyMetadata?.KeyState, 'Creating')
  assert.equal(answer.ReplicaKeyMetadata?.Arn, `arn:aws:kms:${AWAY}:111122223333:key/${id}`)
  const metadata = await until(other.kms(AWAY), id, 'Enabled')
  assert.equal(metadata.Description, 'over there')
  assert.equal(metadata.MultiRegionConfiguration?.MultiRegionKeyType, 'REPLICA')
  assert.equal(metadata.MultiRegionConfiguration?.PrimaryKey?.Region, HOME)
  const { Tags } = await other.kms(AWAY).listResourceTags({ KeyId: id })
  assert.deepEqual(Tags, [{ TagKey: 'team', TagValue: 'away' }])

  const here = await one.kms(HOME).encrypt({ KeyId: id, Plaintext })
  const there = await other.kms(AWAY).encrypt({ KeyId: id, Plaintext })
  assert.equal(await opened(other.kms(AWAY), here.CiphertextBlob), 'kept')
  assert.equal(await opened(one.kms(HOME), there.CiphertextBlob), 'kept')
})

test('a key is rotated on both sides, and what was encrypted before opens on both', async () => {
  const id = await linkedSet()
  const before = await one.kms(HOME).encrypt({ KeyId: id, Plaintext })
  await assertRefused(
    other.kms(AWAY).rotateKeyOnDemand({ KeyId: id }),
    'UnsupportedOperationException',
    /not a multi-region primary key/,
  )
  await one.kms(HOME).rotateKeyOnDemand({ KeyId: id })
  for (const kms of [one.kms(HOME), other.kms(AWAY)]) {
    await eventually(
      async () => (await kms.listKeyRotations({ KeyId: id })).Rotations?.length === 1,
      'rotation',
    )
  }
  const [mine, theirs] = await Promise.all([
    one.kms(HOME).describeKey({ KeyId: id }),
    other.kms(AWAY).describeKey({ KeyId: id }),
  ])
  assert.equal(mine.KeyMetadata?.CurrentKeyMaterialId, theirs.KeyMetadata?.CurrentKeyMaterialId)
  const rotated = await other.kms(AWAY).encrypt({ KeyId: id, Plaintext })
  assert.equal(await opened(one.kms(HOME), rotated.CiphertextBlob), 'kept')
  assert.equal(await opened(other.kms(AWAY), before.CiphertextBlob), 'kept')
})

test('new material encrypts nothing before a linked deployment that was away holds it; the wait is an event', async () => {
  const id = await linkedSet()
  const home = one.kms(HOME)
  const before = (await home.describeKey({ KeyId: id })).KeyMetadata?.CurrentKeyMaterialId
  await other.stop()
  await home.rotateKeyOnDemand({ KeyId: id })
  await eventually(async () => {
    const { records } = await journalOf(one.server)
    return records.some(
      (record) => record.eventName === 'RotateKeyDelayed' && JSON.stringify(record).includes(id),
    )
  }, 'the event')
  const [link] = (await one.ask('region', 'links')) as { failure?: string; waiting: number }[]
  assert.equal(link?.failure, 'The host cannot be reached')
  assert.ok(link.waiting >= 1)
  assert.equal((await home.describeKey({ KeyId: id })).KeyMetadata?.CurrentKeyMaterialId, before)
  assert.deepEqual((await home.listKeyRotations({ KeyId: id })).Rotations, [])
  assert.ok((await home.getKeyRotationStatus({ KeyId: id })).OnDemandRotationStartDate instanceof Date)
  await assertRefused(
    home.rotateKeyOnDemand({ KeyId: id }),
    'ConflictException',
    /^A rotation of .* is in progress\.$/,
  )
  // Restarted in the middle, too.
  await one.kill()
  await one.start()
  assert.equal((await one.kms(HOME).describeKey({ KeyId: id })).KeyMetadata?.CurrentKeyMaterialId, before)
  await other.start()
  await eventually(async () => {
    const there = await stateOf(other.kms(AWAY), id)
    return there?.CurrentKeyMaterialId !== before && there?.CurrentKeyMaterialId !== undefined
  }, 'rotation')
  const { CiphertextBlob } = await one.kms(HOME).encrypt({ KeyId: id, Plaintext })
  assert.equal(await opened(other.kms(AWAY), CiphertextBlob), 'kept')
  const status = await one.kms(HOME).getKeyRotationStatus({ KeyId: id })
  assert.equal(status.OnDemandRotationStartDate, undefined)
})

test('a replica that is deleted over there lets its primary key go', async () => {
  const id = await linkedSet()
  const scheduled = await one.kms(HOME).scheduleKeyDeletion({ KeyId: id, PendingWindowInDays: 7 })
  assert.equal(scheduled.KeyState, 'PendingReplicaDeletion')
  assert.equal(scheduled.DeletionDate, undefined)
  await other.kms(AWAY).scheduleKeyDeletion({ KeyId: id, PendingWindowInDays: 7 })
  await other.stop()
  await other.start(8 * DAY_MS)
  await until(one.kms(HOME), id, 'PendingDeletion')
  await other.stop()
  await other.start()
})

test('the primary key moves to a linked deployment and back, and each time there is exactly one', async () => {
  const id = await linkedSet()
  for (const [from, to, region] of [
    [one.kms(HOME), other.kms(AWAY), AWAY],
    [other.kms(AWAY), one.kms(HOME), HOME],
  ] as const) {
    await from.updatePrimaryRegion({ KeyId: id, PrimaryRegion: region })
    for (const kms of [from, to]) {
      const metadata = await eventually(async () => {
        const found = await stateOf(kms, id)
        const primary = found?.MultiRegionConfiguration?.PrimaryKey?.Region
        return found?.KeyState === 'Enabled' && primary === region && found
      }, `the primary key in ${region}`)
      assert.equal(metadata.MultiRegionConfiguration?.MultiRegionKeyType, kms === to ? 'PRIMARY' : 'REPLICA')
    }
    await to.rotateKeyOnDemand({ KeyId: id })
    await eventually(async () => {
      const [mine, theirs] = await Promise.all([stateOf(to, id), stateOf(from, id)])
      const rotated = (await to.listKeyRotations({ KeyId: id })).Rotations?.length
      return (
        rotated === (region === AWAY ? 1 : 2) && mine?.CurrentKeyMaterialId === theirs?.CurrentKeyMaterialId
      )
    }, 'rotation')
    await assertRefused(
      from.rotateKeyOnDemand({ KeyId: id }),
      'UnsupportedOperationException',
      /not a multi-region primary key/,
    )
  }
})

test('while the deployment of the primary key is away, its replicas are used', async () => {
  const id = await linkedSet()
  const { CiphertextBlob } = await one.kms(HOME).encrypt({ KeyId: id, Plaintext })
  await one.stop()
  assert.equal(await opened(other.kms(AWAY), CiphertextBlob), 'kept')
  const there = await other.kms(AWAY).encrypt({ KeyId: id, Plaintext })
  await one.start()
  assert.equal(await opened(one.kms(HOME), there.CiphertextBlob), 'kept')
})

test('what a linked deployment cannot do is refused in AWS words, and by name', async () => {
  const home = one.kms(HOME)
  const { id, arn } = await newKey(home, { MultiRegion: true })
  await assertRefused(
    home.replicateKey({ KeyId: id, ReplicaRegion: 'ap-southeast-2' }),
    'UnsupportedOperationException',
    'ReplicaRegion ap-southeast-2 is not supported.',
  )
  await home.replicateKey({ KeyId: id, ReplicaRegion: AWAY })
  await assertRefused(
    home.replicateKey({ KeyId: id, ReplicaRegion: AWAY }),
    'AlreadyExistsException',
    `Key '${arn.replace(HOME, AWAY)}' already exists.`,
  )
  const external = (await home.createKey({ Origin: 'EXTERNAL', MultiRegion: true })).KeyMetadata?.KeyId ?? ''
  await importMaterial(home, await newImportable(home, external, 'SYMMETRIC_DEFAULT'))
  await assertRefused(
    home.replicateKey({ KeyId: external, ReplicaRegion: AWAY }),
    'UnsupportedOperationException',
    /origin is EXTERNAL which is not valid for a replica in eu-west-1, a Region of a linked deployment/,
  )
  const alone = await newKey(home, { MultiRegion: true })
  await assertRefused(
    home.updatePrimaryRegion({ KeyId: alone.id, PrimaryRegion: AWAY }),
    'UnsupportedOperationException',
    `There is no replica key in ${AWAY}.`,
  )
  await other.stop()
  await assert.rejects(home.replicateKey({ KeyId: alone.id, ReplicaRegion: AWAY }), {
    name: 'KMSInternalException',
  })
  await other.start()
})
