import { setTimeout as delay } from 'node:timers/promises'
import type { Store } from '../store/store.ts'
import { parseLine } from './chain.ts'
import { listChains, listLastSeals, type ChainRow } from './chain-registry.ts'
import type { JournalLine, JournalReader, ReadPosition } from './reader.ts'

export interface TailOptions {
  readonly store: Store
  readonly reader: JournalReader
  /** Goes on with records as they are written, until `signal` ends it. */
  readonly follow?: boolean
  /** So many of the latest records first; all of the kept ones when absent. */
  readonly limit?: number
  readonly signal?: AbortSignal
  /** Between two looks for new records. */
  readonly pollMs?: number
}

export interface TailedRecord {
  readonly chain: string
  readonly sequence: number
  /** One line of JSON. */
  readonly record: string
}

const POLL_MS = 500

interface Timed extends TailedRecord {
  readonly time: string
  readonly next: ReadPosition
}

/**
 * The records of all chains by the second they were written in; inside one second by chain. For looking: nothing is
 * verified here, and lines that are none are passed over.
 */
export async function* tail(options: TailOptions): AsyncGenerator<TailedRecord> {
  const { store, reader, limit, follow = false, signal, pollMs = POLL_MS } = options
  const places = new Map<string, ReadPosition>()
  if (limit === undefined) {
    yield* merge(await listChains(store), reader, places, signal)
  } else {
    yield* latest(store, reader, limit, places)
  }
  while (follow && signal?.aborted !== true) {
    const rows = await listChains(store)
    // Chains that ended before we came have nothing new; those that ended since are read to their end once more.
    yield* merge(
      rows.filter((row) => row.closed_reason === null || places.has(row.chain_id)),
      reader,
      places,
      signal,
    )
    for (const row of rows) if (row.closed_reason !== null) places.delete(row.chain_id)
    try {
      await delay(pollMs, undefined, signal && { signal })
    } catch {
      return
    }
  }
}

/** Merges chains, which each are in order, by time. A chain is opened when its turn comes: there may be thousands. */
async function* merge(
  rows: readonly ChainRow[],
  reader: JournalReader,
  places: Map<string, ReadPosition>,
  signal?: AbortSignal,
): AsyncGenerator<TailedRecord> {
  const waiting = [...rows].sort((a, b) => a.started_at - b.started_at)
  const open: { current: Timed; rest: AsyncGenerator<Timed> }[] = []
  try {
    while (signal?.aborted !== true) {
      const [next] = waiting
      const earliest =
        open.length === 0 ? undefined : open.reduce((a, b) => (b.current.time < a.current.time ? b : a))
      if (
        next !== undefined &&
        (earliest === undefined || Date.parse(earliest.current.time) + 1000 > next.started_at)
      ) {
        waiting.shift()
        const rest = recordsOf(next, reader, places.get(next.chain_id))
        const first = await rest.next()
        if (first.done !== true) open.push({ current: first.value, rest })
        continue
      }
      if (earliest === undefined) return
      const { chain, sequence, record, next: place } = earliest.current
      places.set(chain, place)
      yield { chain, sequence, record }
      const following = await earliest.rest.next()
      if (following.done === true) open.splice(open.indexOf(earliest), 1)
      else earliest.current = following.value
    }
  } finally {
    for (const { rest } of open) await rest.return(undefined)
  }
}

async function* recordsOf(row: ChainRow, reader: JournalReader, from?: ReadPosition): AsyncGenerator<Timed> {
  for await (const line of reader.lines(row.chain_id, from)) {
    const timed = timedRecord(row, line)
    if (timed !== undefined) yield timed
  }
}

/** Undefined for what is no record, or stands behind the chain's end. */
function timedRecord(row: ChainRow, line: JournalLine): Timed | undefined {
  const parsed = line.complete ? parseLine(line.bytes) : undefined
  if (parsed === undefined || parsed.chain !== row.chain_id) return undefined
  if (row.closed_sequence !== null && parsed.sequence > row.closed_sequence) return undefined
  const record = parsed.record.toString()
  const time = /"eventTime":"([^"]{20})"/.exec(record)?.[1] ?? ''
  return { chain: parsed.chain, sequence: parsed.sequence, record, time, next: line.next }
}

/** The last records of all chains. Chains are looked at from the most lately active back, until none can add one. */
async function* latest(
  store: Store,
  reader: JournalReader,
  limit: number,
  places: Map<string, ReadPosition>,
): AsyncGenerator<TailedRecord> {
  const sealedAt = await listLastSeals(store)
  const activeUntil = (row: ChainRow) =>
    row.closed_reason === null ? Number.POSITIVE_INFINITY : (sealedAt.get(row.chain_id) ?? row.started_at)
  const rows = (await listChains(store)).sort((a, b) => activeUntil(b) - activeUntil(a))
  let records: Timed[] = []
  for (const row of rows) {
    const [oldest] = records
    if (records.length >= limit && oldest !== undefined && Date.parse(oldest.time) > activeUntil(row)) break
    // Enough for a tail of an abandoned batch behind the end, which does not count.
    const lines = await reader.lastLines(row.chain_id, limit)
    const last = lines.flatMap((line) => timedRecord(row, line) ?? [])
    const newest = last.at(-1)
    if (newest !== undefined && row.closed_reason === null) places.set(row.chain_id, newest.next)
    records = records.concat(last)
    records.sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0))
    records = records.slice(-limit)
  }
  for (const { chain, sequence, record } of limit === 0 ? [] : records) yield { chain, sequence, record }
}
