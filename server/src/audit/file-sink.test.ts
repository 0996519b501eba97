import assert from 'node:assert/strict'
import { readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { openFileReader } from './file-reader.ts'
import { openFileSink } from './file-sink.ts'
import { JournalUnavailableError } from './journal-unavailable-error.ts'
import { deployment, entry, journalOn } from './testing/journal-fixture.ts'
import { MemoryDisk } from './testing/memory-disk.ts'
import { verifyJournal } from './verify.ts'

test('the writer thread leaves segment files that only their owner can read, and that verify', async () => {
  const house = await deployment()
  const directory = join(house.directory, 'journal')
  const { clock, store, signer } = house
  const sink = openFileSink({ directory, clock, limits: { segmentBytes: 4000 } })
  const reader = openFileReader(directory)
  const journal = await journalOn(house, new MemoryDisk(), { sink, reader })
  for (let count = 0; count < 10; count += 1)
    await Promise.all([journal.append(entry()), journal.append(entry())])
  await journal.close()
  const names = readdirSync(directory)
  assert.ok(names.length > 2)
  if (process.platform !== 'win32') {
    for (const name of names) assert.equal(statSync(join(directory, name)).mode & 0o777, 0o600)
  }
  const report = await verifyJournal({ store, reader, publicKey: signer.publicKey })
  assert.equal(report.ok, true)
  assert.equal(report.chains[0]?.records, 20)
  await house.remove()
})

test('a directory that cannot be written fails requests, and the journal comes back with it', async () => {
  const house = await deployment()
  const directory = join(house.directory, 'journal')
  writeFileSync(directory, 'a file stands in the way')
  const sink = openFileSink({ directory, clock: house.clock })
  const journal = await journalOn(house, new MemoryDisk(), { sink })
  await assert.rejects(journal.append(entry()), JournalUnavailableError)
  assert.equal(journal.state.healthy, false)
  rmSync(directory)
  house.clock.advance(1000)
  assert.equal(await journal.append(entry()), 'durable')
  assert.equal(journal.state.healthy, true)
  await journal.close()
  await house.remove()
})
