import type { RandomSource } from '../crypto/random.ts'
import { compilePolicy, type CompiledPolicy } from '../policy/compile.ts'
import { parsePolicy } from '../policy/document.ts'
import type { Db } from '../store/db.ts'
import { CoherentCache, type CacheEntry } from '../store/coherent-cache.ts'
import { principalRelations, type PrincipalRelations } from './principal-relations.ts'
import { inPages, onPage, type NamedRows } from './row-pages.ts'
import type { PrincipalRow } from '../store/rows/identity-rows.ts'
import type { Store, Transition } from '../store/store.ts'
import {
  columnsOf,
  nameKey,
  principalArn,
  principalFromRow,
  type Principal,
  type PrincipalChange,
  type PrincipalKind,
  type StoredPrincipal,
} from './principal.ts'
import { newUniqueId } from './unique-ids.ts'

/** A principal ready to decide by: its own policies compiled. */
export interface LoadedPrincipal {
  readonly principal: Principal
  /** Its inline policies; those that are attached, and those of its groups, are entries of their own. */
  readonly inlinePolicies: readonly CompiledPolicy[]
  /** Of a role. */
  readonly trustPolicy: CompiledPolicy | undefined
}

export interface NewPrincipal extends PrincipalChange {
  readonly accountId: string
  readonly kind: PrincipalKind
  readonly name: string
}

/** Which principals: of one kind in one account. */
export interface PrincipalList extends NamedRows {
  readonly kind: PrincipalKind
}

export interface Principals extends PrincipalRelations {
  /** From the cache, without waiting. */
  find(principalId: string): CacheEntry<LoadedPrincipal> | undefined
  load(principalId: string): Promise<CacheEntry<LoadedPrincipal> | undefined>
  /** The unique id that a name has now; `value` is undefined for a name that nobody has. */
  idOf(
    accountId: string,
    kind: PrincipalKind,
    name: string,
  ): Promise<CacheEntry<{ readonly principalId: string | undefined }>>
  /** Reads go to the store: to what is committed, or to a transition's own rows. */
  read(db: Db, accountId: string, kind: PrincipalKind, name: string): Promise<StoredPrincipal | undefined>
  readById(db: Db, principalId: string): Promise<StoredPrincipal | undefined>
  /** In the order of their names in lower case. */
  list(db: Db, which: PrincipalList): Promise<StoredPrincipal[]>
  count(db: Db, accountId: string, kind: PrincipalKind): Promise<number>
  /** @throws DuplicateRowError when the name is taken */
  create(tx: Transition, principal: NewPrincipal): Promise<StoredPrincipal>
  /** @throws StaleVersionError, with which a transition starts over */
  update(tx: Transition, stored: StoredPrincipal, change: PrincipalChange): Promise<StoredPrincipal>
  remove(tx: Transition, stored: StoredPrincipal): Promise<void>
  readonly cache: { readonly hits: number; readonly misses: number; readonly size: number }
}

const idPrefixes = { user: 'AIDA', group: 'AGPA', role: 'AROA' } as const
// One caller alone can rest on eleven principals and many policies; with less room they would push each other out.
export const LEAST_CACHED = 1000

