import type { Clock } from '../clock.ts'
import type { RandomSource } from '../crypto/random.ts'
import type { SigningKey } from '../crypto/signing.ts'
import type { Store } from '../store/store.ts'
import type { BatchLimits, RecordWritten } from './pending-entries.ts'
import type { JournalReader } from './reader.ts'
import type { JournalSink } from './sink.ts'

export interface JournalEntry {
  /** One line of JSON, from `cloudTrailRecord`. */
  readonly record: string
  /** Whether what the answer was decided on still holds: its cache entries are valid. */
  isCurrent(): boolean
  /** Told where the record stands, as soon as it is durable and in the order of the chain. It must not take time or throw. */
  readonly written?: RecordWritten | undefined
}

export interface JournalState {
  readonly healthy: boolean
  readonly reason?: string
  /** Records that are not durable yet, and how long the oldest of them has waited. */
  readonly pending: number
  readonly oldestPendingMs: number
  readonly chain: string | undefined
  readonly lastSequence: number
  readonly lastSealAtMs: number | undefined
}

/** One group commit. `waitMs` is the longest that one of its records waited, the commit included. */
export interface CommitFacts {
  readonly records: number
  readonly commitMs: number
  readonly waitMs: number
}

export interface Journal {
  /**
   * Resolves once the record is durable, or with 'stale' when it was not written because its request must be decided
   * again. The answer leaves after 'durable' only.
   * @throws JournalUnavailableError when it cannot be written; the request fails
   */
  append(entry: JournalEntry): Promise<'durable' | 'stale'>
  /**
   * Resolves when records can be written as far as is known; a change asks before its transaction, because its own
   * record is drained only after it.
   * @throws JournalUnavailableError
   */
  requireAvailable(): Promise<void>
  readonly state: JournalState
  /** Writes what is pending, seals and closes the chain. */
  close(): Promise<void>
}

export interface JournalLog {
  info(facts: object, message: string): void
  warn(facts: object, message: string): void
  error(facts: object, message: string): void
}

export interface JournalOptions {
  readonly store: Store
  readonly sink: JournalSink
  /** Reads what earlier processes left behind, from where the sink writes. */
  readonly reader: JournalReader
  readonly clock: Clock
  readonly random: RandomSource
  readonly signer: SigningKey
  /** Names this process's place; its unfinished chains are closed when the next process of that name starts. */
  readonly node: string
  readonly log?: JournalLog
  onHealth?(ok: boolean, reason?: string): void
  onCommit?(facts: CommitFacts): void
  readonly limits?: Partial<JournalLimits>
}

export interface JournalLimits {
  /** What may wait; beyond it requests fail at once. */
  readonly pending: BatchLimits
  readonly batch: BatchLimits
  /** From the first unsealed record to its seal. The promise is 10 s; the rest is room for a busy database. */
  readonly sealAfterMs: number
  /** At most one attempt to begin a new chain in this time after a failure. */
  readonly retryAfterMs: number
}
