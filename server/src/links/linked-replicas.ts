import type { KmsKey } from '../keys/key.ts'
import { tagsToText } from '../keys/key.ts'
import type { Db } from '../store/db.ts'
import type { LinkedMoveRow, LinkedReplicaRow } from '../store/rows/link-rows.ts'
import type { Store, Transition } from '../store/store.ts'
import type { DocumentReplica } from './set-document.ts'

/** How far a primary key is on its way to another deployment. */
export type MovePhase =
  /** All other deployments are to hold everything first. */
  | 'PREPARING'
  /** This side is primary no more; the other one is to take over. */
  | 'GIVEN UP'
  /** It has taken over; the others are to be told. */
  | 'TAKEN'

/** What was asked of this deployment and can only be finished with another one. */
export interface LinkedIntents {
  replicas(db: Db, keyId: string, deploymentId: string): Promise<DocumentReplica[]>
  addReplica(tx: Transition, key: KmsKey, deploymentId: string, replica: DocumentReplica): Promise<void>
  removeReplica(tx: Transition, keyId: string, region: string): Promise<void>
  move(db: Db, keyId: string): Promise<LinkedMoveRow | undefined>
  beginMove(tx: Transition, key: KmsKey, deploymentId: string, toRegion: string): Promise<void>
  advanceMove(tx: Transition, row: LinkedMoveRow, phase: MovePhase): Promise<LinkedMoveRow>
  endMove(tx: Transition, row: LinkedMoveRow): Promise<void>
}

export function createLinkedIntents({ store, now }: { store: Store; now: () => number }): LinkedIntents {
  async function replicaRow(db: Db, keyId: string, region: string): Promise<LinkedReplicaRow | undefined> {
    const row = await db
      .selectFrom('linked_replicas')
      .selectAll()
      .where('key_id', '=', keyId)
      .where('region', '=', region)
      .executeTakeFirst()
    return row && store.rows.check('linked_replicas', row)
  }

  return {
    async replicas(db, keyId, deploymentId) {
      const rows = await db
        .selectFrom('linked_replicas')
        .selectAll()
        .where('key_id', '=', keyId)
        .where('deployment_id', '=', deploymentId)
        .orderBy('region')
        .execute()
      return rows.map((row) => {
        const { region, policy, description, tags } = store.rows.check('linked_replicas', row)
        const pairs = JSON.parse(tags) as [string, string][]
        return { region, policy, description, tags: pairs.map(([key, value]) => ({ key, value })) }
      })
    },

    async addReplica(tx, { keyId, accountId }, deploymentId, { region, policy, description, tags }) {
      await store.rows.insert(tx, 'linked_replicas', {
        key_id: keyId,
        region,
        deployment_id: deploymentId,
        account_id: accountId,
        policy,
        description,
        tags: tagsToText(tags),
        created_at: now(),
      })
    },

    async removeReplica(tx, keyId, region) {
      const row = await replicaRow(tx.db, keyId, region)
      if (row !== undefined) await store.rows.remove(tx, 'linked_replicas', row)
    },

    async move(db, keyId) {
      const row = await db
        .selectFrom('linked_moves')
        .selectAll()
        .where('key_id', '=', keyId)
        .executeTakeFirst()
      return row && store.rows.check('linked_moves', row)
    },

    async beginMove(tx, { keyId, accountId, region }, deploymentId, toRegion) {
      await store.rows.insert(tx, 'linked_moves', {
        key_id: keyId,
        account_id: accountId,
        deployment_id: deploymentId,
        from_region: region,
        to_region: toRegion,
        phase: 'PREPARING',
        started_at: now(),
      })
    },

    advanceMove: (tx, row, phase) => store.rows.update(tx, 'linked_moves', row, { phase }),
    endMove: (tx, row) => store.rows.remove(tx, 'linked_moves', row),
  }
}