export function createPrincipals(parts: {
  store: Store
  random: RandomSource
  now: () => number
  cacheLimit: number
}): Principals {
  const { store, random, now } = parts
  const limit = Math.max(parts.cacheLimit, LEAST_CACHED)
  const cache = new CoherentCache<LoadedPrincipal>({
    feed: store.feed,
    kind: 'principal',
    limit,
    load: async (principalId) => {
      const stored = await readById(store.db, principalId)
      return stored && loaded(stored.principal)
    },
  })
  const names = new CoherentCache<{ principalId: string | undefined }>({
    feed: store.feed,
    kind: 'principal-name',
    limit,
    load: async (id) => {
      const [accountId = '', kind, ...name] = id.split('/')
      const stored = await read(store.db, accountId, kind as PrincipalKind, name.join('/'))
      return { principalId: stored?.principal.principalId }
    },
  })

  const stored = (row: PrincipalRow): StoredPrincipal => ({
    row,
    principal: principalFromRow(store.rows.check('principals', row)),
  })

  const relations = principalRelations(stored)

  async function read(
    db: Db,
    accountId: string,
    kind: PrincipalKind,
    name: string,
  ): Promise<StoredPrincipal | undefined> {
    const row = await db
      .selectFrom('principals')
      .selectAll()
      .where('account_id', '=', accountId)
      .where('kind', '=', kind)
      .where('name_key', '=', nameKey(name))
      .executeTakeFirst()
    return row && stored(row)
  }

  async function readById(db: Db, principalId: string): Promise<StoredPrincipal | undefined> {
    const row = await db
      .selectFrom('principals')
      .selectAll()
      .where('principal_id', '=', principalId)
      .executeTakeFirst()
    return row && stored(row)
  }

  function list(db: Db, which: PrincipalList): Promise<StoredPrincipal[]> {
    return inPages(which, async (after, count) => {
      const rows = await db
        .selectFrom('principals')
        .selectAll()
        .where('kind', '=', which.kind)
        .where(onPage(which, after))
        .orderBy('name_key')
        .limit(count)
        .execute()
      return rows.map(stored)
    })
  }

  function announce(tx: Transition, { principalId, accountId, kind, name }: Principal): void {
    tx.changed('principal', principalId)
    tx.changed('principal-name', nameId(accountId, kind, name))
  }

  return {
    find: (principalId) => cache.find(principalId),
    load: (principalId) => cache.get(principalId),
    async idOf(accountId, kind, name) {
      const entry = await names.get(nameId(accountId, kind, name))
      if (entry === undefined) throw new Error('Every name has an entry, if an empty one')
      return entry
    },
    read,
    readById,
    list,
    async count(db, accountId, kind) {
      const { count } = await db
        .selectFrom('principals')
        .select(({ fn }) => fn.countAll<number | bigint | string>().as('count'))
        .where('account_id', '=', accountId)
        .where('kind', '=', kind)
        .executeTakeFirstOrThrow()
      return Number(count)
    },
    ...relations,
    async create(tx, principal) {
      const { accountId, kind, name } = principal
      const row = await store.rows.insert(tx, 'principals', {
        principal_id: newUniqueId(idPrefixes[kind], random),
        account_id: accountId,
        kind,
        created_at: now(),
        ...(columnsOf({
          path: '/',
          inlinePolicies: [],
          attachedPolicies: [],
          groupIds: [],
          tags: [],
          ...principal,
          name,
        }) as Pick<
          PrincipalRow,
          'name' | 'name_key' | 'path' | 'inline_policies' | 'attached_policies' | 'group_ids' | 'tags'
        >),
      })
      const created = { row, principal: principalFromRow(row) }
      announce(tx, created.principal)
      return created
    },
    async update(tx, { row, principal }, change) {
      const next = await store.rows.update(tx, 'principals', row, columnsOf(change))
      const updated = { row: next, principal: principalFromRow(next) }
      tx.changed('principal', principal.principalId)
      if (updated.principal.name !== principal.name || updated.principal.path !== principal.path) {
        announce(tx, principal)
        announce(tx, updated.principal)
      }
      return updated
    },
    async remove(tx, { row, principal }) {
      await store.rows.remove(tx, 'principals', row)
      announce(tx, principal)
    },
    cache,
  }
}

function loaded(principal: Principal): LoadedPrincipal {
  const { inlinePolicies, trustPolicy, trustBindings } = principal
  return {
    principal,
    inlinePolicies: inlinePolicies.map(({ name, document }) =>
      compilePolicy(parsePolicy(document, 'identity'), { type: 'identity', name }),
    ),
    trustPolicy:
      trustPolicy === undefined
        ? undefined
        : compilePolicy(
            parsePolicy(trustPolicy, 'trust'),
            { type: 'trust', arn: principalArn(principal) },
            trustBindings,
          ),
  }
}

function nameId(accountId: string, kind: PrincipalKind, name: string): string {
  return `${accountId}/${kind}/${nameKey(name)}`
}
