import type { Clock } from '../clock.ts'
import type { Store } from '../store/store.ts'

export interface OutboxDrainOptions {
  readonly store: Store
  readonly clock: Clock
  /** Whether a durable record's row is gone with it; otherwise `removed` tells when it is. */
  readonly removesOutboxRows: boolean
  /** Resolves when the record is durable. */
  readonly enqueue: (record: string, eventId: string) => Promise<unknown>
  /** Removes the rows whose records are durable. Never rejects. */
  readonly removeDrained: () => Promise<void>
  /** With a reason when rows cannot be read, without one when they can be again. */
  readonly onTrouble: (reason?: string) => void
}

const ROWS_PER_PAGE = 500
const RESCAN_MS = 10_000

/**
 * Brings the records of committed changes into the journal, each once. Rows come from the store as they are committed;
 * those that were left over (a crash, a failed journal, a commit whose answer was lost, another node that died) are looked
 * for at start, after a failure, and every ten seconds.
 */
export class OutboxDrain {
  readonly #options: OutboxDrainOptions
  /** Rows that are queued, being written, or written and not removed yet. */
  readonly #held = new Set<string>()
  /** Rows removed while a scan was reading, whose result may still list them. */
  #removedDuringScan: Set<string> | undefined
  #scanning: Promise<void> | undefined
  #leftOver = false
  /** Rows of the last look round, in case they are of a node that is about to drain them. */
  #seenBefore = new Set<string>()
  #cancelTimer: (() => void) | undefined
  #stopped = false

  constructor(options: OutboxDrainOptions) {
    this.#options = options
  }

  async start(): Promise<void> {
    this.#options.store.onOutbox((rows) => {
      for (const { record, eventId } of rows) void this.#drain(record, eventId)
    })
    await this.#scan(() => true)
    this.#arm()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#cancelTimer?.()
    await this.#scanning
  }

  /** These rows are gone from the database. */
  removed(eventIds: readonly string[]): void {
    for (const eventId of eventIds) {
      this.#held.delete(eventId)
      this.#removedDuringScan?.add(eventId)
    }
  }

  /** Looks for rows whose draining failed. */
  rescan(): void {
    if (this.#leftOver) void this.#scan(() => true)
  }

  #arm(): void {
    if (this.#stopped) return
    const { clock } = this.#options
    this.#cancelTimer = clock.wakeAt(clock.now() + RESCAN_MS, () => {
      const seenBefore = this.#seenBefore
      void this.#scan((eventId) => seenBefore.has(eventId)).then(() => {
        this.#arm()
      })
    })
  }

  async #drain(record: string, eventId: string): Promise<boolean> {
    if (this.#held.has(eventId)) return true
    this.#held.add(eventId)
    try {
      await this.#options.enqueue(record, eventId)
      if (this.#options.removesOutboxRows) this.removed([eventId])
      return true
    } catch {
      // The journal reports its own trouble; the row stays in the database until it can be written.
      this.#held.delete(eventId)
      this.#leftOver = true
      return false
    }
  }

  #scan(isDue: (eventId: string) => boolean): Promise<void> {
    this.#scanning ??= this.#scanPages(isDue).finally(() => {
      this.#scanning = undefined
      this.#removedDuringScan = undefined
    })
    return this.#scanning
  }

  async #scanPages(isDue: (eventId: string) => boolean): Promise<void> {
    const { store, removeDrained, onTrouble } = this.#options
    try {
      this.#leftOver = false
      for (;;) {
        this.#removedDuringScan = new Set()
        const rows = await store.pendingOutbox(ROWS_PER_PAGE)
        const free = rows.filter(
          ({ eventId }) => !this.#held.has(eventId) && !this.#removedDuringScan?.has(eventId),
        )
        const due = free.filter(({ eventId }) => isDue(eventId))
        this.#seenBefore = new Set(free.map(({ eventId }) => eventId))
        const drained = await Promise.all(due.map(({ record, eventId }) => this.#drain(record, eventId)))
        if (this.#stopped || due.length === 0 || drained.includes(false)) break
        await removeDrained()
        if (rows.length < ROWS_PER_PAGE) break
      }
      onTrouble()
    } catch (error) {
      this.#leftOver = true
      onTrouble(`records of committed changes could not be read: ${(error as Error).message}`)
    }
  }
}
