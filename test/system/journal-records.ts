import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/** A record with its place, as the tests look at it. */
export interface JournalRecord {
  readonly chain: string
  readonly sequence: number
  readonly eventID: string
  readonly eventName: string
  readonly requestID: string | undefined
  readonly errorCode: string | undefined
  readonly changePosition: number | undefined
  readonly arns: readonly string[]
}

interface Line {
  readonly chain: string
  readonly sequence: number
  readonly record: {
    readonly eventID: string
    readonly eventName: string
    readonly requestID?: string
    readonly errorCode?: string
    readonly additionalEventData?: { readonly changePosition?: number }
    readonly resources?: readonly { readonly ARN: string }[]
  }
}

/** Every whole line of the segment files in a data directory. */
export function readJournalFiles(dataDir: string): JournalRecord[] {
  const folder = join(dataDir, 'journal')
  return readdirSync(folder)
    .filter((name) => name.endsWith('.jsonl'))
    .sort()
    .flatMap((name) => parseLines(readFileSync(join(folder, name))))
}

/** Whole lines; what stands behind the last line feed is not a line. */
export function parseLines(bytes: Buffer): JournalRecord[] {
  const lines = bytes.toString('utf8').split('\n').slice(0, -1)
  return lines.map((text) => {
    const { chain, sequence, record } = JSON.parse(text) as Line
    return {
      chain,
      sequence,
      eventID: record.eventID,
      eventName: record.eventName,
      requestID: record.requestID,
      errorCode: record.errorCode,
      changePosition: record.additionalEventData?.changePosition,
      arns: (record.resources ?? []).map(({ ARN }) => ARN),
    }
  })
}

/** What the database says happened, to be held against the journal. */
export interface StoredChanges {
  readonly head: number
  /** Versions of KMS keys by key id. */
  readonly versions: ReadonlyMap<string, number>
}

/** Of a data directory whose server has ended. */
export function readStoredChanges(dataDir: string): StoredChanges {
  const database = new DatabaseSync(join(dataDir, 'keywright.db'), { readOnly: true })
  try {
    const head = database.prepare('select position from feed_head').get() as { position: number }
    const rows = database.prepare('select key_id, version from kms_keys').all() as {
      key_id: string
      version: number
    }[]
    return { head: head.position, versions: new Map(rows.map((row) => [row.key_id, row.version])) }
  } finally {
    database.close()
  }
}

/**
 * Every acknowledged request has its record, once. Every change that is in the database has exactly one record, none has
 * a record that is not: positions are gapless from 1 to the feed's head, and each key has as many as versions; its aliases'
 * are among them, since a key knows its aliases' names.
 */
export function requireWholeJournal(
  records: readonly JournalRecord[],
  { head, versions }: StoredChanges,
  acknowledged: ReadonlySet<string>,
): void {
  const eventIds = new Set(records.map(({ eventID }) => eventID))
  assert.equal(eventIds.size, records.length, 'an event is recorded twice')

  const byRequest = Map.groupBy(records, ({ requestID }) => requestID)
  const missing = [...acknowledged].filter((requestId) => byRequest.get(requestId)?.length !== 1)
  assert.deepEqual(missing, [], 'acknowledged requests without one record')

  const positions = records.flatMap(({ changePosition }) => changePosition ?? []).sort((a, b) => a - b)
  assert.deepEqual(
    positions,
    Array.from({ length: head }, (_, index) => index + 1),
    'positions of changes',
  )

  const recorded = new Map<string, number>()
  for (const { changePosition, arns } of records) {
    if (changePosition === undefined) continue
    for (const arn of arns) {
      const keyId = arn.slice(arn.lastIndexOf('/') + 1)
      recorded.set(keyId, (recorded.get(keyId) ?? 0) + 1)
    }
  }
  for (const [keyId, version] of versions)
    assert.equal(recorded.get(keyId), version, `versions of key ${keyId}`)
}
