import type { RandomSource } from '../crypto/random.ts'
import { compilePolicy, type CompiledPolicy } from '../policy/compile.ts'
import { parsePolicy } from '../policy/document.ts'
import { CoherentCache, type CacheEntry } from '../store/coherent-cache.ts'
import type { ManagedPolicyRow } from '../store/rows/identity-rows.ts'
import type { Store, Transition } from '../store/store.ts'
import { awsManagedPolicy, type AwsManagedPolicy } from './aws-managed-policies.ts'
import { nameKey, tagsFromText, tagsToText, type Tag } from './principal.ts'
import { LEAST_CACHED } from './principals.ts'
import type { Db } from '../store/db.ts'
import { inPages, onPage, type NamedRows } from './row-pages.ts'
import { newUniqueId } from './unique-ids.ts'

/** A customer managed policy as the store holds it. */
export interface ManagedPolicy {
  /** ANPA… */
  readonly policyId: string
  readonly accountId: string
  readonly arn: string
  readonly name: string
  readonly path: string
  readonly description: string | undefined
  readonly createdAtMs: number
  readonly updatedAtMs: number
  /** The number of the version in force; it is one of `versions`. */
  readonly defaultVersion: number
  /** Numbers are never given twice. */
  readonly lastVersion: number
  /** The oldest first; at most five. */
  readonly versions: readonly PolicyVersion[]
  readonly tags: readonly Tag[]
}

export interface PolicyVersion {
  readonly number: number
  /** The text as it was put. */
  readonly document: string
  readonly createdAtMs: number
}

export interface StoredManagedPolicy {
  readonly policy: ManagedPolicy
  readonly row: ManagedPolicyRow
}

export type ManagedPolicyChange = Partial<
  Pick<ManagedPolicy, 'defaultVersion' | 'lastVersion' | 'versions' | 'tags'>
>

/** The version of a managed policy that is in force, compiled once for each use that it has. */
export interface LoadedManagedPolicy {
  readonly arn: string
  readonly name: string
  readonly document: string
  as(use: 'identity' | 'boundary' | 'session'): CompiledPolicy
}

export interface NewManagedPolicy {
  readonly accountId: string
  readonly arn: string
  readonly name: string
  readonly path: string
  readonly description: string | undefined
  readonly document: string
  readonly tags: readonly Tag[]
}

export interface ManagedPolicies {
  /** A customer's or AWS's policy; undefined when there is none of that ARN. */
  load(arn: string): Promise<CacheEntry<LoadedManagedPolicy> | undefined>
  /** A customer's; see aws-managed-policies.ts for AWS's. */
  read(db: Db, arn: string): Promise<StoredManagedPolicy | undefined>
  /** In the order of their names in lower case. */
  list(db: Db, which: NamedRows): Promise<StoredManagedPolicy[]>
  count(db: Db, accountId: string): Promise<number>
  /** Whether the account has a policy of this name, in whatever case and at whatever path. */
  isNamed(db: Db, accountId: string, name: string): Promise<boolean>
  /** @throws DuplicateRowError when the name is taken */
  create(tx: Transition, policy: NewManagedPolicy): Promise<StoredManagedPolicy>
  update(
    tx: Transition,
    stored: StoredManagedPolicy,
    change: ManagedPolicyChange,
  ): Promise<StoredManagedPolicy>
  remove(tx: Transition, stored: StoredManagedPolicy): Promise<void>
  readonly cache: { readonly hits: number; readonly misses: number; readonly size: number }
}

export const MAX_POLICY_VERSIONS = 5

