import { setImmediate as nextTurn } from 'node:timers/promises'
import { parseLine } from '../audit/chain.ts'
import { listChains, listLastSeals, type ChainRow } from '../audit/chain-registry.ts'
import type { JournalReader } from '../audit/reader.ts'
import type { Clock } from '../clock.ts'
import { toSecond } from '../keys/key-use.ts'
import { UseBatch } from '../keys/key-use-batch.ts'
import type { JournalPosition, KeyUses } from '../keys/key-uses.ts'
import type { Store } from '../store/store.ts'
import type { Log } from '../telemetry/log.ts'
import { DeploymentError } from './deployment-error.ts'
import { recordedUses } from './recorded-key-uses.ts'

/** Keeps the rollup of key uses and the journal in step. */
export interface KeyUseJournal {
  /**
   * Begins to track, when this is the first start that does, and reads what earlier processes left unwritten. Then it
   * looks each minute for what another node left, which may never come back. Never rejects.
   */
  start(): Promise<void>
  /** Reads the whole journal. What is known already stays, so that nothing is forgotten while it runs. */
  rebuild(): Promise<KeyUseRebuild>
  stop(): Promise<void>
}

export interface KeyUseRebuild {
  readonly chains: number
  /** Of those, chains that are not there from their first record to their last. */
  readonly incompleteChains: number
  readonly records: number
  /** Cryptographic operations on keys that are there. */
  readonly uses: number
  readonly trackedSinceMs: number
}

interface ReadChain {
  readonly records: number
  readonly uses: number
  /** Whether no record is missing from the first that was asked for on. */
  readonly isWhole: boolean
  readonly last: number
}

const LOOK_MS = 60_000
const LINES_PER_TURN = 100
const BATCH_USES = 5000
const BATCH_LINES = 200_000
const KEYS_PER_STATEMENT = 500
const UNRECORDED = 'since when uses of keys are tracked'

