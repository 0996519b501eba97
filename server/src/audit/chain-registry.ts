import type { Row } from '../store/schema.ts'
import type { Store, Transition } from '../store/store.ts'
import { genesisHash } from './chain.ts'
import type { SignedSeal } from './seal.ts'

/**
 * How a chain ended. 'closed': as planned. 'abandoned': after a failed write; what stands behind its end was never
 * acknowledged. 'recovered': by the next start, after a crash. 'damaged': the same, and its unsealed tail does not
 * verify.
 */
export type ChainEnd = 'closed' | 'abandoned' | 'recovered' | 'damaged'

export type ChainRow = Row<'journal_chains'>

/** A chain's end, and what becomes true with it in one transaction. */
export interface ChainClosing {
  readonly chain: string
  readonly sequence: number
  readonly hash: string
  readonly reason: ChainEnd
  /** Absent when the chain holds no record. */
  readonly seal?: SignedSeal
  /** Outbox rows whose records stand in the chain. */
  readonly drainedEventIds: readonly string[]
}

const INTERNAL = 'bookkeeping of the journal itself'

// Far below every engine's limit of parameters in one statement.
const IDS_PER_STATEMENT = 500

/** Makes a chain known before its first record, so that a whole chain cannot vanish unseen. */
export async function registerChain(
  store: Store,
  chain: string,
  node: string,
  startedAtMs: number,
): Promise<void> {
  await store.transition(async (tx) => {
    tx.unrecorded = INTERNAL
    await store.rows.insert(tx, 'journal_chains', {
      chain_id: chain,
      node,
      started_at: startedAtMs,
      genesis_hash: genesisHash(chain),
      closed_sequence: null,
      closed_hash: null,
      closed_reason: null,
    })
  })
}

/** Anchors a seal. The outbox rows that it covers go in the same transaction: what is sealed is drained for good. */
export async function anchorSeal(
  store: Store,
  seal: SignedSeal,
  drainedEventIds: readonly string[],
): Promise<void> {
  await store.transition(async (tx) => {
    tx.unrecorded = INTERNAL
    await insertSeal(tx, seal)
    await removeOutboxRows(tx, drainedEventIds)
  })
}

/** Ends a chain. Nothing happens when it has already been ended (by a transaction whose answer was lost). */
export async function closeChain(store: Store, closing: ChainClosing): Promise<void> {
  await store.transition(async (tx) => {
    tx.unrecorded = INTERNAL
    const row = await tx.db
      .selectFrom('journal_chains')
      .selectAll()
      .where('chain_id', '=', closing.chain)
      .executeTakeFirst()
    if (row === undefined || row.closed_reason !== null) return
    if (closing.seal !== undefined) await insertSeal(tx, closing.seal)
    await removeOutboxRows(tx, closing.drainedEventIds)
    await store.rows.update(tx, 'journal_chains', store.rows.check('journal_chains', row), {
      closed_sequence: closing.sequence,
      closed_hash: closing.hash,
      closed_reason: closing.reason,
    })
  })
}

/** Chains without an end: of this node, or all of them. Each row still has to be checked. */
export async function listOpenChains(store: Store, node?: string): Promise<ChainRow[]> {
  let query = store.db.selectFrom('journal_chains').selectAll().where('closed_reason', 'is', null)
  if (node !== undefined) query = query.where('node', '=', node)
  return await query.orderBy('started_at').orderBy('chain_id').execute()
}

export async function listChains(store: Store): Promise<ChainRow[]> {
  return await store.db
    .selectFrom('journal_chains')
    .selectAll()
    .orderBy('started_at')
    .orderBy('chain_id')
    .execute()
}

export async function findChain(store: Store, chain: string): Promise<ChainRow | undefined> {
  return await store.db
    .selectFrom('journal_chains')
    .selectAll()
    .where('chain_id', '=', chain)
    .executeTakeFirst()
}

export async function findLastSeal(store: Store, chain: string): Promise<SignedSeal | undefined> {
  const row = await store.db
    .selectFrom('journal_seals')
    .selectAll()
    .where('chain_id', '=', chain)
    .orderBy('sequence', 'desc')
    .limit(1)
    .executeTakeFirst()
  return row && readSeal(row)
}

const SEALS_PER_PAGE = 500

/** A chain's seals up to a sequence, in order, a page at a time. */
export async function* listSeals(
  store: Store,
  chain: string,
  throughSequence: number,
): AsyncGenerator<SignedSeal> {
  let after = -1
  for (;;) {
    const rows = await store.db
      .selectFrom('journal_seals')
      .selectAll()
      .where('chain_id', '=', chain)
      .where('sequence', '>', after)
      .where('sequence', '<=', throughSequence)
      .orderBy('sequence')
      .limit(SEALS_PER_PAGE)
      .execute()
    for (const row of rows) yield readSeal(row)
    if (rows.length < SEALS_PER_PAGE) return
    after = rows.at(-1)?.sequence ?? after
  }
}

interface SealRow {
  readonly chain_id: string
  readonly sequence: number
  readonly hash: string
  readonly sealed_at: number
  readonly public_key: Uint8Array
  readonly signature: Uint8Array
}

function readSeal(row: SealRow): SignedSeal {
  return {
    chain: row.chain_id,
    sequence: row.sequence,
    hash: row.hash,
    sealedAtMs: row.sealed_at,
    publicKey: Buffer.from(row.public_key),
    signature: Buffer.from(row.signature),
  }
}

/** A transaction whose answer was lost may have anchored it already. */
async function insertSeal(tx: Transition, seal: SignedSeal): Promise<void> {
  await tx.db
    .insertInto('journal_seals')
    .values({
      chain_id: seal.chain,
      sequence: seal.sequence,
      hash: seal.hash,
      sealed_at: seal.sealedAtMs,
      public_key: seal.publicKey,
      signature: seal.signature,
    })
    .onConflict((conflict) => conflict.columns(['chain_id', 'sequence']).doNothing())
    .execute()
}

async function removeOutboxRows(tx: Transition, eventIds: readonly string[]): Promise<void> {
  for (let start = 0; start < eventIds.length; start += IDS_PER_STATEMENT) {
    const some = eventIds.slice(start, start + IDS_PER_STATEMENT)
    await tx.db.deleteFrom('outbox').where('event_id', 'in', some).execute()
  }
}

/** When each chain was last sealed, of all chains that were; a chain whose registration was removed shows here too. */
export async function listLastSeals(store: Store): Promise<Map<string, number>> {
  const rows = await store.db
    .selectFrom('journal_seals')
    .select((eb) => ['chain_id', eb.fn.max('sealed_at').as('sealed_at')])
    .groupBy('chain_id')
    .execute()
  return new Map(rows.map((row) => [row.chain_id, Number(row.sealed_at)]))
}
