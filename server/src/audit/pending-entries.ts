/** A record that waits for its group commit. */
export interface PendingEntry {
  readonly record: string
  readonly isCurrent: () => boolean
  /** Of the outbox row that the record came from. */
  readonly outboxEventId?: string
  readonly written?: RecordWritten | undefined
  readonly sinceMs: number
  readonly settle: (outcome: 'durable' | 'stale' | Error) => void
}

/** Told where a durable record stands. */
export type RecordWritten = (chain: string, sequence: number) => void

export interface BatchLimits {
  readonly records: number
  /** UTF-16 code units of all records together. */
  readonly length: number
}

/** Entries in the order they came, bounded in number and size. */
export class PendingEntries {
  #entries: PendingEntry[] = []
  #taken = 0
  #length = 0
  readonly #limits: BatchLimits

  constructor(limits: BatchLimits) {
    this.#limits = limits
  }

  get size(): number {
    return this.#entries.length - this.#taken
  }

  get oldestMs(): number | undefined {
    return this.#entries[this.#taken]?.sinceMs
  }

  /** False when it would go beyond the bounds. */
  push(entry: PendingEntry): boolean {
    if (this.size >= this.#limits.records || this.#length + entry.record.length > this.#limits.length)
      return false
    this.#entries.push(entry)
    this.#length += entry.record.length
    return true
  }

  /** Removes the oldest entries, at least one if there is any, within a batch's limits. */
  take({ records, length }: BatchLimits): PendingEntry[] {
    const entries = this.#entries
    let end = this.#taken
    let taken = 0
    while (end < entries.length && end - this.#taken < records) {
      const next = (entries[end] as PendingEntry).record.length
      if (taken > 0 && taken + next > length) break
      taken += next
      end += 1
    }
    this.#length -= taken
    if (end === entries.length) {
      const batch = this.#taken === 0 ? entries : entries.slice(this.#taken)
      this.#entries = []
      this.#taken = 0
      return batch
    }
    const batch = entries.slice(this.#taken, end)
    this.#taken = end
    if (this.#taken > 1024) {
      this.#entries = entries.slice(this.#taken)
      this.#taken = 0
    }
    return batch
  }
}

/** Sends back those whose answers rest on what has changed meanwhile; gives the others. */
export function settleStale(entries: PendingEntry[]): PendingEntry[] {
  if (entries.every((entry) => entry.isCurrent())) return entries
  return entries.filter((entry) => {
    if (entry.isCurrent()) return true
    entry.settle('stale')
    return false
  })
}

/** Another node's journal has these records; to their senders that is as good. */
export function settleDrained(entries: PendingEntry[], eventIds: ReadonlySet<string>): PendingEntry[] {
  return entries.filter((entry) => {
    if (entry.outboxEventId === undefined || !eventIds.has(entry.outboxEventId)) return true
    entry.settle('durable')
    return false
  })
}
