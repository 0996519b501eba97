import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { cloudTrailRecord } from '../audit/record.ts'
import type { UseOperation } from '../keys/key-use.ts'
import { createKey } from '../keys/testing/new-key.ts'
import { heldClock, type HeldClock } from '../testing/held-clock.ts'
import { freshDataDir, openAt } from './testing/deployment-fixture.ts'
import type { OpenedDeployment } from './open-deployment.ts'

const accountId = '000000000000'
const region = 'us-east-1'

async function newKey(opened: OpenedDeployment): Promise<string> {
  const keyId = randomUUID()
  await createKey(opened, keyId)
  return keyId
}

/** One record in the journal, as the dispatcher leaves it; noted unless its process dies first. */
async function use(
  { journal, keyUses }: OpenedDeployment,
  clock: HeldClock,
  keyId: string,
  operation: UseOperation = 'Encrypt',
  isNoted = true,
): Promise<string> {
  const eventId = randomUUID()
  const requestId = randomUUID()
  const materialId = 'a'.repeat(64)
  const { record } = cloudTrailRecord({
    clockMs: clock.now(),
    identity: { type: 'Root', principalId: accountId },
    service: 'kms',
    operation,
    region,
    accountId,
    sourceIp: '192.0.2.7',
    userAgent: 'test',
    resources: [{ accountId, ARN: `arn:aws:kms:${region}:${accountId}:key/${keyId}` }],
    requestId,
    eventId,
    readOnly: true,
    additional: { keyMaterialId: materialId },
  })
  const usedAtMs = Math.floor(clock.now() / 1000) * 1000
  await journal.append({
    record,
    isCurrent: () => true,
    written: isNoted
      ? (chain, sequence) => {
          keyUses.note({ region, keyId, materialId }, operation, {
            chain,
            sequence,
            eventId,
            requestId,
            usedAtMs,
          })
        }
      : undefined,
  })
  return eventId
}

const rows = ({ store }: OpenedDeployment) =>
  store.db.selectFrom('key_uses').selectAll().orderBy('key_id').orderBy('operation').execute()
const eventIds = async (opened: OpenedDeployment) => (await rows(opened)).map(({ event_id }) => event_id)
const empty = ({ store }: OpenedDeployment) =>
  store.transition(async (tx) => {
    tx.unrecorded = 'a test'
    await tx.db.deleteFrom('key_uses').execute()
  })

test('what one process left in the journal and not in the rollup, the next start adds', async (t) => {
  const clock = heldClock()
  const dataDir = freshDataDir(t)
  const first = await openAt(dataDir, clock)
  const [one, other] = [await newKey(first.opened), await newKey(first.opened)]
  await use(first.opened, clock, one)
  await first.opened.keyUses.flush()
  const lost = [
    await use(first.opened, clock, one, 'Decrypt', false),
    await use(first.opened, clock, other, 'Encrypt', false),
  ]
  // As if the process had ended here: what it did not note is not written when it closes, and its place is.
  const [progress] = await first.opened.store.db.selectFrom('key_use_progress').selectAll().execute()
  await first.opened.close()
  const second = await openAt(dataDir, clock)
  await second.opened.store.transition(async (tx) => {
    tx.unrecorded = 'a test'
    await tx.db
      .updateTable('key_use_progress')
      .set({ sequence: progress?.sequence ?? 0 })
      .execute()
  })
  await second.opened.close()
  const third = await openAt(dataDir, clock)
  const known = new Set(await eventIds(third.opened))
  for (const eventId of lost) assert.ok(known.has(eventId))
  assert.equal(known.size, 3)
  await third.opened.close()
})

test('an emptied rollup is the same again when it was rebuilt, without keys that are gone', async (t) => {
  const clock = heldClock()
  const dataDir = freshDataDir(t)
  const { opened } = await openAt(dataDir, clock)
  const { keyUseJournal, keys, store } = opened
  const [one, other, gone] = [await newKey(opened), await newKey(opened), await newKey(opened)]
  for (const operation of ['Encrypt', 'Decrypt', 'Encrypt', 'GenerateDataKey'] as const) {
    await use(opened, clock, one, operation)
    await use(opened, clock, other, operation)
    await use(opened, clock, gone, operation)
    clock.advance(400)
  }
  await opened.keyUses.flush()
  await store.transition(async (tx) => {
    tx.unrecorded = 'a test'
    const stored = await keys.read(tx.db, region, gone)
    assert.ok(stored)
    await keys.destroy(tx, stored)
  })
  const before = await rows(opened)
  assert.equal(before.length, 6)
  await empty(opened)
  const done = await keyUseJournal.rebuild()
  assert.equal(done.uses, 12)
  assert.equal(done.incompleteChains, 0)
  assert.deepEqual(await rows(opened), before)
  await opened.close()

  const again = await openAt(dataDir, clock)
  await empty(again.opened)
  await again.opened.keyUseJournal.rebuild()
  assert.deepEqual(await rows(again.opened), before)
  await again.opened.close()
})

test('a deployment of before there was the rollup begins to track at its next start, and can know more', async (t) => {
  const clock = heldClock()
  const dataDir = freshDataDir(t)
  const { opened } = await openAt(dataDir, clock)
  const startedMs = clock.now()
  assert.equal(await opened.keyUses.trackedSinceMs(opened.store.db), startedMs)
  const keyId = await newKey(opened)
  const eventId = await use(opened, clock, keyId)
  await opened.keyUses.flush()
  await opened.store.transition(async (tx) => {
    tx.unrecorded = 'a test'
    for (const table of ['key_uses', 'key_use_progress'] as const) await tx.db.deleteFrom(table).execute()
    await tx.db.updateTable('key_use_tracking').set({ started_at: null }).execute()
  })
  await opened.close()
  clock.advance(86_400_000)
  const upgraded = (await openAt(dataDir, clock)).opened
  const { keyUses, keyUseJournal, store } = upgraded
  assert.equal(await keyUses.trackedSinceMs(store.db), clock.now())
  assert.deepEqual(await eventIds(upgraded), [])

  const { trackedSinceMs } = await keyUseJournal.rebuild()
  assert.ok(trackedSinceMs <= startedMs)
  assert.equal(await keyUses.trackedSinceMs(store.db), trackedSinceMs)
  assert.deepEqual(await eventIds(upgraded), [eventId])
  await upgraded.close()
})

test('a database that was restored from a backup learns from the newer journal what was used since', async (t) => {
  const clock = heldClock()
  const dataDir = freshDataDir(t)
  const first = (await openAt(dataDir, clock)).opened
  const keyId = await newKey(first)
  await use(first, clock, keyId)
  await first.close()
  const file = join(dataDir, 'keywright.db')
  const backup = readFileSync(file)

  clock.advance(3_600_000)
  const second = (await openAt(dataDir, clock)).opened
  const eventId = await use(second, clock, keyId)
  await second.close()
  for (const name of [file, `${file}-wal`, `${file}-shm`]) rmSync(name, { force: true })
  writeFileSync(file, backup)
  const restored = (await openAt(dataDir, clock)).opened
  assert.deepEqual(await eventIds(restored), [eventId])
  await restored.close()
})
