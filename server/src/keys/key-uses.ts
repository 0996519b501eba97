import type { Clock } from '../clock.ts'
import type { Db } from '../store/db.ts'
import type { KeyUseRow } from '../store/rows/key-rows.ts'
import type { Store, Transition } from '../store/store.ts'
import type { KmsKey } from './key.ts'
import {
  isLater,
  keyUseFromRow,
  toSecond,
  type KeyUse,
  type UsedKey,
  type UseOperation,
  type UseRecord,
} from './key-use.ts'
import { UseBatch } from './key-use-batch.ts'

/**
 * When keys were last used: a rollup of the journal. Uses are noted in memory as their records become durable, and written
 * every few seconds together with how far into the journal the rollup then reaches. So whatever a crash leaves unwritten is
 * known by that place, and is read from the journal by the next start (deployment/key-use-journal.ts).
 */
export interface KeyUses {
  /** Called as records become durable, in their order; it must not take time. */
  note(key: UsedKey, operation: UseOperation, record: UseRecord): void
  /** The last uses of a key, one for each material and operation: those that wait here, and from the store all others. */
  usesOf(db: Db, key: Pick<KmsKey, 'region' | 'keyId' | 'createdAtMs'>): Promise<KeyUse[]>
  /** Since when uses are known. */
  trackedSinceMs(db: Db): Promise<number>
  /** Writes what waits. Never rejects: what cannot be written waits on. */
  flush(): Promise<void>
  /** Adds uses that were read from the journal. */
  add(batch: UseBatch): Promise<void>
  /** Chains of which uses found no room, and are still to be read from the journal. */
  incompleteChains(): readonly string[]
  /** Writes once more, and no more after that. */
  close(): Promise<void>
}

export interface JournalPosition {
  readonly chain: string | undefined
  readonly lastSequence: number
}

// Half of it makes a write begin at once. Some 500 bytes each.
const MAX_WAITING = 100_000
const FLUSH_AFTER_MS = 5000
// However many keys are in use, writing takes at most a twentieth of the time.
const IDLE_PER_WRITE = 20
const MAX_FLUSH_AFTER_MS = 60_000
const ROWS_PER_STATEMENT = 200
const UNRECORDED = 'when keys were last used; each use has a record of its own'

