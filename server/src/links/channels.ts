import type { KmsKey } from '../keys/key.ts'
import { relatedRegions, type LinkedRegions } from '../keys/multi-region.ts'
import type { Db } from '../store/db.ts'
import type { LinkedSetRow } from '../store/rows/link-rows.ts'
import type { Store, Transition } from '../store/store.ts'
import type { RegionLink, RegionLinks } from './region-links.ts'

/** One thing that was said of a set: its number, which only grows, and what it was. */
export interface Said {
  readonly sequence: number
  readonly digest: string
}

/**
 * What a multi-Region set and one linked deployment have told each other. Each side numbers what it says and names what
 * the other last took, by number and digest, so that neither a lost answer nor a repeated or overtaken message changes
 * anything, and a database that was put back to an earlier state is noticed.
 */
export interface Channels extends LinkedRegions {
  /** The linked deployments that have keys of a set. */
  peersOf(db: Db, key: Pick<KmsKey, 'region' | 'multiRegion'>): Promise<RegionLink[]>
  read(db: Db, keyId: string, deploymentId: string): Promise<LinkedSetRow | undefined>
  /** Makes it when it is not there. */
  open(tx: Transition, of: Pick<KmsKey, 'keyId' | 'accountId'>, deploymentId: string): Promise<LinkedSetRow>
  change(
    tx: Transition,
    row: LinkedSetRow,
    change: Partial<Omit<LinkedSetRow, 'key_id' | 'deployment_id' | 'version' | 'mac'>>,
  ): Promise<LinkedSetRow>
  /** One page of the keys of which a deployment is to be told something, the longest waiting first; not checked. */
  due(nowMs: number, deploymentId: string, limit: number): Promise<string[]>
  next(afterMs: number): Promise<number | undefined>
  ofDeployment(db: Db, deploymentId: string): Promise<LinkedSetRow[]>
  /** How many wait to be told, and how many cannot agree; as the database has it. */
  totals(): Promise<{ waiting: number; diverged: number }>
}

export const NOTHING_SAID: Said = { sequence: 0, digest: '' }

export function createChannels(parts: { store: Store; links: RegionLinks; now: () => number }): Channels {
  const { store, links, now } = parts

  async function peersOf(db: Db, key: Pick<KmsKey, 'region' | 'multiRegion'>): Promise<RegionLink[]> {
    const others = relatedRegions(key)
    if (others.length === 0) return []
    return (await links.list(db)).filter(({ regions }) => regions.some((region) => others.includes(region)))
  }

  async function read(db: Db, keyId: string, deploymentId: string): Promise<LinkedSetRow | undefined> {
    const row = await db
      .selectFrom('linked_sets')
      .selectAll()
      .where('key_id', '=', keyId)
      .where('deployment_id', '=', deploymentId)
      .executeTakeFirst()
    return row && store.rows.check('linked_sets', row)
  }

  async function open(
    tx: Transition,
    { keyId, accountId }: Pick<KmsKey, 'keyId' | 'accountId'>,
    deploymentId: string,
  ): Promise<LinkedSetRow> {
    return (
      (await read(tx.db, keyId, deploymentId)) ??
      (await store.rows.insert(tx, 'linked_sets', {
        key_id: keyId,
        deployment_id: deploymentId,
        account_id: accountId,
        sent: '[]',
        acknowledged: 0,
        received: 0,
        attempts: 0,
      }))
    )
  }

  const change: Channels['change'] = async (tx, row, wanted) => {
    // The timers look again.
    tx.changed('region-link', row.deployment_id)
    return await store.rows.update(tx, 'linked_sets', row, wanted)
  }

  return {
    peersOf,
    read,
    open,
    change,

    spans: async (db, key) => (await peersOf(db, key)).length > 0,

    async changed(tx, key) {
      if (key.multiRegion === undefined) return
      // Those that have no key of the set any more, too: what waited for them need not wait any longer.
      const told = await tx.db
        .selectFrom('linked_sets')
        .select('deployment_id')
        .where('key_id', '=', key.keyId)
        .where('region', 'is not', null)
        .execute()
      const peers = (await peersOf(tx.db, key)).map(({ deploymentId }) => deploymentId)
      for (const id of new Set([...peers, ...told.map(({ deployment_id }) => deployment_id)])) {
        const row = await open(tx, key, id)
        await change(tx, row, { region: key.region, due_at: now(), attempts: 0 })
      }
    },

    async gone(tx, key) {
      const primaryRegion = key.multiRegion?.primaryRegion ?? key.region
      const home = primaryRegion === key.region ? undefined : await links.ofRegion(primaryRegion, tx.db)
      if (home === undefined) return
      const row = await open(tx, key, home.deploymentId)
      const gone = [...new Set([...regionsIn(row.gone_regions), key.region])].sort()
      await change(tx, row, { gone_regions: JSON.stringify(gone), due_at: now() })
    },

    async due(nowMs, deploymentId, limit) {
      const rows = await store.db
        .selectFrom('linked_sets')
        .select('key_id')
        .where('deployment_id', '=', deploymentId)
        .where('due_at', '<=', nowMs)
        .orderBy('due_at')
        .orderBy('key_id')
        .limit(limit)
        .execute()
      return rows.map(({ key_id }) => key_id)
    },

    async next(afterMs) {
      const row = await store.db
        .selectFrom('linked_sets')
        .select('due_at')
        .where('due_at', '>', afterMs)
        .orderBy('due_at')
        .limit(1)
        .executeTakeFirst()
      return row?.due_at ?? undefined
    },

    async totals() {
      const { waiting, diverged } = await store.db
        .selectFrom('linked_sets')
        .select(({ fn }) => [
          fn.count<number>('due_at').as('waiting'),
          fn.count<number>('trouble').as('diverged'),
        ])
        .executeTakeFirstOrThrow()
      return { waiting: Number(waiting), diverged: Number(diverged) }
    },

    async ofDeployment(db, deploymentId) {
      const rows = await db
        .selectFrom('linked_sets')
        .selectAll()
        .where('deployment_id', '=', deploymentId)
        .orderBy('key_id')
        .execute()
      return rows.map((row) => store.rows.check('linked_sets', row))
    },
  }
}

/** All that was lately said, the newest last. */
export function saidIn({ sent }: Pick<LinkedSetRow, 'sent'>): Said[] {
  return (JSON.parse(sent) as [number, string][]).map(([sequence, digest]) => ({ sequence, digest }))
}

export function saidToText(said: readonly Said[]): string {
  return JSON.stringify(said.map(({ sequence, digest }) => [sequence, digest]))
}

export function regionsIn(text: string | null): string[] {
  return text === null ? [] : (JSON.parse(text) as string[])
}
