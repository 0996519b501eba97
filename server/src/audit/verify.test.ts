import assert from 'node:assert/strict'
import { test } from 'node:test'
import { join } from 'node:path'
import fc from 'fast-check'
import { exportAnchors, parseAnchors } from './anchors.ts'
import { chainRecords, genesis, parseLine } from './chain.ts'
import { openFileReader } from './file-reader.ts'
import {
  collect,
  deployment,
  entry,
  JOURNAL_DIRECTORY,
  journalOn,
  settled,
  verifyOn,
  type Deployment,
} from './testing/journal-fixture.ts'
import { MemoryDisk } from './testing/memory-disk.ts'
import { verifyJournal } from './verify.ts'

const RECORDS = 12

/** A closed chain of twelve records in one segment, sealed after every fourth. */
async function sealedChain(house: Deployment, disk: MemoryDisk) {
  const journal = await journalOn(house, disk)
  for (let count = 1; count <= RECORDS; count += 1) {
    await journal.append(entry())
    if (count % 4 !== 0) continue
    house.clock.advance(6000)
    await settled(() => journal.state.lastSealAtMs === house.clock.now())
  }
  const chain = journal.state.chain ?? ''
  await journal.close()
  return { chain, path: join(JOURNAL_DIRECTORY, `${chain}-0001.jsonl`) }
}

test('a journal that nobody touched verifies', async () => {
  const house = await deployment()
  const disk = new MemoryDisk()
  const { chain } = await sealedChain(house, disk)
  const report = await verifyOn(house, disk)
  assert.equal(report.ok, true)
  assert.equal(report.chains.length, 1)
  const [only] = report.chains
  assert.equal(only?.chain, chain)
  assert.equal(only?.state, 'closed')
  assert.equal(only?.records, RECORDS)
  assert.equal(only?.sealedThrough, RECORDS)
  assert.equal(only?.seals, 3)
  await house.remove()
})

test('every change, insertion, removal and reordering in a sealed journal is found, at the first bad record', async (t) => {
  const house = await deployment()
  const disk = new MemoryDisk()
  const { path } = await sealedChain(house, disk)
  let original: Buffer = Buffer.alloc(0)
  disk.tamper(path, (bytes) => (original = bytes))
  const lines = original.toString().split('\n').slice(0, -1)
  const write = (changed: readonly string[]) => {
    disk.tamper(path, () => Buffer.from(changed.map((line) => `${line}\n`).join('')))
  }
  const index = fc.nat(RECORDS - 1)
  const edit = fc.oneof(
    // What is done, to which record, and with what.
    fc.record({
      kind: fc.constant('flip' as const),
      at: index,
      byte: fc.nat(800),
      bits: fc.integer({ min: 1, max: 255 }),
    }),
    fc.record({ kind: fc.constant('remove' as const), at: index }),
    fc.record({ kind: fc.constant('double' as const), at: index }),
    fc.record({ kind: fc.constant('swap' as const), at: fc.nat(RECORDS - 2) }),
    fc.record({ kind: fc.constant('truncate' as const), at: index }),
    fc.record({ kind: fc.constant('rehash' as const), at: index }),
  )
  const parameters = { numRuns: 150, seed: Date.now() % 2 ** 31 }
  t.diagnostic(`seed ${parameters.seed}`)
  await fc.assert(
    fc.asyncProperty(edit, async (change) => {
      const changed = [...lines]
      const { at } = change
      if (change.kind === 'flip') {
        const bytes = Buffer.from(lines[at] as string)
        const byte = change.byte % bytes.length
        bytes[byte] = (bytes[byte] as number) ^ change.bits
        const before = Buffer.from(
          lines
            .slice(0, at)
            .map((line) => `${line}\n`)
            .join(''),
        )
        const behind = Buffer.from(
          lines
            .slice(at + 1)
            .map((line) => `${line}\n`)
            .join(''),
        )
        disk.tamper(path, () => Buffer.concat([before, bytes, Buffer.from('\n'), behind]))
      } else {
        if (change.kind === 'remove') changed.splice(at, 1)
        if (change.kind === 'double') changed.splice(at, 0, lines[at] as string)
        if (change.kind === 'swap') changed.splice(at, 2, lines[at + 1] as string, lines[at] as string)
        if (change.kind === 'truncate') changed.splice(at)
        if (change.kind === 'rehash') changed.splice(0, RECORDS, ...rehashed(lines, at))
        write(changed)
      }
      const [report] = (await verifyOn(house, disk)).chains
      const bad = report?.firstBad
      assert.ok(bad, 'it was not found')
      if (change.kind === 'rehash') {
        // All hashes agree again, so the seal behind the change is what shows it.
        assert.equal(bad.sequence, Math.ceil((at + 1) / 4) * 4)
        assert.equal(bad.provenThrough, Math.floor(at / 4) * 4)
      } else {
        assert.equal(bad.sequence, change.kind === 'double' ? at + 2 : at + 1)
      }
    }),
    parameters,
  )
  disk.tamper(path, () => original)
  assert.equal((await verifyOn(house, disk)).ok, true)
  await house.remove()
})

