/** Where a journal's lines are kept: segment files or rows of the database. The journal chains and decides; a sink stores. */
export interface JournalSink {
  /**
   * Whether `commit` itself compares the feed's head with the batch's position. A sink that does not leaves that to
   * the journal.
   */
  readonly readsFeedHead: boolean
  /** Whether `commit` removes the batch's outbox rows together with storing its lines. */
  readonly removesOutboxRows: boolean
  /** Makes ready for a chain's first line. Rejects when lines could not be stored. */
  begin(chain: string): Promise<void>
  /**
   * Stores one batch; resolved 'durable' means that it survives the loss of power. After a rejection nothing is known
   * about the batch, and the chain is never written to again.
   */
  commit(batch: JournalBatch): Promise<CommitOutcome>
  /**
   * Ends a chain, whatever happened to it; nothing can be added to it afterwards.
   * Resolves with the head that the sink really holds, which may be beyond what it acknowledged, or undefined when only
   * what was acknowledged counts.
   */
  end(chain: string): Promise<{ sequence: number; hash: string } | undefined>
  /** Of a chain of an earlier process: makes what is there durable, and nothing can be added to it afterwards. */
  settle(chain: string): Promise<void>
  close(): Promise<void>
}

export interface JournalBatch {
  readonly chain: string
  readonly firstSequence: number
  readonly lastSequence: number
  /** Whole lines, each with its line feed, in memory that other threads may read until `commit` has settled. */
  readonly lines: Buffer
  /** The feed position that the batch's requests were decided at. */
  readonly position: number
  readonly outboxEventIds: readonly string[]
  readonly nowMs: number
}

export type CommitOutcome =
  | { readonly status: 'durable' }
  /** Nothing was stored: the feed has moved on and the requests must be decided again. */
  | { readonly status: 'behind' }
  /** Nothing was stored: another node has drained these outbox rows. */
  | { readonly status: 'drained-elsewhere'; readonly eventIds: readonly string[] }
