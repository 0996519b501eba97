import type { Keys } from '../keys/keys.ts'
import { relatedRegions } from '../keys/multi-region.ts'
import { keyEntityId } from '../keys/key.ts'
import { AWAITS_LINKED } from '../keys/material-version.ts'
import type { Db } from '../store/db.ts'
import type { Transition } from '../store/store.ts'
import type { Channels } from './channels.ts'
import { createKeysHere, primaryOf } from './keys-here.ts'
import type { RegionLink } from './region-links.ts'

/** A set that cannot be brought into agreement with a linked deployment. */
export interface LinkedSetTrouble {
  readonly keyId: string
  readonly reason: string
  /** Milliseconds since the epoch. */
  readonly since: number
}

/** All sets that this deployment has in common with another one, for its operator. */
export interface LinkedSets {
  summary(link: RegionLink): Promise<{ sets: number; waiting: number; troubles: readonly LinkedSetTrouble[] }>
  /** The sets that have keys on both sides. */
  count(db: Db, link: RegionLink): Promise<number>
  /** Takes the other deployment's keys out of the sets whose primary key is here, and forgets what was told. */
  part(tx: Transition, link: RegionLink): Promise<void>
}

const MOST_TROUBLES = 100

export function createLinkedSets(parts: {
  keys: Keys
  channels: Channels
  store: { readonly db: Db }
  ownRegions: ReadonlySet<string>
}): LinkedSets {
  const { keys, channels, store, ownRegions } = parts
  const keysHere = createKeysHere(keys, ownRegions)

  async function spanning(db: Db, { deploymentId, regions }: RegionLink): Promise<string[]> {
    const spanning: string[] = []
    for (const { key_id: keyId } of await channels.ofDeployment(db, deploymentId)) {
      const here = await keysHere(db, keyId)
      const isSpanning = here.some(({ key }) =>
        relatedRegions(key).some((region) => regions.includes(region)),
      )
      if (isSpanning) spanning.push(keyId)
    }
    return spanning
  }

  /** New material that nobody is left to wait for: it has encrypted nothing, and would stand in the way of any other. */
  async function dropAwaited(tx: Transition, keyId: string): Promise<void> {
    const here = await keysHere(tx.db, keyId)
    const primary = primaryOf(here)
    if (primary === undefined || (await channels.spans(tx.db, primary.key))) return
    for (const { key } of here) {
      for (const row of await keys.materials.rows(tx.db, key)) {
        if (row.pending_state !== AWAITS_LINKED) continue
        await keys.materials.remove(tx, row)
        tx.changed('key', keyEntityId(key.region, keyId))
      }
    }
  }

  return {
    async summary(link) {
      const rows = await channels.ofDeployment(store.db, link.deploymentId)
      const troubles = rows
        .filter(({ trouble }) => trouble !== null)
        .slice(0, MOST_TROUBLES)
        .map((row) => ({
          keyId: row.key_id,
          reason: row.trouble ?? '',
          since: row.trouble_since ?? 0,
        }))
      return {
        sets: (await spanning(store.db, link)).length,
        waiting: rows.filter(({ due_at }) => due_at !== null).length,
        troubles,
      }
    },

    count: async (db, link) => (await spanning(db, link)).length,

    async part(tx, link) {
      const { deploymentId, regions } = link
      for (const { key_id: keyId } of await channels.ofDeployment(tx.db, deploymentId)) {
        for (const region of regions) {
          const primary = primaryOf(await keysHere(tx.db, keyId))
          if (primary?.key.multiRegion?.replicaRegions.includes(region) !== true) continue
          await keys.sets.leave(tx, { ...primary.key, region })
        }
        await dropAwaited(tx, keyId)
      }
      const moves = await tx.db
        .selectFrom('linked_moves')
        .selectAll()
        .where('deployment_id', '=', deploymentId)
        .execute()
      for (const move of moves) {
        const stored = await keys.read(tx.db, move.from_region, move.key_id)
        if (stored?.key.state === 'Updating') await keys.change(tx, stored, { state: 'Enabled' })
      }
      for (const table of ['linked_sets', 'linked_replicas', 'linked_moves'] as const) {
        await tx.db.deleteFrom(table).where('deployment_id', '=', deploymentId).execute()
      }
    },
  }
}
