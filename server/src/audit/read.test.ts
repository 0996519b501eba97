import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openFileReader } from './file-reader.ts'
import { tail } from './read.ts'
import {
  collect,
  deployment,
  encryptRecord,
  eventIds,
  JOURNAL_DIRECTORY,
  journalOn,
  settled,
} from './testing/journal-fixture.ts'
import { MemoryDisk } from './testing/memory-disk.ts'

function recordAt(timeMs: number) {
  return { ...encryptRecord({ clockMs: timeMs }), isCurrent: () => true }
}

test('the records of all chains come in the order of their time, and the latest of them when asked for a few', async () => {
  const house = await deployment()
  const disk = new MemoryDisk()
  const reader = openFileReader(JOURNAL_DIRECTORY, disk)
  const written: string[] = []
  for (let life = 0; life < 4; life += 1) {
    const journal = await journalOn(house, disk, { segmentBytes: 3000 })
    for (let count = 0; count < 10; count += 1) {
      house.clock.advance(1000)
      const one = recordAt(house.clock.now())
      written.push(one.eventId)
      await journal.append(one)
    }
    await journal.close()
  }
  const { store } = house
  assert.deepEqual(eventIds(await collect(tail({ store, reader }))), written)
  for (const limit of [0, 1, 7, 10, 25, 100]) {
    const expected = limit === 0 ? [] : written.slice(-limit)
    assert.deepEqual(eventIds(await collect(tail({ store, reader, limit }))), expected, `limit ${limit}`)
  }
  await house.remove()
})

test('following shows each new record once, of this chain and of the next', async () => {
  const house = await deployment()
  const disk = new MemoryDisk()
  const reader = openFileReader(JOURNAL_DIRECTORY, disk)
  const seen: string[] = []
  const written: string[] = []
  const stop = new AbortController()
  const append = async (journal: Awaited<ReturnType<typeof journalOn>>) => {
    const one = recordAt(house.clock.now())
    written.push(one.eventId)
    await journal.append(one)
  }
  const first = await journalOn(house, disk, { segmentBytes: 1500 })
  for (let count = 0; count < 5; count += 1) await append(first)
  const following = (async () => {
    const { store } = house
    for await (const record of tail({
      store,
      reader,
      limit: 2,
      follow: true,
      pollMs: 1,
      signal: stop.signal,
    })) {
      seen.push(...eventIds([record]))
    }
  })()
  await settled(() => seen.length === 2)
  for (let count = 0; count < 5; count += 1) await append(first)
  await settled(() => seen.length === 7)
  await first.close()
  const second = await journalOn(house, disk)
  await append(second)
  await settled(() => seen.length === 8)
  stop.abort()
  await following
  await second.close()
  assert.deepEqual(seen, written.slice(3))
  await house.remove()
})
