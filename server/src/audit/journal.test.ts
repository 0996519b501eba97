import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { join } from 'node:path'
import fc from 'fast-check'
import { JournalUnavailableError } from './journal-unavailable-error.ts'
import {
  change,
  deployment,
  entry,
  eventIds,
  JOURNAL_DIRECTORY,
  journalOn,
  recordsOn,
  settled,
  verifyOn,
  type Deployment,
} from './testing/journal-fixture.ts'
import { MemoryDisk } from './testing/memory-disk.ts'

let house: Deployment
before(async () => {
  house = await deployment()
})
after(() => house.remove())

test('records that wait together are committed together, in their order', async () => {
  const disk = new MemoryDisk()
  const batches: number[] = []
  const journal = await journalOn(house, disk, { onCommit: ({ records }) => batches.push(records) })
  const entries = Array.from({ length: 20 }, () => entry())
  assert.deepEqual(
    new Set(await Promise.all(entries.map((one) => journal.append(one)))),
    new Set(['durable']),
  )
  assert.deepEqual(batches, [20])
  const { chain } = journal.state
  await journal.close()
  const ours = (await recordsOn(house, disk)).filter((record) => record.chain === chain)
  assert.deepEqual(
    eventIds(ours),
    entries.map(({ eventId }) => eventId),
  )
})

test('what is no longer current is not written, and its sender is told', async () => {
  const disk = new MemoryDisk()
  const journal = await journalOn(house, disk)
  const stale = entry(() => false)
  const good = entry()
  assert.deepEqual(await Promise.all([journal.append(stale), journal.append(good)]), ['stale', 'durable'])
  await journal.close()
  assert.deepEqual(eventIds(await recordsOn(house, disk)), [good.eventId])
})

test('where a record stands is told when it is durable, in order and before its sender goes on; of none that is not', async () => {
  const disk = new MemoryDisk()
  const journal = await journalOn(house, disk)
  const told: string[] = []
  const append = async (one: ReturnType<typeof entry>) => {
    const written = (chain: string, sequence: number) => {
      assert.equal(chain, journal.state.chain)
      // All up to here have been told when anybody else looks.
      assert.ok(sequence <= journal.state.lastSequence)
      told.push(`${sequence} ${one.eventId}`)
    }
    const outcome = await journal.append({ ...one, written })
    assert.equal(
      told.some((line) => line.endsWith(one.eventId)),
      outcome === 'durable',
    )
  }
  const entries = [entry(), entry(() => false), entry(), entry()]
  await Promise.all(entries.map(append))
  disk.freeBytes = 10
  await assert.rejects(append(entry()), JournalUnavailableError)
  await journal.close()
  const records = await recordsOn(house, disk)
  assert.deepEqual(
    told,
    records.map(
      ({ sequence, record }) => `${sequence} ${(JSON.parse(record) as { eventID: string }).eventID}`,
    ),
  )
  assert.equal(told.length, 3)
})

test('a full disk fails every request of the batch, turns health red, and is recovered from in a new chain', async () => {
  const disk = new MemoryDisk()
  const health: [ok: boolean, reason?: string | undefined][] = []
  const journal = await journalOn(house, disk, {
    onHealth: (...report) => {
      health.push(report)
    },
  })
  const first = entry()
  await journal.append(first)
  const firstChain = journal.state.chain

  disk.freeBytes = 700
  const outcomes = await Promise.allSettled([journal.append(entry()), journal.append(entry())])
  for (const outcome of outcomes) {
    assert.ok(outcome.status === 'rejected' && outcome.reason instanceof JournalUnavailableError)
  }
  assert.equal(journal.state.healthy, false)
  assert.match(journal.state.reason ?? '', /ENOSPC/)
  await assert.rejects(journal.append(entry()), JournalUnavailableError)

  disk.freeBytes = Number.POSITIVE_INFINITY
  await assert.rejects(
    journal.append(entry()),
    JournalUnavailableError,
    'a new chain is tried once a second at most',
  )
  house.clock.advance(1000)
  const second = entry()
  assert.equal(await journal.append(second), 'durable')
  assert.equal(journal.state.healthy, true)
  assert.notEqual(journal.state.chain, firstChain)
  assert.deepEqual(health.at(-1), [true])
  await journal.close()

  assert.deepEqual(eventIds(await recordsOn(house, disk)), [first.eventId, second.eventId])
  const abandoned = (await verifyOn(house, disk)).chains.find(({ chain }) => chain === firstChain)
  assert.equal(abandoned?.state, 'abandoned')
  assert.equal(abandoned?.firstBad, undefined)
  assert.equal(abandoned?.tail?.kind, 'torn')
})

