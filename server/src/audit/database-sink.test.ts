import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openDatabaseReader } from './database-reader.ts'
import { openDatabaseSink } from './database-sink.ts'
import { tail } from './read.ts'
import {
  change,
  collect,
  deployment,
  entry,
  eventIds,
  journalOn,
  settled,
} from './testing/journal-fixture.ts'
import { MemoryDisk } from './testing/memory-disk.ts'
import { verifyJournal } from './verify.ts'

async function house() {
  const own = await deployment()
  const { store } = own
  const reader = openDatabaseReader(store)
  const sink = openDatabaseSink(store)
  return { own, store, reader, sink, journal: await journalOn(own, new MemoryDisk(), { sink, reader }) }
}

test('each group commit is a row, and the rows read back as one chain that verifies', async () => {
  const { own, store, reader, journal } = await house()
  const entries = Array.from({ length: 40 }, () => entry())
  for (const one of entries) await journal.append(one)
  const { chain = '' } = journal.state
  await journal.close()
  const report = await verifyJournal({ store, reader, publicKey: own.signer.publicKey })
  assert.equal(report.ok, true)
  assert.equal(report.chains[0]?.records, 40)
  const written = entries.map(({ eventId }) => eventId)
  assert.deepEqual(eventIds(await collect(tail({ store, reader }))), written)
  assert.deepEqual(eventIds(await collect(tail({ store, reader, limit: 35 }))), written.slice(-35))
  assert.equal((await reader.lastLines(chain, 100)).length, 40)
  await own.remove()
})

test('a change goes into the journal and out of the outbox in one transaction', async () => {
  const { own, store, reader, journal } = await house()
  const made = await change(store)
  await settled(() => journal.state.lastSequence === 1)
  assert.deepEqual(await store.pendingOutbox(10), [])
  await journal.close()
  assert.deepEqual(eventIds(await collect(tail({ store, reader }))), [made])
  await own.remove()
})

test('a batch that was decided before a change is not stored', async () => {
  const { own, store, sink } = await house()
  const chain = '6f1c2b3a-0d4e-4f5a-8b6c-7d8e9f0a1b2c'
  const batch = {
    chain,
    firstSequence: 1,
    lastSequence: 1,
    lines: Buffer.from('x\n'),
    outboxEventIds: [],
    nowMs: 0,
  }
  const position = store.feed.applied
  await change(store)
  assert.deepEqual(await sink.commit({ ...batch, position }), { status: 'behind' })
  assert.deepEqual(await sink.commit({ ...batch, position: store.feed.applied }), { status: 'durable' })
  await own.remove()
})

test('an outbox row that another node drained undoes the batch and is named', async () => {
  const { own, store, sink } = await house()
  const batch = {
    chain: '6f1c2b3a-0d4e-4f5a-8b6c-7d8e9f0a1b2c',
    firstSequence: 1,
    lastSequence: 1,
    lines: Buffer.from('x\n'),
    nowMs: 0,
  }
  const outcome = await sink.commit({ ...batch, position: store.feed.applied, outboxEventIds: ['gone'] })
  assert.deepEqual(outcome, { status: 'drained-elsewhere', eventIds: ['gone'] })
  assert.equal(await store.db.selectFrom('journal_batches').selectAll().executeTakeFirst(), undefined)
  await own.remove()
})

test('nothing can be stored behind the fence of an ended chain, and what was stored before it counts', async () => {
  const { own, store, reader, sink, journal } = await house()
  await journal.append(entry())
  await journal.append(entry())
  const { chain = '' } = journal.state
  const held = await sink.end(chain)
  assert.equal(held?.sequence, 2)
  assert.deepEqual(await sink.end(chain), held)
  await assert.rejects(journal.append(entry()))
  own.clock.advance(1000)
  assert.equal(await journal.append(entry()), 'durable')
  await journal.close()
  const report = await verifyJournal({ store, reader, publicKey: own.signer.publicKey })
  assert.equal(report.ok, true)
  assert.deepEqual(
    report.chains.map(({ records }) => records).sort((a, b) => a - b),
    [1, 2],
  )
  await own.remove()
})
