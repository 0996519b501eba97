import type { Store } from '../store/store.ts'
import { followsHead, genesis, parseLine, type ChainHead } from './chain.ts'
import {
  findChain,
  findLastSeal,
  listChains,
  listLastSeals,
  listSeals,
  type ChainEnd,
  type ChainRow,
} from './chain-registry.ts'
import type { JournalLine, JournalReader } from './reader.ts'
import { isTorn } from './recovery.ts'
import { sealHolds, type SignedSeal } from './seal.ts'

export interface VerifyOptions {
  readonly store: Store
  readonly reader: JournalReader
  /** Of the key that signs this deployment's seals, 32 bytes. */
  readonly publicKey: Uint8Array
  /** Seals that were kept elsewhere, from `parseAnchors`. */
  readonly anchors?: readonly SignedSeal[]
}

export interface JournalReport {
  readonly ok: boolean
  readonly chains: readonly ChainReport[]
}

export interface ChainReport {
  readonly chain: string
  readonly node: string | undefined
  readonly startedAtMs: number | undefined
  /** 'open': a process writes it, or has ended without closing it. */
  readonly state: 'open' | ChainEnd | 'unregistered' | 'missing'
  /** Records that verify; with `firstBad` those before it. */
  readonly records: number
  readonly seals: number
  /** The last sequence that a good seal or anchor proves. */
  readonly sealedThrough: number
  /**
   * What stands behind the end and is no part of the journal: a line that a crash tore, or lines whose requests were
   * refused because their write failed.
   */
  readonly tail?: Place & { readonly kind: 'torn' | 'unacknowledged' }
  readonly firstBad?: BadRecord
}

export interface Place {
  readonly segment: string
  readonly line: number
}

/**
 * The first record that does not verify. A record that was changed and hashed anew shows only where the next line or
 * seal disagrees, so the change lies behind `provenThrough` and at or before `sequence`.
 */
export interface BadRecord extends Partial<Place> {
  readonly sequence: number
  readonly provenThrough: number
  readonly reason: string
}

/**
 * Verifies every chain that is registered, sealed, anchored or found. Memory: a page of seals, a line, and one short
 * report for each chain. It may run while the journal is written: it looks at what was sealed when it came to a chain.
 */
export async function verifyJournal(options: VerifyOptions): Promise<JournalReport> {
  const { store, reader, anchors = [] } = options
  const anchorsOf = Map.groupBy(anchors, (anchor) => anchor.chain)
  // In this order: a chain is registered before its first record, and sealed after it.
  const found = await reader.chains()
  const sealed = await listLastSeals(store)
  const rows = new Map((await listChains(store)).map((row) => [row.chain_id, row]))
  const chains: ChainReport[] = []
  for (const chain of new Set([...rows.keys(), ...found, ...sealed.keys(), ...anchorsOf.keys()])) {
    const chainAnchors = [...(anchorsOf.get(chain) ?? [])].sort((a, b) => a.sequence - b.sequence)
    const row = rows.get(chain) ?? (await findChain(store, chain))
    const verification = new ChainVerification(chain, row, chainAnchors, options)
    const report = await verification.run()
    const isEmptyFile =
      report.state === 'unregistered' && report.records === 0 && report.firstBad === undefined
    if (!isEmptyFile) chains.push(report)
  }
  return { ok: chains.every((chain) => chain.firstBad === undefined), chains }
}

interface Checkpoint {
  readonly sequence: number
  readonly hash: string
  readonly from: 'seal' | 'anchor' | 'end'
}

class ChainVerification {
  readonly #chain: string
  readonly #row: ChainRow | undefined
  readonly #anchors: readonly SignedSeal[]
  readonly #options: VerifyOptions
  #head: ChainHead
  #seals = 0
  #provenThrough = 0
  #firstBad: BadRecord | undefined
  #tail: ChainReport['tail']

  constructor(
    chain: string,
    row: ChainRow | undefined,
    anchors: readonly SignedSeal[],
    options: VerifyOptions,
  ) {
    this.#chain = chain
    this.#row = row
    this.#anchors = anchors
    this.#options = options
    this.#head = genesis(chain)
  }

