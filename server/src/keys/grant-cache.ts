import { CoherentCache, type CacheEntry } from '../store/coherent-cache.ts'
import type { GrantRow } from '../store/rows/key-rows.ts'
import { CorruptRowError, type Store } from '../store/store.ts'
import { granteeEntityId, grantFromRow } from './grant.ts'
import { GrantIndex } from './grant-index.ts'

/** The grants of one grantee on one key. */
export interface GranteeId {
  readonly region: string
  readonly keyId: string
  readonly granteeId: string
}

/** An index in memory, and the ids of grants that came or went since it was read. */
interface Kept {
  readonly index: GrantIndex
  readonly changed: Set<string>
}

// A page is checked and entered in about 2 ms of this thread; 50,000 grants take about a second, once.
const ROWS_PER_PAGE = 100
/** Below this an index is read again rather than brought up to date. */
const KEPT_FROM_GRANTS = 100
/** How many grants the kept indexes hold together; one takes some hundred bytes. */
const KEPT_GRANTS = 500_000

/**
 * Indexes of grants by key and grantee, also for those who have none. A change makes the entry invalid, as with every
 * cache; but an index of many grants is kept, and only what changed is read again: somebody who makes one grant after the
 * other must not make each request read all of them.
 */
export class GrantCache {
  readonly #store: Store
  readonly #cache: CoherentCache<GrantIndex>
  readonly #kept = new Map<string, Kept>()

  constructor({ store, limit }: { store: Store; limit: number }) {
    this.#store = store
    // Before the cache's own listener, so that a load that follows knows of the change.
    store.feed.onChange(({ kind, id }) => {
      if (kind !== 'grant') return
      const slash = id.lastIndexOf('/')
      const [set, grantId] = [id.slice(0, slash), id.slice(slash + 1)]
      if (grantId === '*') this.#kept.delete(set)
      else this.#kept.get(set)?.changed.add(grantId)
    })
    this.#cache = new CoherentCache({ feed: store.feed, kind: 'grants', limit, load: (id) => this.#load(id) })
  }

  get hits(): number {
    return this.#cache.hits
  }

  get misses(): number {
    return this.#cache.misses
  }

  get size(): number {
    return this.#cache.size
  }

  find({ region, keyId, granteeId }: GranteeId): CacheEntry<GrantIndex> | undefined {
    return this.#cache.find(granteeEntityId(region, keyId, granteeId))
  }

  async get({ region, keyId, granteeId }: GranteeId): Promise<CacheEntry<GrantIndex>> {
    const entry = await this.#cache.get(granteeEntityId(region, keyId, granteeId))
    if (entry === undefined) throw new Error('The index of a grantee without grants is empty, not absent')
    return entry
  }

  async #load(id: string): Promise<GrantIndex> {
    const [region = '', keyId = '', ...rest] = id.split('/')
    const grantee = { region, keyId, granteeId: rest.join('/') }
    let kept = this.#kept.get(id)
    if (kept === undefined) {
      kept = { index: new GrantIndex(), changed: new Set() }
      // Known from the first page on, so that what changes behind it is noted.
      this.#kept.set(id, kept)
      try {
        await this.#readAll(grantee, kept.index)
      } catch (error) {
        this.#kept.delete(id)
        throw error
      }
    } else {
      // The latest used is the last to be forgotten.
      this.#kept.delete(id)
      this.#kept.set(id, kept)
    }
    await this.#readChanged(grantee, kept)
    if (kept.index.size < KEPT_FROM_GRANTS) this.#kept.delete(id)
    else this.#forgetOldest()
    return kept.index
  }

  async #readAll({ region, keyId, granteeId }: GranteeId, index: GrantIndex): Promise<void> {
    for (let after = ''; ;) {
      const rows = await this.#store.db
        .selectFrom('grants')
        .selectAll()
        .where('grantee_id', '=', granteeId)
        .where('region', '=', region)
        .where('key_id', '=', keyId)
        .where('grant_id', '>', after)
        .orderBy('grant_id')
        .limit(ROWS_PER_PAGE)
        .execute()
      for (const row of rows) this.#enter(index, row)
      const last = rows.at(-1)
      if (last === undefined || rows.length < ROWS_PER_PAGE) return
      after = last.grant_id
    }
  }

  async #readChanged({ region, keyId, granteeId }: GranteeId, { index, changed }: Kept): Promise<void> {
    for (const grantId of changed) {
      changed.delete(grantId)
      const row = await this.#store.db
        .selectFrom('grants')
        .selectAll()
        .where('region', '=', region)
        .where('key_id', '=', keyId)
        .where('grant_id', '=', grantId)
        .where('grantee_id', '=', granteeId)
        .executeTakeFirst()
      if (row === undefined) index.remove(grantId)
      else this.#enter(index, row)
    }
  }

  /** A row that is not authentic allows nothing; health says so, and the other grants go on. */
  #enter(index: GrantIndex, row: GrantRow): void {
    try {
      index.add(grantFromRow(this.#store.rows.check('grants', row)))
    } catch (error) {
      if (!(error instanceof CorruptRowError)) throw error
    }
  }

  #forgetOldest(): void {
    let grants = 0
    for (const { index } of this.#kept.values()) grants += index.size
    for (const [id, { index }] of this.#kept) {
      if (grants <= KEPT_GRANTS) return
      grants -= index.size
      this.#kept.delete(id)
    }
  }
}
