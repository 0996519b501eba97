import { AsyncLocalStorage } from 'node:async_hooks'
import type { Transaction } from 'kysely'
import type { Clock } from '../clock.ts'
import type { AuthenticatedRows } from './authenticated-rows.ts'
import type { Engine } from './engine.ts'
import type { ErasedMaterial, Erasure } from './erasure.ts'
import { readHead, type EntityKind, type FeedChange, type LocalFeed } from './feed.ts'
import { rerun } from './rerun.ts'
import type { Database } from './schema.ts'

/** What a change of state does its work with. It is of no use once the work has returned. */
export interface Transition {
  readonly db: Transaction<Database>
  /** Names an entity that this transaction changes; every node drops what it has cached of it. */
  changed(kind: EntityKind, id: string): void
  /**
   * Adds a journal record to the transaction; `make` is called once the change has its position in the feed.
   * At least one a transaction, or `unrecorded` must say why not.
   */
  record(make: MakeRecord): void
  /** Says that secrets are taken away for good: once this has committed, no file of the database is to hold their bytes. */
  erases(erasure: Erasure): void
  /** Why this transaction needs no record: bookkeeping that no request asked for. */
  unrecorded: string | undefined
}

/**
 * Makes a record for the position that its change takes in the feed. When the transaction does change something,
 * no other change can commit between this call and the transaction's own commit; what it throws undoes the transaction.
 */
export type MakeRecord = (position: number) => RecordToKeep | Promise<RecordToKeep>

/** Makes the record that proves an erasure, beside those of the transition that erases. */
export type MakeErasureRecord = (erased: ErasedMaterial, position: number) => RecordToKeep

interface RecordToKeep {
  readonly eventId: string
  readonly record: string
}

/** A committed record on its way to the journal. */
export interface OutboxRecord {
  readonly eventId: string
  readonly record: string
  readonly position: number
}

export type RunTransition = <T>(work: (tx: Transition) => Promise<T>) => Promise<T>

interface Committed<T> {
  readonly result: T
  /** Of no meaning when there are neither changes nor records. */
  readonly position: number
  readonly changes: readonly FeedChange[]
  readonly outbox: readonly OutboxRecord[]
  readonly erased: readonly Uint8Array[]
}

const CHANGES_PER_STATEMENT = 1000

/** Makes `transition()`: one transaction for the rows, the feed and the records, run again whole when it loses. */
export function createTransitions(parts: {
  readonly engine: Engine
  readonly feed: LocalFeed
  readonly rows: AuthenticatedRows
  readonly clock: Clock
  readonly onCommitted: (outbox: readonly OutboxRecord[]) => void
  /** Undefined while nobody asks for records of erasures. */
  readonly erasureRecord: () => MakeErasureRecord | undefined
}): RunTransition {
  const { engine, feed, onCommitted } = parts
  // A transition within a transition would wait for itself for ever.
  const current = new AsyncLocalStorage<{ open: boolean }>()

  return async (work) => {
    if (current.getStore()?.open) throw new Error('A transition cannot be started within a transition')
    const committed = await rerun((attempt) => {
      const running = { open: true }
      return current
        .run(running, () =>
          engine.transaction((db) => attemptOf(db, work, parts), { contended: attempt > 1 }),
        )
        .finally(() => {
          running.open = false
        })
    })
    if (committed.erased.length > 0) engine.eraser?.erase(committed.erased)
    try {
      if (committed.changes.length > 0) await feed.applyOwn(committed.position, committed.changes)
    } finally {
      if (committed.outbox.length > 0) onCommitted(committed.outbox)
    }
    return committed.result
  }
}

async function attemptOf<T>(
  db: Transaction<Database>,
  work: (tx: Transition) => Promise<T>,
  parts: {
    engine: Engine
    rows: AuthenticatedRows
    clock: Clock
    erasureRecord: () => MakeErasureRecord | undefined
  },
): Promise<Committed<T>> {
  const { engine, rows, clock, erasureRecord } = parts
  const changed = new Map<string, { kind: EntityKind; id: string }>()
  const records: MakeRecord[] = []
  const erased: Uint8Array[] = []
  let over = false
  const tx: Transition = {
    db,
    changed(kind, id) {
      if (over) throw new Error('The transition is over')
      changed.set(`${kind} ${id}`, { kind, id })
    },
    record(make) {
      if (over) throw new Error('The transition is over')
      records.push(make)
    },
    erases({ bytes, material }) {
      if (over) throw new Error('The transition is over')
      erased.push(...bytes)
      const make = erasureRecord()
      if (material !== undefined && make !== undefined) records.push((position) => make(material, position))
    },
    unrecorded: undefined,
  }
  const result = await work(tx)
  over = true
  if (erased.length > 0) await engine.eraser?.mark(db)
  if (records.length === 0 && !tx.unrecorded) throw new Error('A transition must leave a record')

  // Last, because whoever advances the feed makes every other transition wait until the commit.
  const position = changed.size > 0 ? await advance(db) : records.length > 0 ? await readHead(db) : 0
  const changes = [...changed.values()].map((change) => ({ position, ...change }))
  for (let from = 0; from < changes.length; from += CHANGES_PER_STATEMENT) {
    await db
      .insertInto('feed')
      .values(
        changes
          .slice(from, from + CHANGES_PER_STATEMENT)
          .map(({ kind, id }, at) => ({ position, ordinal: from + at, kind, entity_id: id })),
      )
      .execute()
  }
  const outbox: OutboxRecord[] = []
  for (const make of records) outbox.push({ ...(await make(position)), position })
  await rows.insertMany(
    tx,
    'outbox',
    outbox.map(({ eventId, record }) => ({ event_id: eventId, position, record, created_at: clock.now() })),
  )
  return { result, position, changes, outbox, erased }
}

async function advance(db: Transaction<Database>): Promise<number> {
  const { position } = await db
    .updateTable('feed_head')
    .set(({ eb }) => ({ position: eb('position', '+', 1) }))
    .where('id', '=', 1)
    .returning('position')
    .executeTakeFirstOrThrow()
  return position
}