/** A record changed by somebody who computes all hashes from there on anew. */
function rehashed(lines: readonly string[], at: number): string[] {
  const parsed = lines.map((line) => parseLine(Buffer.from(line)))
  const records = parsed.map((line, index) => {
    const record = line?.record.toString() ?? ''
    return index === at ? record.replace('Encrypt', 'Decrypt') : record
  })
  return chainRecords(genesis(parsed[0]?.chain ?? ''), records)
    .lines.toString()
    .split('\n')
    .slice(0, -1)
}

test('the removal of a whole segment or of a whole chain is found', async () => {
  const house = await deployment()
  const disk = new MemoryDisk()
  const { chain, path } = await sealedChain(house, disk)
  disk.tamper(path, () => undefined)
  const [report] = (await verifyOn(house, disk)).chains
  assert.equal(report?.chain, chain)
  assert.match(report?.firstBad?.reason ?? '', /^records 1 to 4 are missing/)
  await house.remove()
})

test('a chain that the database does not know is found', async () => {
  const house = await deployment()
  const disk = new MemoryDisk()
  await sealedChain(house, disk)
  const forged = '00000000-0000-4000-8000-000000000000'
  const file = disk.create(join(JOURNAL_DIRECTORY, `${forged}-0001.jsonl`))
  disk.append(file, chainRecords(genesis(forged), [entry().record]).lines)
  const report = (await verifyOn(house, disk)).chains.find((one) => one.chain === forged)
  assert.equal(report?.state, 'unregistered')
  assert.equal(report?.firstBad?.sequence, 1)
  await house.remove()
})

test('a torn last line of a running or crashed process is reported as torn', async () => {
  const house = await deployment()
  const disk = new MemoryDisk()
  const journal = await journalOn(house, disk)
  await journal.append(entry())
  await journal.append(entry())
  const chain = journal.state.chain ?? ''
  await house.reopen()
  disk.tamper(join(JOURNAL_DIRECTORY, `${chain}-0001.jsonl`), (bytes) => bytes.subarray(0, bytes.length - 10))
  const [report] = (await verifyOn(house, disk)).chains
  assert.equal(report?.state, 'open')
  assert.equal(report?.records, 1)
  assert.equal(report?.tail?.kind, 'torn')
  assert.equal(report?.firstBad, undefined)
  await house.remove()
})

test('a database and a journal that were both put back show it against an anchor', async () => {
  const house = await deployment()
  const disk = new MemoryDisk()
  const early = await sealedChain(house, disk)
  const late = await sealedChain(house, disk)
  const anchors = parseAnchors((await collect(exportAnchors(house.store))).join('\n'))
  assert.equal(anchors.length, 2)

  disk.tamper(late.path, () => undefined)
  await house.store.transition(async (tx) => {
    tx.unrecorded = 'an attacker'
    await tx.db.deleteFrom('journal_seals').where('chain_id', '=', late.chain).execute()
    await tx.db.deleteFrom('journal_chains').where('chain_id', '=', late.chain).execute()
  })
  assert.equal((await verifyOn(house, disk)).ok, true)
  const reader = openFileReader(JOURNAL_DIRECTORY, disk)
  const report = await verifyJournal({
    store: house.store,
    reader,
    publicKey: house.signer.publicKey,
    anchors,
  })
  assert.equal(report.ok, false)
  assert.deepEqual(
    report.chains.map(({ chain, firstBad }) => [chain, firstBad?.sequence]),
    [
      [early.chain, undefined],
      [late.chain, 1],
    ],
  )
  await house.remove()
})

test('a seal, an anchor or a registration that this deployment did not make is found', async () => {
  const house = await deployment()
  const other = await deployment()
  const disk = new MemoryDisk()
  const { chain } = await sealedChain(house, disk)
  const foreign = await verifyOn({ ...house, store: house.store, signer: other.signer }, disk)
  assert.match(foreign.chains[0]?.firstBad?.reason ?? '', /not signed by this deployment/)

  await house.store.transition(async (tx) => {
    tx.unrecorded = 'an attacker'
    await tx.db
      .updateTable('journal_chains')
      .set({ closed_sequence: 4 })
      .where('chain_id', '=', chain)
      .execute()
  })
  assert.match((await verifyOn(house, disk)).chains[0]?.firstBad?.reason ?? '', /not authentic/)
  await house.remove()
  await other.remove()
})
