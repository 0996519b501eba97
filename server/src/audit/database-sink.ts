import { sql, type Kysely, type Transaction } from 'kysely'
import type { Database } from '../store/schema.ts'
import { DatabaseError } from '../store/store-errors.ts'
import type { Store } from '../store/store.ts'
import { parseLine } from './chain.ts'
import type { CommitOutcome, JournalBatch, JournalSink } from './sink.ts'

const MAX_ATTEMPTS = 10

/** Thrown to undo a transaction whose outcome is not to store the batch. */
class Undone extends Error {
  readonly outcome: CommitOutcome

  constructor(outcome: CommitOutcome) {
    super('The batch is not stored')
    this.outcome = outcome
  }
}

/**
 * Group commits as rows of journal_batches, for PostgreSQL. A batch is inserted on the condition that the feed has not
 * moved on: the statement's snapshot is taken after every request of the batch was decided, so a change that was
 * acknowledged anywhere before is seen. Without outbox rows that is one statement and one round trip; with them their
 * removal is in the same transaction, and a row that another node has drained undoes it.
 *
 * A batch is tried again only after the engine says that it undid the transaction; when the answer is lost nothing is
 * known, and the chain ends with a fence (see `end`).
 */
export function openDatabaseSink(store: Store): JournalSink {
  /** On SQLite only a transition may write; it is there for the tests, which run on both engines. */
  async function transaction<T>(work: (db: Transaction<Database>) => Promise<T>): Promise<T> {
    if (store.engine === 'postgres') {
      // Each statement reads what has committed when it begins: the insert then sees the newest head.
      return await store.db.transaction().setIsolationLevel('read committed').execute(work)
    }
    return await store.transition(async (tx) => {
      tx.unrecorded = 'bookkeeping of the journal itself'
      return await work(tx.db)
    })
  }

  async function attempt(batch: JournalBatch): Promise<CommitOutcome> {
    if (batch.outboxEventIds.length === 0 && store.engine === 'postgres')
      return await insertBatch(store.db, batch)
    try {
      return await transaction(async (db) => {
        const outcome = await drainRows(db, batch.outboxEventIds)
        if (outcome.status !== 'durable') throw new Undone(outcome)
        const inserted = await insertBatch(db, batch)
        if (inserted.status !== 'durable') throw new Undone(inserted)
        return inserted
      })
    } catch (error) {
      if (error instanceof Undone) return error.outcome
      throw error
    }
  }

  /** Closes a chain for good: the next batch would have this primary key, and two rows cannot have it. */
  async function fence(chain: string): Promise<{ sequence: number; hash: string } | undefined> {
    for (let attempts = 0; attempts < MAX_ATTEMPTS; attempts += 1) {
      const last = await store.db
        .selectFrom('journal_batches')
        .select(['first_sequence', 'last_sequence', 'lines'])
        .where('chain_id', '=', chain)
        .orderBy('first_sequence', 'desc')
        .limit(2)
        .execute()
      const batch = last.find((row) => row.last_sequence >= row.first_sequence)
      const held = batch && { sequence: batch.last_sequence, hash: lastHash(batch.lines) }
      const next = (held?.sequence ?? 0) + 1
      if (last[0] !== undefined && last[0] !== batch && last[0].first_sequence === next) return held
      const fenced = await transaction(
        async (db) =>
          await db
            .insertInto('journal_batches')
            .values({
              chain_id: chain,
              first_sequence: next,
              last_sequence: next - 1,
              lines: Buffer.alloc(0),
              written_at: 0,
            })
            .onConflict((conflict) => conflict.columns(['chain_id', 'first_sequence']).doNothing())
            .executeTakeFirst(),
      )
      if (Number(fenced.numInsertedOrUpdatedRows ?? 0) > 0) return held
      // A batch whose answer was lost has come in between: it counts, and the fence goes behind it.
    }
    throw new Error(`Chain ${chain} could not be ended`)
  }

  return {
    readsFeedHead: true,
    removesOutboxRows: true,

    begin: async () => {},

    async commit(batch) {
      for (let attempts = 1; ; attempts += 1) {
        try {
          return await attempt(batch)
        } catch (error) {
          const wasUndone =
            error instanceof DatabaseError && (error.kind === 'conflict' || error.kind === 'busy')
          if (!wasUndone || attempts >= MAX_ATTEMPTS) throw error
        }
      }
    },

    end: fence,

    async settle(chain) {
      await fence(chain)
    },

    close: async () => {},
  }
}

async function insertBatch(db: Kysely<Database>, batch: JournalBatch): Promise<CommitOutcome> {
  // Kysely has no INSERT … SELECT without a table; the condition must be part of the statement that inserts.
  const { numAffectedRows } = await sql`
    insert into journal_batches (chain_id, first_sequence, last_sequence, lines, written_at)
    select ${batch.chain}, ${batch.firstSequence}, ${batch.lastSequence}, ${batch.lines}, ${batch.nowMs}
    from feed_head where id = 1 and position = ${batch.position}`.execute(db)
  return { status: Number(numAffectedRows ?? 0) === 1 ? 'durable' : 'behind' }
}

async function drainRows(db: Kysely<Database>, eventIds: readonly string[]): Promise<CommitOutcome> {
  if (eventIds.length === 0) return { status: 'durable' }
  const found = await db
    .deleteFrom('outbox')
    .where('event_id', 'in', [...eventIds])
    .returning('event_id')
    .execute()
  if (found.length === eventIds.length) return { status: 'durable' }
  const ours = new Set(found.map((row) => row.event_id))
  return { status: 'drained-elsewhere', eventIds: eventIds.filter((eventId) => !ours.has(eventId)) }
}

function lastHash(lines: Uint8Array): string {
  const bytes = Buffer.from(lines)
  const parsed = parseLine(bytes.subarray(bytes.lastIndexOf(0x0a, bytes.length - 2) + 1, bytes.length - 1))
  if (parsed === undefined) throw new Error('A stored batch of the journal does not end in a line')
  return parsed.hash
}