export function createManagedPolicies(parts: {
  store: Store
  random: RandomSource
  now: () => number
  cacheLimit: number
}): ManagedPolicies {
  const { store, random, now } = parts
  const limit = Math.max(parts.cacheLimit, LEAST_CACHED)
  const cache = new CoherentCache<LoadedManagedPolicy>({
    feed: store.feed,
    kind: 'managed-policy',
    limit,
    load: async (arn) => {
      const found = await read(store.db, arn)
      return found && loaded({ arn, name: found.policy.name, document: documentInForce(found.policy) })
    },
  })
  const awsEntries = new Map<string, CacheEntry<LoadedManagedPolicy>>()

  /** AWS's policies are facts of the code: an entry that stays valid. */
  function awsEntry(arn: string, policy: AwsManagedPolicy): CacheEntry<LoadedManagedPolicy> {
    let entry = awsEntries.get(arn)
    if (entry === undefined) {
      entry = { value: loaded({ ...policy, arn }), valid: true, position: 0 }
      awsEntries.set(arn, entry)
    }
    return entry
  }

  const stored = (row: ManagedPolicyRow): StoredManagedPolicy => ({
    row,
    policy: fromRow(store.rows.check('managed_policies', row)),
  })

  async function read(db: Db, arn: string): Promise<StoredManagedPolicy | undefined> {
    const row = await db.selectFrom('managed_policies').selectAll().where('arn', '=', arn).executeTakeFirst()
    return row && stored(row)
  }

  return {
    load(arn) {
      const policy = awsManagedPolicy(arn)
      return policy === undefined ? cache.get(arn) : Promise.resolve(awsEntry(arn, policy))
    },
    read,
    list: (db, which) =>
      inPages(which, async (after, count) => {
        const rows = await db
          .selectFrom('managed_policies')
          .selectAll()
          .where(onPage(which, after))
          .orderBy('name_key')
          .limit(count)
          .execute()
        return rows.map(stored)
      }),
    async count(db, accountId) {
      const { count } = await db
        .selectFrom('managed_policies')
        .select(({ fn }) => fn.countAll<number | bigint | string>().as('count'))
        .where('account_id', '=', accountId)
        .executeTakeFirstOrThrow()
      return Number(count)
    },
    async isNamed(db, accountId, name) {
      const row = await db
        .selectFrom('managed_policies')
        .select('policy_id')
        .where('account_id', '=', accountId)
        .where('name_key', '=', nameKey(name))
        .executeTakeFirst()
      return row !== undefined
    },
    async create(tx, { accountId, arn, name, path, description, document, tags }) {
      const createdAtMs = now()
      const row = await store.rows.insert(tx, 'managed_policies', {
        policy_id: newUniqueId('ANPA', random),
        account_id: accountId,
        arn,
        name,
        name_key: nameKey(name),
        path,
        description: description ?? null,
        created_at: createdAtMs,
        updated_at: createdAtMs,
        default_version: 1,
        last_version: 1,
        versions: versionsToText([{ number: 1, document, createdAtMs }]),
        tags: tagsToText(tags),
      })
      tx.changed('managed-policy', arn)
      return { row, policy: fromRow(row) }
    },
    async update(tx, { row }, { defaultVersion, lastVersion, versions, tags }) {
      const next = await store.rows.update(tx, 'managed_policies', row, {
        ...(defaultVersion !== undefined && { default_version: defaultVersion }),
        ...(lastVersion !== undefined && { last_version: lastVersion }),
        ...(versions !== undefined && { versions: versionsToText(versions) }),
        ...(tags !== undefined && { tags: tagsToText(tags) }),
        updated_at: now(),
      })
      tx.changed('managed-policy', row.arn)
      return { row: next, policy: fromRow(next) }
    },
    async remove(tx, { row }) {
      await store.rows.remove(tx, 'managed_policies', row)
      tx.changed('managed-policy', row.arn)
    },
    cache,
  }
}

/** The text of the default version. */
function documentInForce({ arn, defaultVersion, versions }: ManagedPolicy): string {
  const version = versions.find(({ number }) => number === defaultVersion)
  if (version === undefined) throw new Error(`Managed policy ${arn} has no default version`)
  return version.document
}

function loaded({
  arn,
  name,
  document,
}: {
  arn: string
  name: string
  document: string
}): LoadedManagedPolicy {
  const compiled = new Map<string, CompiledPolicy>()
  const parsed = parsePolicy(document, 'identity')
  return {
    arn,
    name,
    document,
    as(use) {
      let policy = compiled.get(use)
      if (policy === undefined) {
        policy = compilePolicy(parsed, { type: use, arn, name })
        compiled.set(use, policy)
      }
      return policy
    },
  }
}

function fromRow(row: ManagedPolicyRow): ManagedPolicy {
  const versions = JSON.parse(row.versions) as { number: number; document: string; created_at: number }[]
  return {
    policyId: row.policy_id,
    accountId: row.account_id,
    arn: row.arn,
    name: row.name,
    path: row.path,
    description: row.description ?? undefined,
    createdAtMs: row.created_at,
    updatedAtMs: row.updated_at,
    defaultVersion: row.default_version,
    lastVersion: row.last_version,
    versions: versions.map(({ number, document, created_at }) => ({
      number,
      document,
      createdAtMs: created_at,
    })),
    tags: tagsFromText(row.tags),
  }
}

function versionsToText(versions: readonly PolicyVersion[]): string {
  return JSON.stringify(
    versions.map(({ number, document, createdAtMs }) => ({ number, document, created_at: createdAtMs })),
  )
}
