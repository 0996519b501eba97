import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemRandom } from '../crypto/random.ts'
import { createAdministration } from '../deployment/administration.ts'
import type { OpenedDeployment } from '../deployment/open-deployment.ts'
import { freshDataDir, openAt } from '../deployment/testing/deployment-fixture.ts'
import { createKey as createSymmetricKey } from '../keys/testing/new-key.ts'
import { heldClock, type HeldClock } from '../testing/held-clock.ts'
import { timersAtWork } from './testing/timers-at-work.ts'

const DAY_MS = 86_400_000
const region = 'us-east-1'

const JUMP_WAIT_MS = 3_600_000

function createKey(opened: OpenedDeployment, keyId: string): Promise<void> {
  const id = { accountId: opened.firstAccountId, region, name: `alias/${keyId}` }
  return createSymmetricKey(opened, keyId, {}, async (tx, stored) => {
    await opened.aliases.create(tx, id, stored)
  })
}

async function schedule(opened: OpenedDeployment, keyId: string, atMs: number | undefined): Promise<void> {
  await opened.store.transition(async (tx) => {
    tx.unrecorded = 'a test'
    const stored = await opened.keys.read(tx.db, region, keyId)
    assert(stored)
    await opened.keys.change(tx, stored, {
      state: atMs === undefined ? 'Disabled' : 'PendingDeletion',
      deletion: atMs === undefined ? null : { atMs, windowDays: 7 },
    })
  })
}

function administrationOf(opened: OpenedDeployment, clock: HeldClock) {
  const passphrase = () => Promise.reject(new Error('no passphrase is asked for here'))
  return createAdministration(opened, {
    clock,
    random: systemRandom,
    rootKeySource: { provider: 'file', file: '', passphrase, random: systemRandom },
  })
}

const keyA = '00000000-0000-4000-8000-00000000000a'
const keyB = '00000000-0000-4000-8000-00000000000b'
const keyC = '00000000-0000-4000-8000-00000000000c'

test('a key is destroyed when its time has come, with its material and aliases, and not before', async (t) => {
  const clock = heldClock()
  const { opened } = await openAt(freshDataDir(t), clock)
  t.after(() => opened.close())
  await createKey(opened, keyA)
  await createKey(opened, keyB)
  const { ran, pass, stop } = timersAtWork(opened, clock)
  await ran()
  const scheduled = ran()
  await schedule(opened, keyA, clock.now() + 7 * DAY_MS)
  await scheduled

  await pass(7 * DAY_MS - 1)
  assert(await opened.keys.load(region, keyA))
  await pass(1)
  assert.equal(await opened.keys.load(region, keyA), undefined)
  const { store } = opened
  const materials = await store.db.selectFrom('key_materials').select('key_id').execute()
  assert.deepEqual(materials, [{ key_id: keyB }])
  const aliases = await store.db.selectFrom('aliases').select('name').execute()
  assert.deepEqual(aliases, [{ name: `alias/${keyB}` }])
  await stop()
})

test('a deletion that fell due while nothing ran is done after the next start, with one record', async (t) => {
  const clock = heldClock()
  const dataDir = freshDataDir(t)
  const first = await openAt(dataDir, clock)
  await createKey(first.opened, keyA)
  await schedule(first.opened, keyA, clock.now() + 7 * DAY_MS)
  const before = timersAtWork(first.opened, clock)
  await before.ran()
  await before.stop()
  await first.opened.close()

  clock.advance(400 * DAY_MS)
  const { opened } = await openAt(dataDir, clock)
  const { ran, pass, stop } = timersAtWork(opened, clock)
  await ran()
  assert(await opened.keys.load(region, keyA), 'the clock may be wrong')
  await pass(JUMP_WAIT_MS)
  assert.equal(await opened.keys.load(region, keyA), undefined)
  await stop()
  await opened.close()

  const again = await openAt(dataDir, clock)
  t.after(() => again.opened.close())
  const names: string[] = []
  for (const chain of await again.opened.journalReader.chains()) {
    for await (const line of again.opened.journalReader.lines(chain)) {
      const { record } = JSON.parse(line.bytes.toString('utf8')) as { record: { eventName: string } }
      names.push(record.eventName)
    }
  }
  assert.deepEqual(
    names.filter((name) => name === 'DeleteKey'),
    ['DeleteKey'],
  )
})

