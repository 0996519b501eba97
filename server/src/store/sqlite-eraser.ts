import { sql, type Kysely } from 'kysely'
import type { Clock } from '../clock.ts'
import type { Engine, StoreLog } from './engine.ts'
import type { Eraser } from './erasure.ts'
import type { Database } from './schema.ts'
import type { SqliteThread } from './sqlite-thread.ts'

const RETRY_MS = 5_000
// Beyond it looking for each would need more memory than it is worth.
const MOST_BYTES = 4 * 2 ** 20
const LARGEST_MARK = 2 ** 31 - 1

/** Of what was erased; `everything` when nobody knows any more what that was. */
type Wanted = readonly Uint8Array[] | 'everything'

/**
 * Deleted rows are overwritten in the database file (`secure_delete`), but the WAL keeps the pages from before until it is
 * written over, and now and then a page keeps a copy. So after an erasure the WAL is emptied and the file searched for what
 * was erased; if it is found, the tables of secrets are written anew. A mark in the file (`user_version`), which the erasing
 * transaction moves on, stays until that is done: after a crash the next start does it, without the search.
 */
export function createSqliteEraser(parts: {
  thread: SqliteThread
  /** Nobody else's transaction is open meanwhile. */
  inTurn: <T>(work: () => Promise<T>) => Promise<T>
  transaction: Engine['transaction']
  reader: Kysely<Database>
  clock: Clock
  log: StoreLog | undefined
}): Eraser & { resume(): Promise<void>; close(): Promise<void> } {
  const { thread, inTurn, transaction, reader, clock, log } = parts
  let waiting: Wanted | undefined
  let running: Promise<void> | undefined
  let cancelRetry = () => {}
  let isClosed = false
  let hasComplained = false

  function start(): void {
    cancelRetry()
    if (!isClosed) running ??= work()
  }

  async function work(): Promise<void> {
    while (waiting !== undefined && !isClosed) {
      const wanted = waiting
      waiting = undefined
      if (await erase(wanted)) continue
      waiting = together(wanted, waiting)
      cancelRetry = clock.wakeAt(clock.now() + RETRY_MS, start)
      break
    }
    running = undefined
  }

  /** @returns false when it must be tried again */
  async function erase(wanted: Wanted): Promise<boolean> {
    try {
      const marked = await transaction(readMark)
      if ((await step('checkpoint')) === 'busy') return false
      if (wanted === 'everything' || (await scan(wanted)) === 'found') {
        await step('rewrite')
        if ((await step('checkpoint')) === 'busy') return false
        if (wanted !== 'everything' && (await scan(wanted)) === 'found') {
          throw new Error('the database file still holds bytes of key material that was deleted')
        }
      }
      await transaction(async (db) => {
        if ((await readMark(db)) === marked) await setMark(db, 0)
      })
      hasComplained = false
      return true
    } catch (error) {
      if (!isClosed && !hasComplained) {
        hasComplained = true
        log?.warn({ err: error }, 'deleted key material could not be taken out of the database files yet')
      }
      return false
    }
  }

  const step = (name: 'checkpoint' | 'rewrite') => inTurn(() => thread.scrub(name))
  const scan = (wanted: readonly Uint8Array[]) => thread.scrub('scan', wanted)

  return {
    async mark(db) {
      const last = await readMark(db)
      await setMark(db, last < LARGEST_MARK ? last + 1 : 1)
    },
    erase(bytes) {
      waiting = together(bytes, waiting)
      start()
    },
    async settled() {
      await running
    },
    /** Does what a process that crashed had still to do. */
    async resume() {
      if ((await readMark(reader)) === 0) return
      waiting = 'everything'
      start()
      await running
    },
    async close() {
      isClosed = true
      cancelRetry()
      await running
    },
  }
}

function together(one: Wanted, other: Wanted | undefined): Wanted {
  if (other === undefined) return one
  if (one === 'everything' || other === 'everything') return 'everything'
  const all = [...one, ...other]
  return all.reduce((sum, { length }) => sum + length, 0) > MOST_BYTES ? 'everything' : all
}

async function readMark(db: Kysely<Database>): Promise<number> {
  const { rows } = await sql<{ user_version: number }>`pragma user_version`.execute(db)
  return rows[0]?.user_version ?? 0
}

async function setMark(db: Kysely<Database>, mark: number): Promise<void> {
  await sql`pragma user_version = ${sql.lit(mark)}`.execute(db)
}