export function createKeyUseJournal(parts: {
  store: Store
  reader: JournalReader
  /** Whether the journal is kept apart from the database, so that it can be newer than one that was restored. */
  isApart: boolean
  keyUses: KeyUses
  /** Of this process's own journal. */
  position: () => JournalPosition
  clock: Clock
  log: Pick<Log, 'warn' | 'debug'>
}): KeyUseJournal {
  const { store, reader, isApart, keyUses, position, clock, log } = parts
  /** How far the uses of chains were at the last look. */
  let seen = new Map<string, number>()
  let looking: Promise<void> = Promise.resolve()
  let cancel: (() => void) | undefined
  let stopped = false

  async function beginTracking(): Promise<void> {
    const row = await store.db.selectFrom('key_use_tracking').select('started_at').executeTakeFirst()
    if (row === undefined || row.started_at !== null) return
    // What stands in the journal from before could be a lot to read. Rebuilding does, when somebody asks for it.
    const reached: { chain_id: string; sequence: number }[] = []
    for (const { chain_id, closed_sequence } of await listChains(store)) {
      reached.push({ chain_id, sequence: closed_sequence ?? (await reader.lastSequence(chain_id)) })
    }
    await store.transition(async (tx) => {
      tx.unrecorded = UNRECORDED
      const begun = await tx.db
        .updateTable('key_use_tracking')
        .set({ started_at: clock.now() })
        .where('id', '=', 1)
        .where('started_at', 'is', null)
        .executeTakeFirst()
      if (Number(begun.numUpdatedRows) === 0) return
      for (let from = 0; from < reached.length; from += KEYS_PER_STATEMENT) {
        await tx.db
          .insertInto('key_use_progress')
          .values(reached.slice(from, from + KEYS_PER_STATEMENT))
          .onConflict((conflict) => conflict.column('chain_id').doNothing())
          .execute()
      }
    })
  }

  /** Chains whose uses are not all in the rollup, as far as can be told, and how far they are. */
  async function unfinished(): Promise<{ chain: string; end: number; progress: number }[]> {
    const rows = await store.db
      .selectFrom('journal_chains')
      .leftJoin('key_use_progress', 'key_use_progress.chain_id', 'journal_chains.chain_id')
      .select(['journal_chains.chain_id', 'closed_sequence', 'key_use_progress.sequence'])
      .where(({ eb, or, ref }) =>
        or([
          eb('closed_sequence', 'is', null),
          eb('key_use_progress.sequence', 'is', null),
          eb('key_use_progress.sequence', '<', ref('closed_sequence')),
        ]),
      )
      .orderBy('started_at')
      .execute()
    return rows.map(({ chain_id, closed_sequence, sequence }) => ({
      chain: chain_id,
      end: closed_sequence ?? Infinity,
      progress: sequence ?? 0,
    }))
  }

  async function read(chain: string, after: number, through: number): Promise<ReadChain> {
    let batch = new UseBatch(BATCH_USES)
    let [records, uses, last, lines] = [0, 0, after, 0]
    let isWhole = true
    const write = async (): Promise<void> => {
      batch.through.set(chain, last)
      await keyUses.add(await ofLiveKeys(batch))
      batch = new UseBatch(BATCH_USES)
      lines = 0
    }
    const from = after === 0 ? undefined : await reader.seek(chain, after)
    let turn = 0
    for await (const line of reader.lines(chain, from)) {
      if (++turn % LINES_PER_TURN === 0) await nextTurn()
      const parsed = line.complete ? parseLine(line.bytes) : undefined
      if (parsed?.chain !== chain || parsed.sequence <= last) continue
      const { sequence } = parsed
      if (sequence > through || stopped) break
      isWhole &&= sequence === last + 1
      const found = recordedUses(parsed.record)
      if (found !== undefined) {
        const at = { ...found, chain, sequence }
        for (const { key, operation } of found.uses) {
          if (batch.note(key, operation, at)) continue
          await write()
          batch.note(key, operation, at)
        }
        uses += found.uses.length
      }
      last = sequence
      records += 1
      if (++lines >= BATCH_LINES) await write()
    }
    if (records > 0 || through === 0) await write()
    return { records, uses, last, isWhole: isWhole && (through === Infinity || last === through) }
  }

  /** Without keys that were destroyed, and without what a replica of the same id did before it was deleted. */
  async function ofLiveKeys(batch: UseBatch): Promise<UseBatch> {
    const idsOf = new Map<string, Set<string>>()
    for (const { key } of batch.entries()) {
      const ids = idsOf.get(key.region)
      if (ids === undefined) idsOf.set(key.region, new Set([key.keyId]))
      else ids.add(key.keyId)
    }
    const createdAt = new Map<string, number>()
    for (const [region, ids] of idsOf) {
      const all = [...ids]
      for (let from = 0; from < all.length; from += KEYS_PER_STATEMENT) {
        const rows = await store.db
          .selectFrom('kms_keys')
          .select(['key_id', 'created_at'])
          .where('region', '=', region)
          .where('key_id', 'in', all.slice(from, from + KEYS_PER_STATEMENT))
          .execute()
        for (const { key_id, created_at } of rows) createdAt.set(`${region}/${key_id}`, created_at)
      }
    }
    const live = new UseBatch(BATCH_USES)
    for (const { key, use } of batch.entries()) {
      const createdAtMs = createdAt.get(`${key.region}/${key.keyId}`)
      if (createdAtMs !== undefined && use.usedAtMs >= toSecond(createdAtMs))
        live.note(key, use.operation, use)
    }
    for (const [chain, through] of batch.through) live.through.set(chain, through)
    return live
  }

  /** Chains that the database does not know, since it was restored from before them. */
  async function unregistered(): Promise<{ chain: string; end: number; progress: number }[]> {
    if (!isApart) return []
    const registered = new Set((await listChains(store)).map(({ chain_id }) => chain_id))
    const rows = await store.db.selectFrom('key_use_progress').selectAll().execute()
    const progress = new Map(rows.map(({ chain_id, sequence }) => [chain_id, sequence]))
    return (await reader.chains())
      .filter((chain) => !registered.has(chain))
      .map((chain) => ({ chain, end: Infinity, progress: progress.get(chain) ?? 0 }))
  }

  /** What stands between the progress of each chain and its end: of a crash, what was done in seconds. */
  async function completeAtStart(): Promise<void> {
    const own = position().chain
    for (const { chain, end, progress } of [...(await unfinished()), ...(await unregistered())]) {
      if (chain === own) continue
      const { uses } = await read(chain, progress, end)
      if (uses > 0)
        log.debug({ chain, uses }, 'uses of keys that an earlier process had not written were read')
    }
  }

  async function look(): Promise<void> {
    await keyUses.flush()
    const own = position().chain
    const incomplete = new Set(keyUses.incompleteChains())
    const now = new Map<string, number>()
    for (const { chain, end, progress } of await unfinished()) {
      if (stopped) return
      now.set(chain, progress)
      if (incomplete.has(chain)) await read(chain, progress, chain === own ? position().lastSequence : end)
      // A node that lives moves on; one that was behind a minute ago and has not is no more.
      else if (
        chain !== own &&
        seen.get(chain) === progress &&
        (await reader.lastSequence(chain)) > progress
      ) {
        await read(chain, progress, end)
      }
    }
    seen = now
  }

  function arm(): void {
    if (stopped) return
    cancel = clock.wakeAt(clock.now() + LOOK_MS, () => {
      looking = looking
        .then(look)
        .catch((err: unknown) => {
          log.warn({ err }, 'uses of keys in the journal could not be read')
        })
        .then(arm)
    })
  }

  async function rebuild(): Promise<KeyUseRebuild> {
    await keyUses.flush()
    const rows = await listChains(store)
    let [records, uses, incompleteChains] = [0, 0, 0]
    let knownSinceMs = rows.reduce((first, row) => Math.min(first, row.started_at), Infinity)
    const sealedAt = await listLastSeals(store)
    for (const { chain } of await unregistered()) {
      const found = await read(chain, 0, Infinity)
      records += found.records
      uses += found.uses
    }
    for (const row of rows) {
      if (stopped) throw new DeploymentError('the server stops: rebuild the key uses when it runs again')
      const { chain_id: chain, closed_sequence } = row
      const through = chain === position().chain ? position().lastSequence : (closed_sequence ?? Infinity)
      const found = await read(chain, 0, through)
      records += found.records
      uses += found.uses
      if (found.isWhole && isReadable(row, found)) continue
      incompleteChains += 1
      const untilMs = row.closed_reason === null ? undefined : sealedAt.get(chain)
      knownSinceMs = Math.max(knownSinceMs, untilMs ?? Infinity)
    }
    const trackedSinceMs = await trackSince(knownSinceMs)
    return { chains: rows.length, incompleteChains, records, uses, trackedSinceMs }
  }

  /** An open chain of which nothing is found may be in another node's files. */
  function isReadable({ chain_id, closed_reason }: ChainRow, { records }: ReadChain): boolean {
    return records > 0 || closed_reason !== null || chain_id === position().chain
  }

  /** Later than what is known never; earlier when the journal reaches further back. */
  async function trackSince(knownSinceMs: number): Promise<number> {
    if (Number.isFinite(knownSinceMs)) {
      await store.transition(async (tx) => {
        tx.unrecorded = UNRECORDED
        await tx.db
          .updateTable('key_use_tracking')
          .set({ started_at: knownSinceMs })
          .where('id', '=', 1)
          .where('started_at', '>', knownSinceMs)
          .execute()
      })
    }
    return keyUses.trackedSinceMs(store.db)
  }

  return {
    async start() {
      try {
        await beginTracking()
        await completeAtStart()
      } catch (err) {
        // Whoever can damage the journal's files should not be able to stop the service.
        log.warn({ err }, 'uses of keys in the journal could not be read')
      }
      arm()
    },
    async rebuild() {
      const rebuilt = looking.then(rebuild)
      looking = rebuilt.then(
        () => {},
        () => {},
      )
      return rebuilt
    },
    async stop() {
      stopped = true
      cancel?.()
      await looking
    },
  }
}
