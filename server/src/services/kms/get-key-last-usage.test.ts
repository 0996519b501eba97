import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { toSecond } from '../../keys/key-use.ts'
import { REGION } from '../../testing/test-call.ts'
import { wholeFile } from '../../testing/whole-file.ts'
import { kmsRig } from './testing/kms-rig.ts'

const DAY_MS = 86_400_000
const denied = { code: 'AccessDeniedException', message: /explicit deny/ }

const rig = await kmsRig(wholeFile())
const { clock, opened } = rig
const root = await rig.root()
let sequence = 0

/** A key that is not taken out of use while it has gone unused for exactly so many days, and not for others. */
async function keyKeptAt(days: number): Promise<string> {
  const Policy = JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      { Effect: 'Allow', Principal: { AWS: '*' }, Action: 'kms:*', Resource: '*' },
      {
        Effect: 'Deny',
        Principal: { AWS: '*' },
        Action: ['kms:DisableKey', 'kms:ScheduleKeyDeletion'],
        Resource: '*',
        Condition: { NumericEquals: { 'kms:TrailingDaysWithoutKeyUsage': String(days) } },
      },
    ],
  })
  const { KeyMetadata } = await rig.ask(root, 'CreateKey', { Policy })
  assert.ok(KeyMetadata)
  return KeyMetadata.KeyId
}

function use(keyId: string): void {
  sequence += 1
  opened.keyUses.note({ region: REGION, keyId, materialId: undefined }, 'Encrypt', {
    chain: 'chain',
    sequence,
    eventId: randomUUID(),
    requestId: randomUUID(),
    usedAtMs: toSecond(clock.now()),
  })
}

const disable = (KeyId: string) => rig.ask(root, 'DisableKey', { KeyId })
const schedule = (KeyId: string) => rig.ask(root, 'ScheduleKeyDeletion', { KeyId })

test('days without use are whole ones that have passed since the last use', async () => {
  const kept = await keyKeptAt(29)
  use(kept)
  clock.advance(29 * DAY_MS - 1000)
  await disable(kept)
  clock.advance(1000)
  await assert.rejects(disable(kept), denied)
  await assert.rejects(schedule(kept), denied)
  clock.advance(DAY_MS - 1000)
  await assert.rejects(disable(kept), denied)
  clock.advance(1000)
  await schedule(kept)
})

test('of a key that was never used they count from its making', async () => {
  const kept = await keyKeptAt(0)
  await assert.rejects(disable(kept), denied)
  clock.advance(DAY_MS - 1)
  await assert.rejects(disable(kept), denied)
  clock.advance(1)
  await disable(kept)
})

test('of a key that is older than what is known they count from when tracking began, and the answer says when that was', async () => {
  const KeyId = await keyKeptAt(3)
  clock.advance(10 * DAY_MS)
  const startedMs = clock.now()
  await rig.change((tx) => tx.db.updateTable('key_use_tracking').set({ started_at: startedMs }).execute())
  clock.advance(3 * DAY_MS)
  await assert.rejects(disable(KeyId), denied)
  const { KeyCreationDate, KeyLastUsage, TrackingStartDate } = await rig.ask(root, 'GetKeyLastUsage', {
    KeyId,
  })
  assert.deepEqual(KeyLastUsage, {})
  assert.deepEqual(TrackingStartDate, new Date(startedMs))
  assert.deepEqual(KeyCreationDate, new Date(startedMs - 10 * DAY_MS))
  clock.advance(DAY_MS)
  await disable(KeyId)
})

test('a use by a clock that was ahead counts as one of now', async () => {
  const kept = await keyKeptAt(0)
  clock.advance(5 * DAY_MS)
  use(kept)
  clock.advance(-4 * DAY_MS)
  await assert.rejects(disable(kept), denied)
})

test('a use that waits to be written binds the next decision, and so does one that was just written', async () => {
  const kept = await keyKeptAt(0)
  clock.advance(2 * DAY_MS)
  use(kept)
  await assert.rejects(disable(kept), denied)
  await opened.keyUses.flush()
  await assert.rejects(disable(kept), denied)
})

test('the operations say which keys and which material they used', async () => {
  const KeyId = await keyKeptAt(0)
  const { KeyMetadata } = await rig.ask(root, 'DescribeKey', { KeyId })
  const material = KeyMetadata?.CurrentKeyMaterialId
  const { CiphertextBlob } = await rig.ask(root, 'Encrypt', { KeyId, Plaintext: Buffer.from('x') })
  assert.deepEqual(rig.last.uses, [`${KeyId} ${material} `])
  assert.ok(CiphertextBlob)
  await rig.ask(root, 'RotateKeyOnDemand', { KeyId })
  const { DestinationKeyMaterialId } = await rig.ask(root, 'ReEncrypt', {
    CiphertextBlob,
    DestinationKeyId: KeyId,
  })
  assert.deepEqual(rig.last.uses, [
    `${KeyId} ${material} ReEncryptFrom`,
    `${KeyId} ${DestinationKeyMaterialId} ReEncryptTo`,
  ])
  assert.notEqual(DestinationKeyMaterialId, material)
})
