import type { Clock } from '../clock.ts'
import type { SigningKey } from '../crypto/signing.ts'
import type { Store } from '../store/store.ts'
import { followsHead, genesis, parseLine, type ChainHead } from './chain.ts'
import { closeChain, findLastSeal, listOpenChains, type ChainRow } from './chain-registry.ts'
import type { JournalLine, JournalReader } from './reader.ts'
import { sealHolds, signSeal } from './seal.ts'
import type { JournalSink } from './sink.ts'

export interface RecoveryOptions {
  readonly store: Store
  readonly reader: JournalReader
  readonly sink: JournalSink
  readonly signer: SigningKey
  readonly clock: Clock
  readonly node: string
  readonly log?:
    | { warn(facts: object, message: string): void; error(facts: object, message: string): void }
    | undefined
}

/**
 * Gives an end to the chains that earlier processes left without one: what follows the last seal is verified, sealed
 * and anchored, so that from here on its removal is found too. A torn last line is what a crash leaves; it was never
 * acknowledged and is not counted. Outbox rows whose records are found go in the same transaction.
 *
 * On SQLite the data directory is ours alone, so every open chain is an earlier process's. On PostgreSQL only chains
 * of a process with our node name are: the others may be alive.
 *
 * @returns what does not verify, one sentence each; those chains are closed as damaged at their last good record
 */
export async function recoverChains(options: RecoveryOptions): Promise<string[]> {
  const { store, node, log } = options
  const problems: string[] = []
  const rows = await listOpenChains(store, store.engine === 'postgres' ? node : undefined)
  if (rows.length === 0) return problems
  const outboxIds = await listOutboxIds(store)
  for (const row of rows) {
    try {
      store.rows.check('journal_chains', row)
      const problem = await recoverChain(row, outboxIds, options)
      if (problem === undefined) continue
      log?.error({ chain: row.chain_id, problem }, 'A chain of the journal does not verify')
      problems.push(`chain ${row.chain_id}: ${problem}`)
    } catch (error) {
      log?.error({ err: error, chain: row.chain_id }, 'A chain of the journal could not be examined')
      problems.push(`chain ${row.chain_id}: ${(error as Error).message}`)
    }
  }
  return problems
}

async function recoverChain(
  row: ChainRow,
  outboxIds: ReadonlySet<string>,
  { store, reader, sink, signer, clock, log }: RecoveryOptions,
): Promise<string | undefined> {
  const chain = row.chain_id
  await sink.settle(chain)
  const seal = await findLastSeal(store, chain)
  const sealIsGood = seal !== undefined && sealHolds(seal, signer.publicKey)
  const start: ChainHead = sealIsGood ? { chain, sequence: seal.sequence, hash: seal.hash } : genesis(chain)
  const tail = await verifyTail(reader, start, outboxIds)
  const problem = seal !== undefined && !sealIsGood ? 'its last seal is not authentic' : tail.problem
  if (tail.torn !== undefined) {
    log?.warn({ chain, segment: tail.torn.segment, line: tail.torn.line }, 'The journal ends in a torn line')
  }
  const { sequence, hash } = tail.head
  await closeChain(store, {
    chain,
    sequence,
    hash,
    reason: problem === undefined ? 'recovered' : 'damaged',
    drainedEventIds: tail.drainedEventIds,
    ...(sequence > 0 && { seal: signSeal(signer, { chain, sequence, hash, sealedAtMs: clock.now() }) }),
  })
  return problem
}

interface Tail {
  readonly head: ChainHead
  readonly torn?: JournalLine
  readonly problem?: string
  readonly drainedEventIds: readonly string[]
}

/** Follows the chain from a sealed line, which must be there, to its end. */
async function verifyTail(
  reader: JournalReader,
  start: ChainHead,
  outboxIds: ReadonlySet<string>,
): Promise<Tail> {
  let head = start
  let isAtStart = start.sequence === 0
  const drainedEventIds: string[] = []
  const from = isAtStart ? undefined : await reader.seek(start.chain, start.sequence)
  for await (const line of reader.lines(start.chain, from)) {
    // Without its line feed a line is not there for any reader, however whole its bytes are.
    const parsed = line.complete ? parseLine(line.bytes) : undefined
    if (!isAtStart) {
      if (parsed === undefined || parsed.sequence < start.sequence) continue
      if (parsed.sequence !== start.sequence || parsed.hash !== start.hash) break
      isAtStart = true
      continue
    }
    if (parsed === undefined && isTorn(line)) return { head, torn: line, drainedEventIds }
    const reason = parsed === undefined ? 'it is not a line of a journal' : followsHead(head, parsed)
    if (parsed === undefined || reason !== undefined) {
      return { head, problem: `${line.segment}, line ${line.line}: ${reason ?? ''}`, drainedEventIds }
    }
    head = { chain: parsed.chain, sequence: parsed.sequence, hash: parsed.hash }
    if (outboxIds.size > 0) {
      const eventId = eventIdOf(parsed.record)
      if (eventId !== undefined && outboxIds.has(eventId)) drainedEventIds.push(eventId)
    }
  }
  if (isAtStart) return { head, drainedEventIds }
  return { head, problem: `the sealed record ${start.sequence} is missing or was changed`, drainedEventIds }
}

/**
 * What a crash leaves where a batch was being written: the beginning of a line, or, when the file's length reached the
 * disk before its bytes, zeros. Only unsealed bytes are ever called torn; those an attacker could as well remove.
 */
export function isTorn(line: JournalLine): boolean {
  return !line.complete || line.bytes.includes(0)
}

async function listOutboxIds(store: Store): Promise<Set<string>> {
  const rows = await store.db.selectFrom('outbox').select('event_id').execute()
  return new Set(rows.map((row) => row.event_id))
}

function eventIdOf(record: Buffer): string | undefined {
  try {
    const { eventID } = JSON.parse(record.toString()) as { eventID?: unknown }
    return typeof eventID === 'string' ? eventID : undefined
  } catch {
    return undefined
  }
}
