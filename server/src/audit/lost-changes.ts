import { parseLine } from './chain.ts'
import { findLastSeal, listChains } from './chain-registry.ts'
import { erasureHolds, mayBeErasure, mayComeBack, readErasure, type ProvenErasure } from './erasure-record.ts'
import type { JournalReader } from './reader.ts'
import type { Store } from '../store/store.ts'

/** What the journal knows of changes that the database does not have: it was put back from an older copy. */
export interface LostChanges {
  /** Of the newest change that the database has. */
  readonly position: number
  /** Signed by this deployment, oldest first; of whole keys also those that the database may have. */
  readonly erasures: readonly ProvenErasure[]
  /** How many changes of each name; nothing vouches for these lines, so they are only told. */
  readonly events: ReadonlyMap<string, number>
  /** The ARNs of keys that were made, as far as there is room. */
  readonly newKeys: readonly string[]
}

// As many as a line of the log has room for.
const MOST_KEYS = 20

// Within a string of JSON the quotation marks would have backslashes before them.
const POSITION = /"changePosition":([0-9]{1,16})/

/**
 * Looks through what may be younger than the database: chains that it does not know, and those that it knows without an end,
 * behind their last seal. After a crash that is the journal's last seconds; when an older copy of the database was put back
 * beside the journal, it is all that has happened since.
 */
export async function findLostChanges(parts: {
  store: Store
  reader: JournalReader
  publicKey: Uint8Array
}): Promise<LostChanges> {
  const { store, reader, publicKey } = parts
  const position = await store.feed.head()
  const rows = new Map((await listChains(store)).map((row) => [row.chain_id, row]))
  const erasures: ProvenErasure[] = []
  const events = new Map<string, number>()
  const newKeys = new Set<string>()
  for (const chain of await reader.chains()) {
    const row = rows.get(chain)
    if (row !== undefined && row.closed_reason !== null) continue
    const seal = row && (await findLastSeal(store, chain))
    const from = seal && (await reader.seek(chain, seal.sequence))
    for await (const { bytes, complete } of reader.lines(chain, from)) {
      const record = complete ? parseLine(bytes)?.record : undefined
      if (record === undefined) continue
      const isErasure = mayBeErasure(record)
      const isLost = positionOf(record) > position
      if (!isErasure && !isLost) continue
      const parsed = parse(record)
      const erasure = readErasure(parsed)
      // That a key was destroyed whose id never comes back is true of any copy.
      const counts = erasure !== undefined && (isLost || !mayComeBack(erasure))
      if (counts && erasureHolds(erasure, publicKey)) erasures.push(erasure)
      if (isLost && !isErasure) note(parsed, events, newKeys)
    }
  }
  return {
    position,
    erasures: erasures.sort((a, b) => a.position - b.position),
    events,
    newKeys: [...newKeys],
  }
}

function positionOf(record: Buffer): number {
  const [, digits] = POSITION.exec(record.toString('latin1')) ?? []
  return Number(digits ?? 0)
}

function note(record: Record<string, unknown>, events: Map<string, number>, newKeys: Set<string>): void {
  const { eventName, resources } = record
  if (typeof eventName !== 'string' || eventName.length > 64) return
  events.set(eventName, (events.get(eventName) ?? 0) + 1)
  if (eventName !== 'CreateKey') return
  for (const resource of Array.isArray(resources) ? (resources as unknown[]) : []) {
    const { ARN: arn } = (resource ?? {}) as { ARN?: unknown }
    if (typeof arn === 'string' && arn.length <= 256 && newKeys.size < MOST_KEYS) newKeys.add(arn)
  }
}

function parse(record: Buffer): Record<string, unknown> {
  try {
    return JSON.parse(record.toString()) as Record<string, unknown>
  } catch {
    return {}
  }
}