  async run(): Promise<ChainReport> {
    const end = this.#trustedEnd()
    const lastSeal = await findLastSeal(this.#options.store, this.#chain)
    const lastProof = Math.max(
      lastSeal?.sequence ?? 0,
      this.#anchors.at(-1)?.sequence ?? 0,
      end?.sequence ?? 0,
    )
    const checkpoints = this.#checkpoints(lastSeal?.sequence ?? 0, end)
    let next = await checkpoints.next()
    let hasLines = false
    for await (const line of this.#options.reader.lines(this.#chain)) {
      hasLines = true
      if (end !== undefined && this.#head.sequence >= end.sequence) {
        this.#behindEnd(line, end.reason)
        break
      }
      if (!this.#accept(line, lastProof)) break
      while (next.done !== true && next.value.sequence <= this.#head.sequence) {
        this.#compare(next.value, line)
        next = await checkpoints.next()
      }
    }
    // A seal of sequence 0 does not exist, so what is left lies behind the last line.
    while (next.done !== true) {
      if (next.value.sequence > this.#head.sequence) this.#missing(next.value)
      next = await checkpoints.next()
    }
    if (this.#row === undefined && hasLines) this.#bad(1, 'the chain is not registered in the database')
    if (end?.reason === 'damaged') this.#bad(end.sequence + 1, 'a start found the chain damaged here')
    return this.#report(hasLines)
  }

  /** Takes the next line into the chain; false when the chain can be followed no further. */
  #accept(line: JournalLine, lastProof: number): boolean {
    const parsed = line.complete ? parseLine(line.bytes) : undefined
    if (parsed === undefined && isTorn(line) && this.#head.sequence >= lastProof) {
      this.#tail = { kind: 'torn', segment: line.segment, line: line.line }
      return false
    }
    const reason = parsed === undefined ? 'it is not a line of a journal' : followsHead(this.#head, parsed)
    if (parsed === undefined || reason !== undefined) {
      this.#bad(this.#head.sequence + 1, reason ?? '', line)
      return false
    }
    // What stays in memory must not hold the chunk that was read.
    this.#head = { chain: this.#chain, sequence: parsed.sequence, hash: parsed.hash }
    return true
  }

  #compare({ sequence, hash, from }: Checkpoint, line: JournalLine): void {
    if (sequence !== this.#head.sequence) {
      this.#bad(sequence, `its ${from} is out of order`, line)
    } else if (hash !== this.#head.hash) {
      this.#bad(sequence, `the chain does not have the hash that its ${from} states`, line)
    } else if (this.#firstBad === undefined) {
      this.#provenThrough = sequence
      if (from === 'seal') this.#seals += 1
    }
  }

  #missing({ sequence, from }: Checkpoint): void {
    const first = this.#head.sequence + 1
    this.#bad(first, `records ${first} to ${sequence} are missing, which its ${from} proves`)
  }

  #behindEnd(line: JournalLine, reason: ChainEnd): void {
    if (reason === 'closed') this.#bad(this.#head.sequence + 1, 'it stands behind the end of the chain', line)
    else if (reason === 'damaged')
      this.#bad(this.#head.sequence + 1, 'a start found the chain damaged here', line)
    else {
      const kind = isTorn(line) ? 'torn' : 'unacknowledged'
      this.#tail = { kind, segment: line.segment, line: line.line }
    }
  }

  /** Only the first counts: what follows a break cannot be judged. */
  #bad(sequence: number, reason: string, place?: Place): void {
    this.#firstBad ??= {
      sequence,
      provenThrough: this.#provenThrough,
      reason,
      ...(place && { segment: place.segment, line: place.line }),
    }
  }

  #trustedEnd(): { sequence: number; hash: string; reason: ChainEnd } | undefined {
    const row = this.#row
    if (row === undefined) return undefined
    try {
      this.#options.store.rows.check('journal_chains', row)
    } catch (error) {
      this.#bad(0, (error as Error).message)
      return undefined
    }
    if (row.closed_reason === null) return undefined
    return {
      sequence: row.closed_sequence ?? 0,
      hash: row.closed_hash ?? '',
      reason: row.closed_reason as ChainEnd,
    }
  }

  /** Seals, anchors and the registered end, by sequence. What is not signed by our key proves nothing, and is bad itself. */
  async *#checkpoints(
    throughSequence: number,
    end: { sequence: number; hash: string } | undefined,
  ): AsyncGenerator<Checkpoint> {
    const { store, publicKey } = this.#options
    const others: Checkpoint[] = []
    for (const anchor of this.#anchors) {
      if (sealHolds(anchor, publicKey))
        others.push({ sequence: anchor.sequence, hash: anchor.hash, from: 'anchor' })
      else this.#bad(anchor.sequence, 'its anchor is not signed by this deployment')
    }
    if (end !== undefined && end.sequence > 0)
      others.push({ sequence: end.sequence, hash: end.hash, from: 'end' })
    others.sort((a, b) => a.sequence - b.sequence)
    for await (const seal of listSeals(store, this.#chain, throughSequence)) {
      while (others[0] !== undefined && others[0].sequence <= seal.sequence)
        yield others.shift() as Checkpoint
      if (sealHolds(seal, publicKey)) yield { sequence: seal.sequence, hash: seal.hash, from: 'seal' }
      else this.#bad(seal.sequence, 'its seal is not signed by this deployment')
    }
    yield* others
  }

  #report(hasLines: boolean): ChainReport {
    const row = this.#row
    const state =
      row === undefined
        ? hasLines
          ? 'unregistered'
          : 'missing'
        : ((row.closed_reason ?? 'open') as ChainEnd | 'open')
    return {
      chain: this.#chain,
      node: row?.node,
      startedAtMs: row?.started_at,
      state: state === 'missing' && this.#firstBad === undefined ? 'unregistered' : state,
      records: Math.min(this.#head.sequence, Math.max(0, (this.#firstBad?.sequence ?? Infinity) - 1)),
      seals: this.#seals,
      sealedThrough: this.#provenThrough,
      ...(this.#tail && { tail: this.#tail }),
      ...(this.#firstBad && { firstBad: this.#firstBad }),
    }
  }
}
