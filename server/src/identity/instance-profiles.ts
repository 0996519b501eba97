import { iamArn } from '../arn.ts'
import type { RandomSource } from '../crypto/random.ts'
import type { InstanceProfileRow } from '../store/rows/identity-rows.ts'
import type { Store, Transition } from '../store/store.ts'
import { nameKey, tagsFromText, tagsToText, type Tag } from './principal.ts'
import type { Db } from '../store/db.ts'
import { inPages, onPage, type NamedRows } from './row-pages.ts'
import { newUniqueId } from './unique-ids.ts'

/** A name under which machines find a role. Nothing here assumes one by it; clients manage them with roles. */
export interface InstanceProfile {
  /** AIPA… */
  readonly profileId: string
  readonly accountId: string
  readonly name: string
  readonly path: string
  /** The unique id of its role. */
  readonly roleId: string | undefined
  readonly tags: readonly Tag[]
  readonly createdAtMs: number
}

export interface StoredInstanceProfile {
  readonly profile: InstanceProfile
  readonly row: InstanceProfileRow
}

export interface InstanceProfiles {
  read(db: Db, accountId: string, name: string): Promise<StoredInstanceProfile | undefined>
  /** In the order of their names in lower case. */
  list(db: Db, which: NamedRows): Promise<StoredInstanceProfile[]>
  ofRole(db: Db, accountId: string, roleId: string): Promise<StoredInstanceProfile[]>
  count(db: Db, accountId: string): Promise<number>
  /** @throws DuplicateRowError when the name is taken */
  create(
    tx: Transition,
    profile: Pick<InstanceProfile, 'accountId' | 'name' | 'path' | 'tags'>,
  ): Promise<StoredInstanceProfile>
  /** `roleId: undefined` takes the role out. */
  update(
    tx: Transition,
    stored: StoredInstanceProfile,
    change: Partial<Pick<InstanceProfile, 'roleId' | 'tags'>>,
  ): Promise<StoredInstanceProfile>
  remove(tx: Transition, stored: StoredInstanceProfile): Promise<void>
}

export function instanceProfileArn(
  { accountId, path, name }: Pick<InstanceProfile, 'accountId' | 'path' | 'name'>,
  partition = 'aws',
): string {
  return iamArn({
    partition,
    accountId,
    resource: `instance-profile${path}${name}`,
  })
}

export function createInstanceProfiles(parts: {
  store: Store
  random: RandomSource
  now: () => number
}): InstanceProfiles {
  const { store, random, now } = parts

  const stored = (row: InstanceProfileRow): StoredInstanceProfile => ({
    row,
    profile: fromRow(store.rows.check('instance_profiles', row)),
  })

  // Nothing caches one, so what the feed tells is which account has changed.
  const changed = (tx: Transition, row: InstanceProfileRow): void => {
    tx.changed('principal-name', `${row.account_id}/instance-profile/${row.name_key}`)
  }

  return {
    async read(db, accountId, name) {
      const row = await db
        .selectFrom('instance_profiles')
        .selectAll()
        .where('account_id', '=', accountId)
        .where('name_key', '=', nameKey(name))
        .executeTakeFirst()
      return row && stored(row)
    },
    list: (db, which) =>
      inPages(which, async (after, count) => {
        const rows = await db
          .selectFrom('instance_profiles')
          .selectAll()
          .where(onPage(which, after))
          .orderBy('name_key')
          .limit(count)
          .execute()
        return rows.map(stored)
      }),
    async ofRole(db, accountId, roleId) {
      const rows = await db
        .selectFrom('instance_profiles')
        .selectAll()
        .where('account_id', '=', accountId)
        .where('role_id', '=', roleId)
        .orderBy('name_key')
        .execute()
      return rows.map(stored)
    },
    async count(db, accountId) {
      const { count } = await db
        .selectFrom('instance_profiles')
        .select(({ fn }) => fn.countAll<number | bigint | string>().as('count'))
        .where('account_id', '=', accountId)
        .executeTakeFirstOrThrow()
      return Number(count)
    },
    async create(tx, { accountId, name, path, tags }) {
      const row = await store.rows.insert(tx, 'instance_profiles', {
        profile_id: newUniqueId('AIPA', random),
        account_id: accountId,
        name,
        name_key: nameKey(name),
        path,
        role_id: null,
        tags: tagsToText(tags),
        created_at: now(),
      })
      changed(tx, row)
      return { row, profile: fromRow(row) }
    },
    async update(tx, { row }, change) {
      const next = await store.rows.update(tx, 'instance_profiles', row, {
        ...('roleId' in change && { role_id: change.roleId ?? null }),
        ...(change.tags !== undefined && { tags: tagsToText(change.tags) }),
      })
      changed(tx, next)
      return { row: next, profile: fromRow(next) }
    },
    async remove(tx, { row }) {
      await store.rows.remove(tx, 'instance_profiles', row)
      changed(tx, row)
    },
  }
}

function fromRow(row: InstanceProfileRow): InstanceProfile {
  return {
    profileId: row.profile_id,
    accountId: row.account_id,
    name: row.name,
    path: row.path,
    roleId: row.role_id ?? undefined,
    tags: tagsFromText(row.tags),
    createdAtMs: row.created_at,
  }
}
