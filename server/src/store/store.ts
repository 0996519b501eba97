import type { KeyObject } from 'node:crypto'
import type { Kysely } from 'kysely'
import type { Clock } from '../clock.ts'
import { authenticatedRows, type AuthenticatedRows } from './authenticated-rows.ts'
import type { Engine, StoreLog } from './engine.ts'
import { openFeed, type Feed } from './feed.ts'
import { followFeed } from './feed-poll.ts'
import { migrate } from './migrate.ts'
import { pendingOutbox, removeOutbox } from './outbox.ts'
import { openPostgres } from './postgres-engine.ts'
import { rerun } from './rerun.ts'
import type { Database } from './schema.ts'
import { openSqlite } from './sqlite-engine.ts'
import { StoreError, type CorruptRowError } from './store-errors.ts'
import {
  createTransitions,
  type MakeErasureRecord,
  type OutboxRecord,
  type RunTransition,
} from './transition.ts'

export type { EntityKind, Feed, FeedChange } from './feed.ts'
export type { Database, Row } from './schema.ts'
export {
  CorruptRowError,
  DatabaseError,
  DuplicateRowError,
  StaleVersionError,
  StoreError,
} from './store-errors.ts'
export type { ErasedMaterial } from './erasure.ts'
export type { MakeErasureRecord, OutboxRecord, Transition } from './transition.ts'

export interface Store {
  readonly engine: 'sqlite' | 'postgres'
  /** For reading: sees what is committed, never an open transaction. Changes go through `transition`. */
  readonly db: Kysely<Database>
  /**
   * Runs a change of state as one serializable transaction, again from the start when it loses against
   * another or finds a stale version, so `work` must have no effect but through `tx`. When it resolves, this process
   * has applied the change.
   *
   * A DatabaseError of kind 'unavailable' can leave open whether it was committed, when the database is lost at that
   * moment; if it was, its records are in the outbox.
   */
  readonly transition: RunTransition
  readonly feed: Feed
  readonly rows: AuthenticatedRows
  /**
   * Lets no change take a position up to this one: they were taken before an older copy of the database was put back.
   * Nobody else may use the database meanwhile.
   */
  skipTo(position: number): Promise<void>
  /** Gives the key of the rows' HMACs. Until then authenticated rows can be neither read nor written. */
  authenticateWith(key: KeyObject): void
  /** From then on each erasure of key material leaves a record of its own. */
  recordErasures(make: MakeErasureRecord): void
  /** Resolves when what was erased is in no file any more, as far as that is ours to see to and can be done now. */
  erased(): Promise<void>
  /** The listener gets the records of each transition once it has committed and been applied. */
  onOutbox(listener: (rows: readonly OutboxRecord[]) => void): void
  /** The oldest committed records that were not removed yet, by position. @throws CorruptRowError */
  pendingOutbox(limit: number): Promise<OutboxRecord[]>
  /** Forgets records that the journal has; those already gone are no error. */
  removeOutbox(eventIds: readonly string[]): Promise<void>
  close(): Promise<void>
}

export type StoreOptions =
  | { readonly engine: 'sqlite'; readonly file: string }
  | { readonly engine: 'postgres'; readonly url: string; readonly connections?: number }

export interface StoreDependencies {
  readonly clock: Clock
  readonly log?: StoreLog
  readonly onCorruptRow?: (error: CorruptRowError) => void
  /** Told when the database stops and starts answering, and when its thread has died for good. */
  readonly onHealth?: (ok: boolean, reason?: string) => void
}

/**
 * Opens the database, which is made or brought up to date when needed.
 *
 * @throws StoreError when it is damaged, of a newer version, or cannot be reached
 */
export async function openStore(options: StoreOptions, dependencies: StoreDependencies): Promise<Store> {
  const { clock, log, onCorruptRow, onHealth } = dependencies
  const engine: Engine =
    options.engine === 'sqlite'
      ? await openSqlite(options.file, (error) => onHealth?.(false, error.message), { clock, log })
      : await openPostgres(options.url, { log, connections: options.connections })
  try {
    await migrate(engine, clock)
    const feed = await openFeed(engine.db)
    const stopFollowing = followFeed(feed, { clock, onHealth })

    let rowKey: KeyObject | undefined
    const rows = authenticatedRows(
      () => {
        if (!rowKey) throw new StoreError('The rows cannot be read before the root key has been opened')
        return rowKey
      },
      (error) => onCorruptRow?.(error),
    )

    let erasureRecord: MakeErasureRecord | undefined
    let closed: Promise<void> | undefined
    const listeners: ((rows: readonly OutboxRecord[]) => void)[] = []
    const transition = createTransitions({
      engine,
      feed,
      rows,
      clock,
      erasureRecord: () => erasureRecord,
      onCommitted: (outbox) => {
        for (const listener of listeners) listener(outbox)
      },
    })

    return {
      engine: engine.name,
      db: engine.db,
      transition,
      feed,
      rows,
      async skipTo(position) {
        await rerun(() =>
          engine.looseTransaction((db) =>
            db.updateTable('feed_head').set({ position }).where('position', '<', position).execute(),
          ),
        )
        feed.skipTo(position)
      },
      authenticateWith(key) {
        rowKey = key
      },
      recordErasures(make) {
        erasureRecord = make
      },
      erased: async () => engine.eraser?.settled(),
      onOutbox(listener) {
        listeners.push(listener)
      },
      pendingOutbox: (limit) => pendingOutbox(engine.db, rows, limit),
      removeOutbox: (eventIds) => removeOutbox(engine, eventIds),
      close() {
        stopFollowing()
        closed ??= engine.close()
        return closed
      },
    }
  } catch (error) {
    await engine.close()
    throw error
  }
}
