import type { EntityKind, Feed } from './feed.ts'
import { StoreError } from './store-errors.ts'

/** What a request decided by. Once the feed names it, `valid` is false for ever and the decision must be made again. */
export interface CacheEntry<T> {
  readonly value: T
  valid: boolean
  /** The feed position at which the value was known to be true. */
  readonly position: number
}

export interface CoherentCacheOptions<T> {
  readonly feed: Feed
  readonly kind: EntityKind
  load(id: string): Promise<T | undefined>
  /**
   * How many entries are kept, where one is of weight 1. It must be well above the number of requests under way, each of
   * which needs its own.
   */
  readonly limit: number
  /** How many ordinary ones an entry takes the place of; 1 when nothing is said. */
  weightOf?(value: T): number
}

interface Slot<T> extends CacheEntry<T> {
  readonly id: string
  readonly weight: number
  used: boolean
}

// Each repeat means that the entity changed during the load, and a change takes far longer than a load.
const LOADS = 100
// A bound on the work of one insertion, some microseconds.
const PASSES = 500

/**
 * Entities of one kind by id, each true at a position of the feed. The feed's listeners run synchronously and
 * a value is kept in the same turn that compares, so no change can pass between.
 *
 * Eviction goes round and takes the first entry that was not used since the last round. What it takes stops being
 * valid, because nobody would tell it of a change.
 */
export class CoherentCache<T> {
  hits = 0
  misses = 0
  readonly #options: CoherentCacheOptions<T>
  readonly #slots = new Map<string, Slot<T>>()
  #weight = 0
  readonly #loads = new Map<string, Promise<CacheEntry<T> | undefined>>()
  /** Where eviction goes on. An iterator that stays does not walk over the holes that it left in the map. */
  #round: Iterator<Slot<T>>
  /** Ids that the feed named while they were being loaded. */
  readonly #moved = new Set<string>()

  constructor(options: CoherentCacheOptions<T>) {
    this.#options = options
    this.#round = this.#slots.values()
    options.feed.onChange(({ kind, id }) => {
      if (kind !== options.kind) return
      if (this.#loads.has(id)) this.#moved.add(id)
      const slot = this.#slots.get(id)
      if (slot) this.#drop(slot)
    })
  }

  get size(): number {
    return this.#slots.size
  }

  /** What is cached, without waiting. */
  find(id: string): CacheEntry<T> | undefined {
    const slot = this.#slots.get(id)
    if (!slot) return undefined
    slot.used = true
    this.hits++
    return slot
  }

  /** Loads what is not cached; those who ask at once wait for one load. What does not exist is not remembered. */
  get(id: string): Promise<CacheEntry<T> | undefined> {
    const found = this.find(id)
    if (found) return Promise.resolve(found)
    this.misses++
    const running = this.#loads.get(id)
    if (running) return running
    const entry = this.#load(id)
    this.#loads.set(id, entry)
    return entry
  }

  async #load(id: string): Promise<CacheEntry<T> | undefined> {
    // The caller enters this load into #loads before it goes on.
    await Promise.resolve()
    try {
      for (let attempt = 1; attempt <= LOADS; attempt++) {
        this.#moved.delete(id)
        const value = await this.#options.load(id)
        if (this.#moved.has(id)) continue
        return value === undefined ? undefined : this.#keep(id, value)
      }
      throw new StoreError(`A cached ${this.#options.kind} changes faster than it can be read`)
    } finally {
      this.#loads.delete(id)
      this.#moved.delete(id)
    }
  }

  #keep(id: string, value: T): CacheEntry<T> {
    const weight = this.#options.weightOf?.(value) ?? 1
    while (this.#slots.size > 0 && this.#weight + weight > this.#options.limit) this.#evict()
    // Used by whoever asked, so eviction passes over it once.
    const position = this.#options.feed.applied
    const slot: Slot<T> = { id, value, weight, valid: true, position, used: true }
    this.#slots.set(id, slot)
    this.#weight += weight
    return slot
  }

  #evict(): void {
    for (let passes = 0; ; passes++) {
      let next = this.#round.next()
      if (next.done) {
        this.#round = this.#slots.values()
        next = this.#round.next()
        if (next.done) return
      }
      const slot = next.value
      if (slot.used && passes < PASSES) {
        slot.used = false
        continue
      }
      this.#drop(slot)
      return
    }
  }

  #drop(slot: Slot<T>): void {
    slot.valid = false
    this.#slots.delete(slot.id)
    this.#weight -= slot.weight
  }
}