test('a deletion that was cancelled does not happen', async (t) => {
  const clock = heldClock()
  const { opened } = await openAt(freshDataDir(t), clock)
  t.after(() => opened.close())
  await createKey(opened, keyA)
  await schedule(opened, keyA, clock.now() + 7 * DAY_MS)
  await schedule(opened, keyA, undefined)
  const { ran, pass, stop } = timersAtWork(opened, clock)
  await ran()
  await pass(30 * DAY_MS)
  assert(await opened.keys.load(region, keyA))
  await stop()
})

test('a key under quarantine is kept past its time, and the shortest waiting period follows its release', async (t) => {
  const clock = heldClock()
  const { opened } = await openAt(freshDataDir(t), clock)
  t.after(() => opened.close())
  await createKey(opened, keyA)
  await schedule(opened, keyA, clock.now() + DAY_MS)
  const { quarantine } = administrationOf(opened, clock)
  const { ran, pass, stop } = timersAtWork(opened, clock)
  await ran()
  const marked = ran()
  await quarantine.key({ id: keyA, reason: 'a stranger scheduled it' }, { userName: 'tester' })
  await marked
  await pass(30 * DAY_MS)
  assert(await opened.keys.load(region, keyA))

  const released = ran()
  await quarantine.releaseKey({ id: keyA }, { userName: 'tester' })
  await released
  const kept = await opened.keys.load(region, keyA)
  assert.equal(kept?.value.key.deletionAtMs, clock.now() + 7 * DAY_MS)
  await pass(7 * DAY_MS)
  assert.equal(await opened.keys.load(region, keyA), undefined)
  await stop()
})

test('a key whose row was edited is kept and turns health red; the others that are due are destroyed', async (t) => {
  const clock = heldClock()
  const { opened } = await openAt(freshDataDir(t), clock)
  t.after(() => opened.close())
  const keyIds = [keyA, keyB, keyC]
  for (const [i, keyId] of keyIds.entries()) {
    await createKey(opened, keyId)
    await schedule(opened, keyId, clock.now() + i)
  }
  const describe = (keyId: string, description: string) =>
    opened.store.transition(async (tx) => {
      tx.unrecorded = 'an edit'
      await tx.db.updateTable('kms_keys').set({ description }).where('key_id', '=', keyId).execute()
    })
  const left = async () => {
    const rows = await opened.store.db.selectFrom('kms_keys').select('key_id').execute()
    return rows.map((row) => row.key_id)
  }
  await describe(keyA, 'edited')
  clock.advance(7 * DAY_MS)
  const { ran, stop } = timersAtWork(opened, clock)
  const [ok, reason] = await ran()
  assert.deepEqual(await left(), [keyA])
  assert.equal(ok, false)
  assert.match(reason ?? '', new RegExp(`${region}/${keyA} .*not authentic`))

  await describe(keyA, '')
  const mended = ran()
  clock.advance(60_000)
  assert.deepEqual(await mended, [true])
  assert.deepEqual(await left(), [])
  await stop()
})

test('more edited rows than are read at once hold up no deletion behind them', async (t) => {
  const clock = heldClock()
  const { opened } = await openAt(freshDataDir(t), clock)
  t.after(() => opened.close())
  const atMs = clock.now()
  for (const keyId of [keyA, keyB]) await createKey(opened, keyId)
  await schedule(opened, keyA, atMs)
  await schedule(opened, keyB, atMs + 1)
  await opened.store.transition(async (tx) => {
    tx.unrecorded = 'an edit'
    const row = await tx.db
      .selectFrom('kms_keys')
      .selectAll()
      .where('key_id', '=', keyA)
      .executeTakeFirstOrThrow()
    const copies = Array.from({ length: 150 }, (_, i) => ({ ...row, key_id: `copy-${i}` }))
    await tx.db.insertInto('kms_keys').values(copies).execute()
  })
  clock.advance(7 * DAY_MS)
  const { ran, stop } = timersAtWork(opened, clock)
  const [ok, reason] = await ran()
  assert.equal(ok, false)
  assert.match(reason ?? '', /^150 keys /)
  const rows = await opened.store.db
    .selectFrom('kms_keys')
    .select('key_id')
    .where('key_id', 'not like', 'copy-%')
    .execute()
  assert.deepEqual(rows, [])
  await stop()
})