export function createKeyUses(parts: {
  store: Store
  clock: Clock
  /** How far the journal of this process is: all uses up to there have been noted. */
  position: () => JournalPosition
  /** Told when uses could not be written. */
  onFailure?: (error: unknown) => void
  maxWaiting?: number
}): KeyUses {
  const { store, clock, position, onFailure, maxWaiting = MAX_WAITING } = parts
  let waiting = new UseBatch(maxWaiting)
  let writing: UseBatch | undefined
  /** Kept until the next is written: who reads in a transaction may not see yet what was written after its beginning. */
  let written: UseBatch | undefined
  /** The first and last record of each chain whose use found no room. */
  const leftOut = new Map<string, { readonly first: number; readonly last: number }>()
  /** What the database is known to have. */
  const progress = new Map<string, number>()
  let running: Promise<void> = Promise.resolve()
  let cancel: (() => void) | undefined
  let flushAfterMs = FLUSH_AFTER_MS
  let hurrying = false
  let closed = false

  function note(key: UsedKey, operation: UseOperation, record: UseRecord): void {
    const { chain, sequence } = record
    if (!waiting.note(key, operation, record)) leave(chain, sequence)
    waiting.through.set(chain, sequence)
    if (cancel === undefined) arm()
    if (!hurrying && writing === undefined && waiting.size * 2 > maxWaiting) {
      hurrying = true
      void flush().finally(() => {
        hurrying = false
      })
    }
  }

  function leave(chain: string, sequence: number): void {
    const { first, last } = leftOut.get(chain) ?? { first: sequence, last: sequence }
    leftOut.set(chain, { first: Math.min(first, sequence), last: Math.max(last, sequence) })
  }

  function arm(): void {
    if (closed) return
    cancel = clock.wakeAt(clock.now() + flushAfterMs, () => void flush())
  }

  function flush(): Promise<void> {
    cancel?.()
    cancel = undefined
    running = running.then(flushOnce)
    return running
  }

  async function flushOnce(): Promise<void> {
    // The journal's place and the batch belong together: nothing may come between.
    const batch = waiting
    const { chain, lastSequence } = position()
    if (chain !== undefined && lastSequence > 0) batch.through.set(chain, lastSequence)
    const reached = [...batch.through].flatMap(([of, through]): [string, number][] => {
      const known = leftOut.get(of)
      const end = known === undefined ? through : Math.min(through, known.first - 1)
      return end > (progress.get(of) ?? 0) ? [[of, end]] : []
    })
    if (batch.size === 0 && reached.length === 0) return
    waiting = new UseBatch(maxWaiting)
    writing = batch
    const startedMs = performance.now()
    try {
      await write(batch.rows(), reached)
      for (const [of, end] of reached) progress.set(of, end)
      written = batch
      const tookMs = performance.now() - startedMs
      flushAfterMs = Math.min(Math.max(FLUSH_AFTER_MS, tookMs * IDLE_PER_WRITE), MAX_FLUSH_AFTER_MS)
    } catch (error) {
      takeBack(batch)
      if (cancel === undefined) arm()
      onFailure?.(error)
    } finally {
      writing = undefined
    }
  }

  function takeBack(batch: UseBatch): void {
    for (const { key, use } of batch.entries()) {
      if (!waiting.note(key, use.operation, use)) leave(use.chain, use.sequence)
    }
    for (const [chain, through] of batch.through) {
      if (through > (waiting.through.get(chain) ?? 0)) waiting.through.set(chain, through)
    }
  }

  async function write(rows: readonly KeyUseRow[], reached: readonly [string, number][]): Promise<void> {
    for (let from = 0; from < rows.length; from += ROWS_PER_STATEMENT) {
      const some = rows.slice(from, from + ROWS_PER_STATEMENT)
      const isLast = from + ROWS_PER_STATEMENT >= rows.length
      await store.transition(async (tx) => {
        tx.unrecorded = UNRECORDED
        await upsert(tx.db, some)
        if (isLast) await advance(tx.db, reached)
      })
    }
    if (rows.length > 0 || reached.length === 0) return
    await store.transition(async (tx) => {
      tx.unrecorded = UNRECORDED
      await advance(tx.db, reached)
    })
  }

  return {
    note,
    async usesOf(db, { region, keyId, createdAtMs }) {
      // Memory first: what leaves it meanwhile is in the database by then.
      const inMemory = [written, writing, waiting].flatMap((batch) =>
        batch === undefined ? [] : batch.of(region, keyId).map((use) => ({ ...use })),
      )
      const rows = await db
        .selectFrom('key_uses')
        .selectAll()
        .where('region', '=', region)
        .where('key_id', '=', keyId)
        .execute()
      const last = new Map<string, KeyUse>()
      for (const use of [...rows.map(keyUseFromRow), ...inMemory]) {
        // A replica that was deleted and made again has its id, and not its past.
        if (use.usedAtMs < toSecond(createdAtMs)) continue
        const name = `${use.operation} ${use.materialId}`
        const known = last.get(name)
        if (known === undefined || isLater(use, known)) last.set(name, use)
      }
      return [...last.values()]
    },
    async trackedSinceMs(db) {
      const row = await db
        .selectFrom('key_use_tracking')
        .select('started_at')
        .where('id', '=', 1)
        .executeTakeFirst()
      // Without the row nothing is known before now.
      return row?.started_at ?? clock.now()
    },
    flush,
    async add(batch) {
      await write(batch.rows(), [...batch.through])
      for (const [chain, through] of batch.through) {
        if (through > (progress.get(chain) ?? 0)) progress.set(chain, through)
        if ((leftOut.get(chain)?.last ?? Infinity) <= through) leftOut.delete(chain)
      }
    },
    incompleteChains: () => [...leftOut.keys()],
    async close() {
      closed = true
      await flush()
    },
  }
}

/** With the key itself. */
export async function destroyKeyUses(
  { db }: Transition,
  { region, keyId }: Pick<KmsKey, 'region' | 'keyId'>,
): Promise<void> {
  await db.deleteFrom('key_uses').where('region', '=', region).where('key_id', '=', keyId).execute()
}

async function upsert(db: Db, rows: readonly KeyUseRow[]): Promise<void> {
  await db
    .insertInto('key_uses')
    .values(rows)
    .onConflict((conflict) =>
      conflict
        .columns(['region', 'key_id', 'material_id', 'operation'])
        .doUpdateSet((eb) => ({
          used_at: eb.ref('excluded.used_at'),
          chain_id: eb.ref('excluded.chain_id'),
          sequence: eb.ref('excluded.sequence'),
          event_id: eb.ref('excluded.event_id'),
          request_id: eb.ref('excluded.request_id'),
        }))
        // Another node may have seen a later one; see isLater.
        .where((eb) =>
          eb(
            eb.refTuple('excluded.used_at', 'excluded.chain_id', 'excluded.sequence'),
            '>',
            eb.refTuple('key_uses.used_at', 'key_uses.chain_id', 'key_uses.sequence'),
          ),
        ),
    )
    .execute()
}

async function advance(db: Db, reached: readonly [string, number][]): Promise<void> {
  for (const [chain_id, sequence] of reached) {
    await db
      .insertInto('key_use_progress')
      .values({ chain_id, sequence })
      .onConflict((conflict) =>
        conflict
          .column('chain_id')
          .doUpdateSet((eb) => ({ sequence: eb.ref('excluded.sequence') }))
          .whereRef('excluded.sequence', '>', 'key_use_progress.sequence'),
      )
      .execute()
  }
}