test('after a failed fdatasync the segment is never written or synced again', async () => {
  const disk = new MemoryDisk()
  const journal = await journalOn(house, disk)
  await journal.append(entry())
  let failed = ''
  disk.before = (operation, path) => {
    if (failed === '' && operation === 'datasync') {
      failed = path
      throw new Error('EIO')
    }
    assert.notEqual(path, failed)
  }
  await assert.rejects(journal.append(entry()), JournalUnavailableError)
  house.clock.advance(1000)
  assert.equal(await journal.append(entry()), 'durable')
  assert.notEqual(failed, '')
  await journal.close()
})

test('a queue that is full refuses at once', async () => {
  const disk = new MemoryDisk()
  const limits = { pending: { records: 2, length: 1024 * 1024 } }
  const journal = await journalOn(house, disk, { limits })
  const outcomes = await Promise.allSettled([entry(), entry(), entry()].map((one) => journal.append(one)))
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    ['fulfilled', 'fulfilled', 'rejected'],
  )
  assert.equal(await journal.append(entry()), 'durable')
  await journal.close()
  await assert.rejects(journal.append(entry()), JournalUnavailableError)
})

test('while records are written there is a seal at least every ten seconds', async () => {
  const disk = new MemoryDisk()
  const journal = await journalOn(house, disk)
  const { clock } = house
  for (let second = 0; second < 30; second += 1) {
    await journal.append(entry())
    const dueBy = clock.now()
    clock.advance(1000)
    const { lastSealAtMs = 0 } = journal.state
    if (second >= 10) assert.ok(dueBy - lastSealAtMs < 10_000)
    if (second % 5 === 4) await settled(() => (journal.state.lastSealAtMs ?? 0) >= clock.now())
  }
  const { chain } = journal.state
  await journal.close()
  const report = (await verifyOn(house, disk)).chains.find((one) => one.chain === chain)
  assert.equal(report?.records, 30)
  assert.equal(report?.sealedThrough, 30)
  assert.ok((report?.seals ?? 0) >= 3)
})

test('two journals at once write two chains', async () => {
  const disks = [new MemoryDisk(), new MemoryDisk()] as const
  const first = await journalOn(house, disks[0], { node: 'one' })
  await first.append(entry())
  const second = await openAnother(disks[1])
  await Promise.all([first.append(entry()), second.append(entry())])
  assert.notEqual(first.state.chain, second.state.chain)
  assert.equal(first.state.lastSequence, 2)
  assert.equal(second.state.lastSequence, 1)
  await Promise.all([first.close(), second.close()])
})

/** A second process may not share a data directory; for its own chain a deployment of its own serves as well. */
async function openAnother(disk: MemoryDisk) {
  const other = await deployment()
  const journal = await journalOn(other, disk, { node: 'two' })
  after(() => other.remove())
  return journal
}

test('segments follow one another by size and by day, and read back as one chain', async () => {
  const disk = new MemoryDisk()
  const journal = await journalOn(house, disk, { segmentBytes: 1500 })
  for (let count = 0; count < 6; count += 1) await journal.append(entry())
  const bySize = disk.list(JOURNAL_DIRECTORY).length
  house.clock.advance(24 * 60 * 60 * 1000)
  await journal.append(entry())
  const { chain } = journal.state
  await journal.close()
  assert.ok(bySize >= 3)
  assert.equal(disk.list(JOURNAL_DIRECTORY).length, bySize + 1)
  const report = (await verifyOn(house, disk)).chains.find((one) => one.chain === chain)
  assert.equal(report?.records, 7)
  assert.equal(report?.firstBad, undefined)
})

test('a change has its record in the journal once, and its outbox row goes with the seal', async () => {
  const disk = new MemoryDisk()
  const journal = await journalOn(house, disk)
  const made = [await change(house.store), await change(house.store)]
  await settled(() => journal.state.lastSequence === 2)
  house.clock.advance(10_000)
  await settled(async () => (await house.store.pendingOutbox(10)).length === 0)
  await journal.close()
  assert.deepEqual(eventIds(await recordsOn(house, disk)), made)
})

