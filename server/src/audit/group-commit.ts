import { chainRecords, genesis, LineMemory, newChainId, type ChainHead } from './chain.ts'
import { anchorSeal, closeChain, registerChain, type ChainEnd } from './chain-registry.ts'
import type { Journal, JournalEntry, JournalLimits, JournalOptions, JournalState } from './journal.ts'
import { JournalUnavailableError } from './journal-unavailable-error.ts'
import { OutboxDrain } from './outbox-drain.ts'
import {
  PendingEntries,
  settleDrained,
  settleStale,
  type PendingEntry,
  type RecordWritten,
} from './pending-entries.ts'
import { recoverChains } from './recovery.ts'
import { signSeal } from './seal.ts'

const defaultLimits: JournalLimits = {
  pending: { records: 10_000, length: 64 * 1024 * 1024 },
  batch: { records: 4096, length: 4 * 1024 * 1024 },
  sealAfterMs: 5000,
  retryAfterMs: 1000,
}

// Changes elsewhere can make the same batch wait again and again; each round takes about a round trip.
const MAX_ROUNDS = 100
// From one commit's start to the next one's, while batches are of this size.
const GATHER_MS = 4
const GATHER_FROM_RECORDS = 8
const SEAL_RETRY_MS = 1000
const SEAL_OVERDUE_MS = 30_000
// Outbox rows that wait for the next seal to be removed; more are removed by a seal at once.
const MAX_DRAINED = 1000

type Trouble = 'damage' | 'writing' | 'sealing' | 'outbox'

interface LiveChain {
  head: ChainHead
  sealedSequence: number
  /** Outbox rows whose records are durable in this chain and that are still in the database. */
  drained: string[]
}

/**
 * The journal at work. While one commit is on its way the next batch gathers. A failed write rejects its whole batch and
 * ends the chain; nothing is ever written to that chain again, and a new one is tried when there is something to write.
 */
export class GroupCommitJournal implements Journal {
  readonly #options: JournalOptions
  readonly #limits: JournalLimits
  readonly #pending: PendingEntries
  readonly #outbox: OutboxDrain
  /** One commit is on its way at a time. */
  readonly #lineMemory = new LineMemory()
  #live: LiveChain | undefined
  /** Failed chains whose end is not in the database yet. */
  readonly #abandoned: LiveChain[] = []
  #inFlight: { readonly records: number; readonly oldestMs: number } | undefined
  #running: Promise<void> | undefined
  #sealing: Promise<void> | undefined
  #cancelSeal: (() => void) | undefined
  #cancelRetry: (() => void) | undefined
  #unsealedSinceMs: number | undefined
  #lastSealAtMs: number | undefined
  #lastSequence = 0
  #lastAttemptMs: number | undefined
  #beginning: Promise<void> | undefined
  readonly #troubles = new Map<Trouble, string>()
  #closed = false

