import type { Clock } from '../clock.ts'
import type { Store, Transition } from '../store/store.ts'

/** The newest known use of an access key. */
export interface AccessKeyUse {
  readonly usedAtMs: number
  readonly region: string
  /** A signing name, such as `kms`. */
  readonly service: string
}

/**
 * When access keys were last used. It is kept in the background, about a minute behind and never in a request's
 * way: it is shown, and decides nothing.
 */
export interface AccessKeyUses {
  /** Called for each authenticated request; most of them cost a look into a map. */
  note(accessKeyId: string, use: AccessKeyUse): void
  find(accessKeyId: string): Promise<AccessKeyUse | undefined>
  /** With the access key itself. */
  remove(tx: Transition, accessKeyId: string): Promise<void>
  /** Writes what is still to be written. */
  close(): Promise<void>
}

const AT_MOST_EVERY_MS = 60_000
const GATHER_MS = 1000
const KEYS_REMEMBERED = 100_000
const ROWS_PER_STATEMENT = 200

export function createAccessKeyUses(parts: {
  store: Store
  clock: Clock
  /** Told when uses could not be written. */
  onFailure?: (error: unknown) => void
}): AccessKeyUses {
  const { store, clock, onFailure } = parts
  /** When a use of each key was last taken down. */
  const noted = new Map<string, number>()
  let waiting = new Map<string, AccessKeyUse>()
  let cancel: (() => void) | undefined
  let writing: Promise<void> = Promise.resolve()

  function flush(): void {
    cancel?.()
    cancel = undefined
    const uses = [...waiting]
    waiting = new Map()
    if (uses.length === 0) return
    writing = writing.then(() => write(uses)).catch((error: unknown) => onFailure?.(error))
  }

  async function write(uses: readonly (readonly [string, AccessKeyUse])[]): Promise<void> {
    for (let from = 0; from < uses.length; from += ROWS_PER_STATEMENT) {
      const rows = uses
        .slice(from, from + ROWS_PER_STATEMENT)
        .map(([access_key_id, { usedAtMs, region, service }]) => ({
          access_key_id,
          used_at: usedAtMs,
          region,
          service,
        }))
      await store.transition(async (tx) => {
        tx.unrecorded = 'when access keys were last used; each use has a record of its own'
        await tx.db
          .insertInto('access_key_uses')
          .values(rows)
          .onConflict((conflict) =>
            conflict
              .column('access_key_id')
              .doUpdateSet((eb) => ({
                used_at: eb.ref('excluded.used_at'),
                region: eb.ref('excluded.region'),
                service: eb.ref('excluded.service'),
              }))
              // Another node may have seen a newer one.
              .whereRef('excluded.used_at', '>', 'access_key_uses.used_at'),
          )
          .execute()
      })
    }
  }

  return {
    note(accessKeyId, use) {
      const last = noted.get(accessKeyId)
      if (last !== undefined && use.usedAtMs - last < AT_MOST_EVERY_MS) return
      if (noted.size >= KEYS_REMEMBERED) noted.clear()
      noted.set(accessKeyId, use.usedAtMs)
      waiting.set(accessKeyId, use)
      cancel ??= clock.wakeAt(clock.now() + GATHER_MS, flush)
    },
    async find(accessKeyId) {
      const pending = waiting.get(accessKeyId)
      if (pending !== undefined) return pending
      await writing
      const row = await store.db
        .selectFrom('access_key_uses')
        .selectAll()
        .where('access_key_id', '=', accessKeyId)
        .executeTakeFirst()
      return row && { usedAtMs: row.used_at, region: row.region, service: row.service }
    },
    async remove(tx, accessKeyId) {
      waiting.delete(accessKeyId)
      await tx.db.deleteFrom('access_key_uses').where('access_key_id', '=', accessKeyId).execute()
    },
    async close() {
      flush()
      await writing
    },
  }
}
