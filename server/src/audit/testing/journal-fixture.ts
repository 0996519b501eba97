import { createSecretKey, randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemRandom } from '../../crypto/random.ts'
import { signingKeyFromSeed } from '../../crypto/signing.ts'
import { openStore, type Store } from '../../store/store.ts'
import { heldClock } from '../../testing/held-clock.ts'
import { openFileReader } from '../file-reader.ts'
import type { Journal, JournalOptions } from '../journal.ts'
import { openJournal } from '../open-journal.ts'
import { cloudTrailRecord, type RecordFacts } from '../record.ts'
import { tail, type TailedRecord } from '../read.ts'
import { verifyJournal, type JournalReport } from '../verify.ts'
import { inProcessSink } from './in-process-sink.ts'
import type { MemoryDisk } from './memory-disk.ts'

/** One deployment: a database in a fresh directory that can be closed and opened again, and keys that stay. */
export async function deployment() {
  const directory = mkdtempSync(join(tmpdir(), 'keywright-journal-'))
  const rowKey = createSecretKey(randomBytes(32))
  const signer = signingKeyFromSeed(randomBytes(32))
  const clock = heldClock()
  const open = async (): Promise<Store> => {
    const store = await openStore({ engine: 'sqlite', file: join(directory, 'keywright.db') }, { clock })
    store.authenticateWith(rowKey)
    return store
  }
  let store = await open()
  return {
    directory,
    signer,
    clock,
    get store() {
      return store
    },
    /** As after the end of the process: nothing of the old one reaches the database any more. */
    async reopen() {
      await store.close()
      store = await open()
    },
    async remove() {
      await store.close()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

export type Deployment = Awaited<ReturnType<typeof deployment>>

export const JOURNAL_DIRECTORY = '/journal'

export async function journalOn(
  { store, signer, clock }: Deployment,
  disk: MemoryDisk,
  options: Partial<JournalOptions> & { segmentBytes?: number } = {},
): Promise<Journal> {
  const { segmentBytes = 64 * 1024 * 1024, ...others } = options
  return await openJournal({
    store,
    sink: inProcessSink(disk, JOURNAL_DIRECTORY, clock, { segmentBytes }),
    reader: openFileReader(JOURNAL_DIRECTORY, disk),
    clock,
    random: systemRandom,
    signer,
    node: 'test',
    ...others,
  })
}

/** A record as an Encrypt leaves it. */
export function encryptRecord(facts: Partial<RecordFacts> = {}): { eventId: string; record: string } {
  return cloudTrailRecord({
    clockMs: Date.parse('2026-11-20T10:00:00Z'),
    identity: {
      type: 'Root',
      principalId: '111122223333',
      arn: 'arn:aws:iam::111122223333:root',
      accountId: '111122223333',
      accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
    },
    service: 'kms',
    operation: 'Encrypt',
    region: 'us-east-1',
    accountId: '111122223333',
    sourceIp: '192.0.2.7',
    userAgent: 'aws-cli/2.9.19',
    requestParameters: { keyId: 'alias/app', encryptionContext: { purpose: 'demo' } },
    resources: [
      {
        accountId: '111122223333',
        ARN: 'arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab',
      },
    ],
    requestId: '0aa0b0c0-1111-4222-8333-444455556666',
    readOnly: true,
    ...facts,
  })
}

export function entry(isCurrent = () => true): { eventId: string; record: string; isCurrent: () => boolean } {
  return { ...encryptRecord(), isCurrent }
}

/** A change of state with its record, as a CreateKey commits it. */
export async function change(store: Store): Promise<string> {
  return await store.transition(async (tx) => {
    await Promise.resolve()
    const made = encryptRecord({ operation: 'CreateKey', readOnly: false })
    tx.changed('key', made.eventId)
    tx.record(() => made)
    return made.eventId
  })
}

export async function verifyOn({ store, signer }: Deployment, disk: MemoryDisk): Promise<JournalReport> {
  const reader = openFileReader(JOURNAL_DIRECTORY, disk)
  return await verifyJournal({ store, reader, publicKey: signer.publicKey })
}

export async function recordsOn({ store }: Deployment, disk: MemoryDisk): Promise<TailedRecord[]> {
  return await collect(tail({ store, reader: openFileReader(JOURNAL_DIRECTORY, disk) }))
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const item of items) list.push(item)
  return list
}

export function eventIds(records: readonly TailedRecord[]): string[] {
  return records.map(({ record }) => (JSON.parse(record) as { eventID: string }).eventID)
}

/** Resolves when everything that was set off has run: turns of the loop, not time. */
export async function settled(isDone: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isDone())) {
    await new Promise((resolve) => {
      setImmediate(resolve)
    })
  }
}