  constructor(options: JournalOptions) {
    this.#options = options
    this.#limits = { ...defaultLimits, ...options.limits }
    this.#pending = new PendingEntries(this.#limits.pending)
    this.#outbox = new OutboxDrain({
      store: options.store,
      clock: options.clock,
      removesOutboxRows: options.sink.removesOutboxRows,
      enqueue: (record, eventId) => this.#enqueue(record, always, eventId),
      removeDrained: () => this.#seal(),
      onTrouble: (reason) => {
        if (reason === undefined) this.#recover('outbox')
        else this.#trouble('outbox', reason)
      },
    })
  }

  async start(): Promise<void> {
    const { store, reader, signer, clock, node, log } = this.#options
    try {
      const problems = await recoverChains({
        store,
        reader,
        sink: this.#options.sink,
        signer,
        clock,
        node,
        log,
      })
      if (problems.length > 0) this.#trouble('damage', problems.join('; '))
    } catch (error) {
      log?.error({ err: error }, 'The journal of earlier runs could not be examined')
      this.#trouble('damage', `earlier chains could not be examined: ${(error as Error).message}`)
    }
    await this.#outbox.start()
  }

  get state(): JournalState {
    const oldestMs = this.#inFlight?.oldestMs ?? this.#pending.oldestMs
    const reason = [...this.#troubles.values()].join('; ')
    return {
      healthy: this.#troubles.size === 0,
      ...(reason && { reason }),
      pending: this.#pending.size + (this.#inFlight?.records ?? 0),
      oldestPendingMs: oldestMs === undefined ? 0 : Math.max(0, this.#options.clock.now() - oldestMs),
      chain: this.#live?.head.chain,
      lastSequence: this.#lastSequence,
      lastSealAtMs: this.#lastSealAtMs,
    }
  }

  append({ record, isCurrent, written }: JournalEntry): Promise<'durable' | 'stale'> {
    if (this.#closed) return Promise.reject(new JournalUnavailableError('it has been closed'))
    return this.#enqueue(record, isCurrent, undefined, written)
  }

  async requireAvailable(): Promise<void> {
    if (this.#closed) throw new JournalUnavailableError('it has been closed')
    if (this.#live === undefined) await this.#begin()
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#outbox.stop()
    while (this.#running !== undefined) await this.#running
    await this.#beginning?.catch(() => {})
    this.#cancelSeal?.()
    this.#cancelRetry?.()
    await this.#sealing
    const { sink, log } = this.#options
    try {
      await this.#endAbandoned()
      const live = this.#live
      this.#live = undefined
      if (live !== undefined) await this.#end(live, 'closed')
    } catch (error) {
      // The next start finds the chain without an end and closes it.
      log?.error({ err: error }, 'The journal could not be closed; the next start completes it')
    }
    await sink.close()
  }

  #enqueue(
    record: string,
    isCurrent: () => boolean,
    outboxEventId?: string,
    written?: RecordWritten,
  ): Promise<'durable' | 'stale'> {
    return new Promise((resolve, reject) => {
      const entry: PendingEntry = {
        record,
        isCurrent,
        ...(outboxEventId !== undefined && { outboxEventId }),
        written,
        sinceMs: this.#options.clock.now(),
        settle: (outcome) => {
          if (outcome instanceof Error) reject(outcome)
          else resolve(outcome)
        },
      }
      if (!this.#pending.push(entry)) {
        reject(new JournalUnavailableError('too many records are waiting'))
        return
      }
      // Starting at the end of this turn of the loop gathers what arrived together.
      this.#running ??= nextTurn().then(() => this.#run())
    })
  }

  async #run(): Promise<void> {
    try {
      while (this.#pending.size > 0) {
        if (this.#live === undefined) {
          try {
            await this.#begin()
          } catch (error) {
            this.#rejectAll(this.#pending.take(this.#limits.pending), error as Error)
            continue
          }
        }
        const batch = this.#pending.take(this.#limits.batch)
        const startedMs = performance.now()
        await this.#commit(this.#live as unknown as LiveChain, batch)
        await this.#gather(batch.length, startedMs)
      }
    } finally {
      this.#running = undefined
    }
  }

  /**
   * Lets a moment pass when many clients are at work: each commit costs some 0.2 ms of CPU, however many records it
   * carries, so under load fewer and larger ones serve more requests. Who asks alone is never kept waiting.
   */
  async #gather(committed: number, startedMs: number): Promise<void> {
    const waitMs = GATHER_MS - (performance.now() - startedMs)
    if (committed < GATHER_FROM_RECORDS || waitMs <= 0 || this.#closed) return
    await new Promise((resolve) => {
      setTimeout(resolve, waitMs)
    })
  }

  /** One group commit. Settles every entry. */
  async #commit(live: LiveChain, taken: PendingEntry[]): Promise<void> {
    const { store, sink, clock, onCommit } = this.#options
    this.#inFlight = { records: taken.length, oldestMs: taken[0]?.sinceMs ?? clock.now() }
    const startedMs = performance.now()
    let entries = taken
    try {
      for (let round = 0; round < MAX_ROUNDS; round += 1) {
        // Position and filter belong together: nothing may come between them.
        const position = store.feed.applied
        entries = settleStale(entries)
        if (entries.length === 0) return
        if (!sink.readsFeedHead && store.engine === 'postgres' && (await store.feed.head()) !== position) {
          await store.feed.catchUp()
          continue
        }
        const { lines, head } = chainRecords(
          live.head,
          entries.map((entry) => entry.record),
          this.#lineMemory,
        )
        const outcome = await sink.commit({
          chain: head.chain,
          firstSequence: live.head.sequence + 1,
          lastSequence: head.sequence,
          lines,
          position,
          outboxEventIds: entries.flatMap((entry) => entry.outboxEventId ?? []),
          nowMs: clock.now(),
        })
        if (outcome.status === 'behind') {
          await store.feed.catchUp()
        } else if (outcome.status === 'drained-elsewhere') {
          entries = settleDrained(entries, new Set(outcome.eventIds))
        } else {
          this.#acknowledge(live, head, entries)
          const commitMs = performance.now() - startedMs
          onCommit?.({
            records: entries.length,
            commitMs,
            waitMs: Math.max(commitMs, clock.now() - this.#inFlight.oldestMs),
          })
          return
        }
      }
      this.#rejectAll(entries, new Error('other nodes change the database too fast to keep up with'))
    } catch (error) {
      this.#abandon(live, error as Error)
      this.#rejectAll(entries, error as Error)
    } finally {
      this.#inFlight = undefined
    }
  }

  #acknowledge(live: LiveChain, head: ChainHead, entries: readonly PendingEntry[]): void {
    live.head = head
    this.#lastSequence = head.sequence
    if (!this.#options.sink.removesOutboxRows) {
      for (const { outboxEventId } of entries)
        if (outboxEventId !== undefined) live.drained.push(outboxEventId)
    }
    let sequence = head.sequence - entries.length
    for (const entry of entries) {
      entry.written?.(head.chain, ++sequence)
      entry.settle('durable')
    }
    this.#unsealedSinceMs ??= this.#options.clock.now()
    if (live.drained.length >= MAX_DRAINED) void this.#seal()
    else this.#sealWithin(this.#limits.sealAfterMs)
    if (this.#recover('writing')) this.#outbox.rescan()
  }

  #rejectAll(entries: readonly PendingEntry[], error: Error): void {
    const unavailable =
      error instanceof JournalUnavailableError ? error : new JournalUnavailableError(error.message, error)
    for (const entry of entries) entry.settle(unavailable)
  }

  /** Begins a chain; one attempt at a time, and after a failure at most one in `retryAfterMs`. */
  async #begin(): Promise<void> {
    this.#beginning ??= this.#beginOnce().finally(() => {
      this.#beginning = undefined
    })
    await this.#beginning
  }

  async #beginOnce(): Promise<void> {
    const { store, sink, clock, random, node } = this.#options
    const nowMs = clock.now()
    const sinceLastMs = nowMs - (this.#lastAttemptMs ?? Number.NEGATIVE_INFINITY)
    const trouble = this.#troubles.get('writing')
    if (trouble !== undefined && sinceLastMs >= 0 && sinceLastMs < this.#limits.retryAfterMs) {
      throw new JournalUnavailableError(trouble)
    }
    this.#lastAttemptMs = nowMs
    try {
      await this.#endAbandoned()
      const chain = newChainId(random)
      await sink.begin(chain)
      await registerChain(store, chain, node, nowMs)
      this.#live = { head: genesis(chain), sealedSequence: 0, drained: [] }
      this.#lastSequence = 0
      if (this.#recover('writing')) this.#outbox.rescan()
    } catch (error) {
      this.#trouble('writing', (error as Error).message)
      throw new JournalUnavailableError((error as Error).message, error)
    }
  }

  /** Nobody sends requests to a node whose health is red, so it finds out by itself when it can write again. */
  #beginLater(): void {
    if (this.#cancelRetry !== undefined || this.#closed) return
    const { clock } = this.#options
    this.#cancelRetry = clock.wakeAt(clock.now() + this.#limits.retryAfterMs, () => {
      this.#cancelRetry = undefined
      if (this.#live !== undefined || this.#closed) return
      this.#begin().catch(() => {
        this.#beginLater()
      })
    })
  }

  #abandon(live: LiveChain, error: Error): void {
    if (this.#live !== live) return
    this.#live = undefined
    this.#abandoned.push(live)
    this.#options.log?.error(
      { err: error, chain: live.head.chain, sequence: live.head.sequence },
      'A write of the journal failed; its chain is abandoned',
    )
    this.#trouble('writing', error.message)
  }

  async #endAbandoned(): Promise<void> {
    await this.#sealing
    for (;;) {
      const [chain] = this.#abandoned
      if (chain === undefined) return
      await this.#end(chain, 'abandoned')
      this.#abandoned.shift()
    }
  }

  async #end(live: LiveChain, reason: ChainEnd): Promise<void> {
    const { store, sink, signer, clock } = this.#options
    const { chain } = live.head
    const held = await sink.end(chain)
    const { sequence, hash } = held ?? live.head
    const seal =
      sequence > 0 ? signSeal(signer, { chain, sequence, hash, sealedAtMs: clock.now() }) : undefined
    const drainedEventIds = live.drained
    await closeChain(store, { chain, sequence, hash, reason, drainedEventIds, ...(seal && { seal }) })
    this.#outbox.removed(drainedEventIds)
    if (seal !== undefined) this.#lastSealAtMs = seal.sealedAtMs
    this.#unsealedSinceMs = undefined
    this.#recover('sealing')
  }

  #sealWithin(waitMs: number): void {
    if (this.#cancelSeal !== undefined || this.#closed) return
    this.#cancelSeal = this.#options.clock.wakeAt(this.#options.clock.now() + waitMs, () => {
      this.#cancelSeal = undefined
      void this.#seal()
    })
  }

  /** Seals what is durable now. Never rejects: a late seal is trouble for the operator, not for requests. */
  async #seal(): Promise<void> {
    while (this.#sealing !== undefined) await this.#sealing
    const live = this.#live
    if (live === undefined || (live.head.sequence === live.sealedSequence && live.drained.length === 0))
      return
    this.#sealing = this.#sealOnce(live)
    try {
      await this.#sealing
    } finally {
      this.#sealing = undefined
    }
  }

  async #sealOnce(live: LiveChain): Promise<void> {
    const { store, signer, clock, log } = this.#options
    const { chain, sequence, hash } = live.head
    const drained = live.drained
    live.drained = []
    this.#cancelSeal?.()
    this.#cancelSeal = undefined
    try {
      const seal = signSeal(signer, { chain, sequence, hash, sealedAtMs: clock.now() })
      await anchorSeal(store, seal, drained)
      this.#outbox.removed(drained)
      live.sealedSequence = sequence
      this.#lastSealAtMs = seal.sealedAtMs
      this.#recover('sealing')
      this.#unsealedSinceMs = live.head.sequence > sequence ? clock.now() : undefined
      if (live.head.sequence > sequence) this.#sealWithin(this.#limits.sealAfterMs)
    } catch (error) {
      live.drained = drained.concat(live.drained)
      log?.error({ err: error, chain, sequence }, 'A seal of the journal could not be anchored')
      if (clock.now() - (this.#unsealedSinceMs ?? clock.now()) > SEAL_OVERDUE_MS) {
        this.#trouble('sealing', `records have not been sealed for ${SEAL_OVERDUE_MS / 1000} s`)
      }
      this.#sealWithin(SEAL_RETRY_MS)
    }
  }

  #trouble(about: Trouble, reason: string): void {
    this.#troubles.set(about, reason)
    if (about === 'writing') this.#beginLater()
    this.#options.onHealth?.(false, this.state.reason)
  }

  /** Whether that trouble was there. */
  #recover(about: Exclude<Trouble, 'damage'>): boolean {
    if (!this.#troubles.delete(about)) return false
    if (this.#troubles.size === 0) this.#options.onHealth?.(true)
    else this.#options.onHealth?.(false, this.state.reason)
    return true
  }
}

function always(): boolean {
  return true
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}
