import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { OpenedDeployment } from '../deployment/open-deployment.ts'
import { freshDataDir, openAt } from '../deployment/testing/deployment-fixture.ts'
import type { StoredKey } from '../keys/key.ts'
import { createKey } from '../keys/testing/new-key.ts'
import type { Transition } from '../store/store.ts'
import { heldClock } from '../testing/held-clock.ts'
import { timersAtWork } from './testing/timers-at-work.ts'

const HOME = 'us-east-1'
const AWAY = 'eu-west-1'
const keyId = 'mrk-0123456789abcdef0123456789abcdef'

async function change<T>({ store }: OpenedDeployment, work: (tx: Transition) => Promise<T>): Promise<T> {
  return await store.transition((tx) => {
    tx.unrecorded = 'a test'
    return work(tx)
  })
}

const createPrimary = (opened: OpenedDeployment) =>
  createKey(opened, keyId, { multiRegion: { primaryRegion: HOME, replicaRegions: [] } })

async function stored({ keys, store }: OpenedDeployment, region: string): Promise<StoredKey> {
  const found = await keys.read(store.db, region, keyId)
  assert.ok(found)
  return found
}

async function replicate(opened: OpenedDeployment): Promise<void> {
  const primary = await stored(opened, HOME)
  await change(opened, (tx) =>
    opened.keys.sets.replicate(tx, primary, { region: AWAY, description: '', policy: '{}', tags: [] }),
  )
}

async function movePrimary(opened: OpenedDeployment): Promise<void> {
  const [from, to] = [await stored(opened, HOME), await stored(opened, AWAY)]
  await change(opened, (tx) => opened.keys.sets.movePrimary(tx, from, to))
}

const states = async (opened: OpenedDeployment) => [
  (await stored(opened, HOME)).key.state,
  (await stored(opened, AWAY)).key.state,
]

async function recorded({ journal, journalReader }: OpenedDeployment, name: string): Promise<object[]> {
  await journal.close()
  const found: object[] = []
  for (const chain of await journalReader.chains()) {
    for await (const line of journalReader.lines(chain)) {
      const { record } = JSON.parse(line.bytes.toString('utf8')) as { record: { eventName: string } }
      if (record.eventName === name) found.push(record)
    }
  }
  return found
}

test('a replica is completed right after the commit that made it, without any time passing', async (t) => {
  const clock = heldClock()
  const { opened } = await openAt(freshDataDir(t), clock)
  t.after(() => opened.close())
  const timers = timersAtWork(opened, clock)
  await timers.ran()
  const created = timers.ran()
  await createPrimary(opened)
  await created
  const completed = timers.ran()
  await replicate(opened)
  assert.deepEqual(await completed, [true])
  assert.deepEqual(await states(opened), ['Enabled', 'Enabled'])
  const loaded = await opened.keys.load(AWAY, keyId)
  assert.ok(loaded?.value.material)
  await timers.stop()
  const { arn, accountId } = (await stored(opened, HOME)).key
  const [record, ...more] = await recorded(opened, 'SynchronizeMultiRegionKey')
  assert.deepEqual(more, [])
  assert.partialDeepStrictEqual(record, {
    userIdentity: { accountId, invokedBy: 'AWS Internal' },
    awsRegion: HOME,
    responseElements: { keyId: arn },
    resources: [{ accountId, type: 'AWS::KMS::Key', ARN: arn }],
    readOnly: false,
  })
})

test('what a crash left creating, or updating, is completed at the next start', async (t) => {
  const clock = heldClock()
  const dataDir = freshDataDir(t)
  const steps = [
    { begin: replicate, during: ['Enabled', 'Creating'] },
    { begin: movePrimary, during: ['Updating', 'Updating'] },
  ]
  const first = await openAt(dataDir, clock)
  await createPrimary(first.opened)
  await first.opened.close()
  for (const { begin, during } of steps) {
    const before = await openAt(dataDir, clock)
    await begin(before.opened)
    await before.opened.close()

    const { opened } = await openAt(dataDir, clock)
    assert.deepEqual(await states(opened), during)
    const timers = timersAtWork(opened, clock)
    await timers.ran()
    assert.deepEqual(await states(opened), ['Enabled', 'Enabled'])
    await timers.stop()
    await opened.close()
  }
  const { opened } = await openAt(dataDir, clock)
  t.after(() => opened.close())
  assert.equal((await stored(opened, HOME)).key.multiRegion?.primaryRegion, AWAY)
  assert.equal((await recorded(opened, 'SynchronizeMultiRegionKey')).length, 2)
})

test('of two processes that both believe it is their turn, one completes a set', async (t) => {
  const clock = heldClock()
  const { opened } = await openAt(freshDataDir(t), clock)
  t.after(() => opened.close())
  await createPrimary(opened)
  await replicate(opened)
  const settled = await Promise.all(
    [1, 2].map(() => change(opened, (tx) => opened.keys.sets.settle(tx, AWAY, keyId))),
  )
  assert.equal(settled.filter((primary) => primary !== undefined).length, 1)
  const rows = await opened.keys.materials.rows(opened.store.db, (await stored(opened, AWAY)).key)
  assert.equal(rows.length, 1)
})

test('a replica does not wait for the process whose turn it is to run the timers, which may be gone', async (t) => {
  const clock = heldClock()
  const { opened } = await openAt(freshDataDir(t), clock)
  t.after(() => opened.close())
  await createPrimary(opened)
  await replicate(opened)
  await change(opened, (tx) =>
    tx.db
      .updateTable('timer_runner')
      .set({ holder: 'gone', held_until: clock.now() + 150_000 })
      .execute(),
  )
  const timers = timersAtWork(opened, clock)
  assert.deepEqual(await timers.ran(), [true])
  assert.deepEqual(await states(opened), ['Enabled', 'Enabled'])
  await timers.stop()
})

test('a set whose primary key was edited is left as it is and turns health red', async (t) => {
  const clock = heldClock()
  const { opened } = await openAt(freshDataDir(t), clock)
  t.after(() => opened.close())
  await createPrimary(opened)
  await replicate(opened)
  const describe = (description: string) =>
    change(opened, (tx) =>
      tx.db.updateTable('kms_keys').set({ description }).where('region', '=', HOME).execute(),
    )
  await describe('edited')
  const timers = timersAtWork(opened, clock)
  const [ok, reason] = await timers.ran()
  assert.equal(ok, false)
  assert.match(reason ?? '', new RegExp(`${AWAY}/${keyId} .*not authentic`))
  assert.equal((await stored(opened, AWAY)).key.state, 'Creating')
  await describe('')
  const mended = timers.ran()
  clock.advance(60_000)
  assert.deepEqual(await mended, [true])
  assert.deepEqual(await states(opened), ['Enabled', 'Enabled'])
  await timers.stop()
})
