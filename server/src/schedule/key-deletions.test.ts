import assert from 'node:assert/strict'
import { once, EventEmitter } from 'node:events'
import { test } from 'node:test'
import {
  freshDataDir,
  heldClock,
  openAt,
  quietLog,
  type HeldClock,
} from '../deployment/testing/deployment-fixture.ts'
import type { OpenedDeployment } from '../deployment/open-deployment.ts'
import { startKeyDeletions } from './key-deletions.ts'

const DAY_MS = 86_400_000
const region = 'us-east-1'

/** Starts the timer; `ran` resolves when its next run has ended. */
function start(opened: OpenedDeployment, clock: HeldClock) {
  const runs = new EventEmitter()
  const onHealth = (ok: boolean) => runs.emit('run', ok)
  const deletions = startKeyDeletions({
    store: opened.store,
    keys: opened.keys,
    clock,
    log: quietLog,
    onHealth,
  })
  return { deletions, ran: () => once(runs, 'run') }
}

async function createKey(opened: OpenedDeployment, keyId: string): Promise<void> {
  await opened.store.transition(async (tx) => {
    tx.unrecorded = 'a test'
    await opened.keys.create(tx, {
      keyId,
      accountId: opened.firstAccountId,
      region,
      spec: 'SYMMETRIC_DEFAULT',
      usage: 'ENCRYPT_DECRYPT',
      description: '',
      policy: '{}',
      tags: [],
    })
    await opened.aliases.create(
      tx,
      { accountId: opened.firstAccountId, region, name: `alias/${keyId}` },
      keyId,
    )
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

const keyA = '00000000-0000-4000-8000-00000000000a'
const keyB = '00000000-0000-4000-8000-00000000000b'

test('a key is destroyed when its time has come, with its material and aliases, and not before', async (t) => {
  const clock = heldClock()
  const { opened } = await openAt(freshDataDir(t), clock)
  t.after(() => opened.close())
  await createKey(opened, keyA)
  await createKey(opened, keyB)
  const { deletions, ran } = start(opened, clock)
  await ran()
  const scheduled = ran()
  await schedule(opened, keyA, clock.now() + 7 * DAY_MS)
  await scheduled

  const early = ran()
  clock.advance(7 * DAY_MS - 1)
  await early
  assert(await opened.keys.load(region, keyA))

  const due = ran()
  clock.advance(1)
  await due
  assert.equal(await opened.keys.load(region, keyA), undefined)
  const { store } = opened
  const materials = await store.db.selectFrom('key_materials').select('key_id').execute()
  assert.deepEqual(materials, [{ key_id: keyB }])
  const aliases = await store.db.selectFrom('aliases').select('name').execute()
  assert.deepEqual(aliases, [{ name: `alias/${keyB}` }])
  await deletions.stop()
})

test('a deletion that fell due while nothing ran is done at the next start, with one record', async (t) => {
  const clock = heldClock()
  const dataDir = freshDataDir(t)
  const first = await openAt(dataDir, clock)
  await createKey(first.opened, keyA)
  await schedule(first.opened, keyA, clock.now() + 7 * DAY_MS)
  await first.opened.close()

  clock.advance(400 * DAY_MS)
  const { opened } = await openAt(dataDir, clock)
  const { deletions, ran } = start(opened, clock)
  await ran()
  assert.equal(await opened.keys.load(region, keyA), undefined)
  await deletions.stop()
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
  const { deletions, ran } = start(opened, clock)
  await ran()
  const later = ran()
  clock.advance(30 * DAY_MS)
  await later
  assert(await opened.keys.load(region, keyA))
  await deletions.stop()
})