test('changes that commit while the journal cannot be written are drained when it can', async () => {
  const disk = new MemoryDisk()
  const journal = await journalOn(house, disk)
  disk.freeBytes = 0
  const made = await change(house.store)
  await settled(() => !journal.state.healthy)
  await assert.rejects(journal.requireAvailable(), JournalUnavailableError)
  disk.freeBytes = Number.POSITIVE_INFINITY
  house.clock.advance(1000)
  await journal.append(entry())
  await settled(async () => eventIds(await recordsOn(house, disk)).includes(made))
  await journal.close()
  assert.equal(eventIds(await recordsOn(house, disk)).filter((id) => id === made).length, 1)
})

/**
 * The disk loses power at its nth operation, whatever that is, and keeps some of what was not synced. Whatever was
 * acknowledged is there, once; every committed change has one record; and nothing looks like tampering.
 */
test('a loss of power at any moment loses nothing acknowledged and doubles nothing', async (t) => {
  // All but one byte leaves a line that is whole but for its line feed.
  const keptPart = fc.oneof(fc.double({ min: 0, max: 1, noNaN: true }), fc.constant('all but one' as const))
  const parameters = { numRuns: 20, seed: Date.now() % 2 ** 31 }
  t.diagnostic(`seed ${parameters.seed}`)
  await fc.assert(
    fc.asyncProperty(fc.nat(30), keptPart, fc.nat(3), async (cutAt, kept, seals) => {
      const own = await deployment()
      try {
        let disk = new MemoryDisk()
        const acknowledged: string[] = []
        const committed: string[] = []
        for (let life = 0; life < 2; life += 1) {
          let left = cutAt
          disk.before = () => {
            left -= 1
            if (left < 0) throw new Error('the power is off')
          }
          const journal = await journalOn(own, disk, { segmentBytes: 4000 })
          for (let round = 0; round < 5; round += 1) {
            const entries = [entry(), entry()]
            const outcomes = await Promise.allSettled([
              ...entries.map((one) => journal.append(one)),
              change(own.store).then((eventId) => committed.push(eventId)),
            ])
            for (const [index, one] of entries.entries()) {
              if (outcomes[index]?.status === 'fulfilled') acknowledged.push(one.eventId)
            }
            if (round < seals) own.clock.advance(6000)
          }
          await own.reopen()
          disk = disk.afterPowerLoss((unsynced) =>
            kept === 'all but one' ? Math.max(0, unsynced - 1) : Math.floor(unsynced * kept),
          )
        }
        const last = await journalOn(own, disk)
        await last.close()
        const found = eventIds(await recordsOn(own, disk))
        assert.equal(new Set(found).size, found.length, 'a record is there twice')
        for (const eventId of [...acknowledged, ...committed])
          assert.ok(found.includes(eventId), 'a record is lost')
        const report = await verifyOn(own, disk)
        assert.deepEqual(
          report.chains.flatMap(({ firstBad }) => firstBad ?? []),
          [],
        )
        assert.deepEqual(await own.store.pendingOutbox(10), [])
      } finally {
        await own.remove()
      }
    }),
    parameters,
  )
})

test('a chain that was changed behind its last seal is reported at start, which goes on', async () => {
  const own = await deployment()
  const disk = new MemoryDisk()
  const journal = await journalOn(own, disk)
  await Promise.all([entry(), entry(), entry()].map((one) => journal.append(one)))
  const { chain } = journal.state
  await own.reopen()
  disk.tamper(join(JOURNAL_DIRECTORY, `${chain}-0001.jsonl`), (bytes) =>
    Buffer.from(bytes.toString().replace('Encrypt', 'Decrypt')),
  )
  const next = await journalOn(own, disk)
  assert.equal(next.state.healthy, false)
  assert.match(next.state.reason ?? '', /does not match its hash/)
  assert.equal(await next.append(entry()), 'durable')
  await next.close()
  const report = (await verifyOn(own, disk)).chains.find((one) => one.chain === chain)
  assert.equal(report?.state, 'damaged')
  assert.equal(report?.firstBad?.sequence, 1)
  await own.remove()
})
