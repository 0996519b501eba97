import type { Db } from '../store/db.ts'
import type { AccountRow, OrganizationPolicyRow, OrganizationRow } from '../store/rows/identity-rows.ts'
import type { Store, Transition } from '../store/store.ts'
import { ORGANIZATION_ENTITY } from './organization.ts'
import {
  structureFromRow,
  type ControlPolicyType,
  type OrganizationStructure,
} from './organization-structure.ts'

export interface StoredOrganization {
  readonly structure: OrganizationStructure
  readonly row: OrganizationRow
}

/** An account, with its place in the organization. */
export interface Member {
  readonly accountId: string
  readonly name: string
  /** `o-…/r-…/ou-…/` */
  readonly path: string
}

export interface StoredAccountPlace {
  readonly row: AccountRow
  readonly path: string | undefined
}

/** A service or resource control policy. */
export interface OrganizationPolicy {
  /** `p-…` */
  readonly policyId: string
  readonly type: ControlPolicyType
  readonly name: string
  readonly description: string | undefined
  readonly document: string
  readonly createdAtMs: number
  readonly updatedAtMs: number
}

export interface StoredOrganizationPolicy {
  readonly policy: OrganizationPolicy
  readonly row: OrganizationPolicyRow
}

/** The organization in the store. Every change is named in the feed, so that it binds the next answer of every node. */
export interface OrganizationRows {
  read(db: Db): Promise<StoredOrganization | undefined>
  create(tx: Transition, structure: OrganizationStructure): Promise<void>
  change(
    tx: Transition,
    stored: StoredOrganization,
    change: Partial<Pick<OrganizationStructure, 'units' | 'attachments'>>,
  ): Promise<void>
  remove(tx: Transition, stored: StoredOrganization): Promise<void>
  members(db: Db): Promise<Member[]>
  account(db: Db, accountId: string): Promise<StoredAccountPlace | undefined>
  /** Undefined takes the account out of the organization. */
  place(tx: Transition, account: StoredAccountPlace, path: string | undefined): Promise<void>
  policies(db: Db): Promise<OrganizationPolicy[]>
  policy(db: Db, policyId: string): Promise<StoredOrganizationPolicy | undefined>
  /** @throws DuplicateRowError when the type has a policy of this name */
  createPolicy(
    tx: Transition,
    policy: Omit<OrganizationPolicy, 'createdAtMs' | 'updatedAtMs'>,
  ): Promise<OrganizationPolicy>
  changePolicy(
    tx: Transition,
    stored: StoredOrganizationPolicy,
    change: { name?: string | undefined; description?: string | undefined; document?: string | undefined },
  ): Promise<OrganizationPolicy>
  removePolicy(tx: Transition, stored: StoredOrganizationPolicy): Promise<void>
}

export function createOrganizationRows({
  store,
  now,
}: {
  store: Store
  now: () => number
}): OrganizationRows {
  const policyOf = (row: OrganizationPolicyRow): OrganizationPolicy => {
    store.rows.check('organization_policies', row)
    return {
      policyId: row.policy_id,
      type: row.type as ControlPolicyType,
      name: row.name,
      description: row.description ?? undefined,
      document: row.document,
      createdAtMs: row.created_at,
      updatedAtMs: row.updated_at,
    }
  }

  return {
    async read(db) {
      const row = await db.selectFrom('organization').selectAll().where('id', '=', 1).executeTakeFirst()
      return row && { row, structure: structureFromRow(store.rows.check('organization', row)) }
    },

    async create(tx, { organizationId, rootId, units, attachments }) {
      await store.rows.insert(tx, 'organization', {
        id: 1,
        organization_id: organizationId,
        root_id: rootId,
        units: JSON.stringify(units),
        attachments: JSON.stringify(attachments),
        created_at: now(),
      })
      tx.changed('organization', ORGANIZATION_ENTITY)
    },

    async change(tx, { row }, { units, attachments }) {
      await store.rows.update(tx, 'organization', row, {
        ...(units && { units: JSON.stringify(units) }),
        ...(attachments && { attachments: JSON.stringify(attachments) }),
      })
      tx.changed('organization', ORGANIZATION_ENTITY)
    },

    async remove(tx, { row }) {
      await store.rows.remove(tx, 'organization', row)
      tx.changed('organization', ORGANIZATION_ENTITY)
    },

    async members(db) {
      const rows = await db
        .selectFrom('accounts')
        .selectAll()
        .where('organization_path', 'is not', null)
        .orderBy('account_id')
        .execute()
      return rows.map((row) => {
        const { account_id, name, organization_path } = store.rows.check('accounts', row)
        return { accountId: account_id, name, path: organization_path ?? '' }
      })
    },

    async account(db, accountId) {
      const row = await db
        .selectFrom('accounts')
        .selectAll()
        .where('account_id', '=', accountId)
        .executeTakeFirst()
      return row && { row, path: store.rows.check('accounts', row).organization_path ?? undefined }
    },

    async place(tx, { row }, path) {
      await store.rows.update(tx, 'accounts', row, { organization_path: path ?? null })
      tx.changed('account', row.account_id)
    },

    async policies(db) {
      const rows = await db
        .selectFrom('organization_policies')
        .selectAll()
        .orderBy('type')
        .orderBy('name')
        .execute()
      return rows.map(policyOf)
    },

    async policy(db, policyId) {
      const row = await db
        .selectFrom('organization_policies')
        .selectAll()
        .where('policy_id', '=', policyId)
        .executeTakeFirst()
      return row && { row, policy: policyOf(row) }
    },

    async createPolicy(tx, { policyId, type, name, description, document }) {
      const at = now()
      const row = await store.rows.insert(tx, 'organization_policies', {
        policy_id: policyId,
        type,
        name,
        description: description ?? null,
        document,
        created_at: at,
        updated_at: at,
      })
      tx.changed('organization-policy', policyId)
      return policyOf(row)
    },

    async changePolicy(tx, { row }, { name, description, document }) {
      const changed = await store.rows.update(tx, 'organization_policies', row, {
        ...(name !== undefined && { name }),
        ...(description !== undefined && { description }),
        ...(document !== undefined && { document }),
        updated_at: now(),
      })
      tx.changed('organization-policy', row.policy_id)
      return policyOf(changed)
    },

    async removePolicy(tx, { row }) {
      await store.rows.remove(tx, 'organization_policies', row)
      tx.changed('organization-policy', row.policy_id)
    },
  }
}
