import assert from 'node:assert/strict'
import { createSecretKey, randomBytes } from 'node:crypto'
import { after, before, test } from 'node:test'
import { openDatabaseReader } from '../../server/src/audit/database-reader.ts'
import { openDatabaseSink } from '../../server/src/audit/database-sink.ts'
import type { Journal } from '../../server/src/audit/journal.ts'
import { openJournal } from '../../server/src/audit/open-journal.ts'
import { JournalUnavailableError } from '../../server/src/audit/journal-unavailable-error.ts'
import { tail } from '../../server/src/audit/read.ts'
import { change, collect, entry, eventIds, settled } from '../../server/src/audit/testing/journal-fixture.ts'
import { verifyJournal } from '../../server/src/audit/verify.ts'
import { systemRandom } from '../../server/src/crypto/random.ts'
import { signingKeyFromSeed } from '../../server/src/crypto/signing.ts'
import { openStore, type Store } from '../../server/src/store/store.ts'
import { heldClock, type HeldClock } from '../../server/src/testing/held-clock.ts'
import { startPostgres, type PostgresServer } from './postgres.ts'

const rowKey = createSecretKey(randomBytes(32))
const signer = signingKeyFromSeed(randomBytes(32))
let server: PostgresServer

before(async () => {
  server = await startPostgres()
})
after(() => server.remove())

interface Node {
  readonly store: Store
  readonly journal: Journal
  readonly clock: HeldClock
}

async function node(url: string, name: string): Promise<Node> {
  const clock = heldClock()
  const store = await openStore({ engine: 'postgres', url }, { clock })
  store.authenticateWith(rowKey)
  const journal = await openJournal({
    store,
    sink: openDatabaseSink(store),
    reader: openDatabaseReader(store),
    clock,
    random: systemRandom,
    signer,
    node: name,
  })
  return { store, journal, clock }
}

async function stop({ journal, store }: Node): Promise<void> {
  await journal.close()
  await store.close()
}

async function report(store: Store) {
  return await verifyJournal({ store, reader: openDatabaseReader(store), publicKey: signer.publicKey })
}

async function allEventIds(store: Store): Promise<string[]> {
  return eventIds(await collect(tail({ store, reader: openDatabaseReader(store) })))
}

test('two nodes write two chains into one database, and each change is recorded once', async () => {
  const url = await server.freshDatabase()
  const nodes = [await node(url, 'one'), await node(url, 'two')] as const
  const expected: string[] = []
  for (let round = 0; round < 20; round += 1) {
    await Promise.all(
      nodes.flatMap(({ store, journal }) => {
        const entries = [entry(), entry()]
        return [
          ...entries.map(async (one) => {
            assert.equal(await journal.append(one), 'durable')
            expected.push(one.eventId)
          }),
          change(store).then((eventId) => expected.push(eventId)),
        ]
      }),
    )
  }
  await settled(async () => (await nodes[0].store.pendingOutbox(10)).length === 0)
  await nodes[0].journal.close()
  await nodes[1].journal.close()
  assert.deepEqual((await allEventIds(nodes[0].store)).sort(), expected.sort())
  const verified = await report(nodes[0].store)
  assert.equal(verified.ok, true)
  assert.deepEqual(
    verified.chains.map(({ state }) => state),
    ['closed', 'closed'],
  )
  await nodes[0].store.close()
  await nodes[1].store.close()
})

test("what another node's change makes stale is not written, whatever this node has heard of it", async () => {
  const url = await server.freshDatabase()
  const one = await node(url, 'one')
  const two = await node(url, 'two')
  let key = ''
  let isValid = true
  two.store.feed.onChange((heard) => {
    if (heard.id === key) isValid = false
  })
  key = await change(one.store)
  const stale = entry(() => isValid)
  const fresh = entry()
  assert.deepEqual(await Promise.all([two.journal.append(stale), two.journal.append(fresh)]), [
    'stale',
    'durable',
  ])
  const written = await allEventIds(two.store)
  assert.ok(written.includes(fresh.eventId) && !written.includes(stale.eventId))
  await stop(one)
  await stop(two)
})

test('a node that comes back closes the chain that its last life left open, and drains what was left over', async () => {
  const url = await server.freshDatabase()
  const first = await node(url, 'one')
  await first.journal.append(entry())
  await first.store.close()
  const rest = await openStore({ engine: 'postgres', url }, { clock: heldClock() })
  rest.authenticateWith(rowKey)
  const leftOver = await change(rest)
  await rest.close()

  const second = await node(url, 'one')
  assert.deepEqual(
    (await allEventIds(second.store)).filter((eventId) => eventId === leftOver),
    [leftOver],
  )
  assert.deepEqual(await second.store.pendingOutbox(10), [])
  const { ok, chains } = await report(second.store)
  assert.equal(ok, true)
  assert.deepEqual(chains.map(({ state, records }) => `${state}: ${records}`).sort(), [
    'open: 1',
    'recovered: 1',
  ])
  await stop(second)
})

test('without its database a journal refuses requests, and it comes back with it in a new chain', async () => {
  const url = await server.freshDatabase()
  const only = await node(url, 'one')
  const before = entry()
  assert.equal(await only.journal.append(before), 'durable')
  await server.stop()
  await assert.rejects(only.journal.append(entry()), JournalUnavailableError)
  assert.equal(only.journal.state.healthy, false)
  await server.restart()
  only.clock.advance(1000)
  const behind = entry()
  assert.equal(await only.journal.append(behind), 'durable')
  assert.equal(only.journal.state.healthy, true)
  const written = await allEventIds(only.store)
  assert.ok(written.includes(before.eventId) && written.includes(behind.eventId))
  assert.equal((await report(only.store)).ok, true)
  await stop(only)
})
