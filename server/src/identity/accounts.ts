import type { Db } from '../store/db.ts'
import { CoherentCache, type CacheEntry } from '../store/coherent-cache.ts'
import type { AccountRow } from '../store/rows/identity-rows.ts'
import type { Store, Transition } from '../store/store.ts'
import { quarantineFromText, quarantineToText, type Quarantine } from './principal.ts'

/** An AWS account of this deployment. */
export interface Account {
  /** Twelve digits. */
  readonly accountId: string
  readonly name: string
  readonly createdAtMs: number
  /** Of its root user. */
  readonly quarantine: Quarantine | undefined
}

export interface Accounts {
  load(accountId: string): Promise<CacheEntry<Account> | undefined>
  list(): Promise<Account[]>
  /** @throws DuplicateRowError when there is one already */
  create(tx: Transition, account: { accountId: string; name: string }): Promise<Account>
  /** The account that has an alias. */
  ofAlias(db: Db, alias: string): Promise<string | undefined>
  aliasOf(db: Db, accountId: string): Promise<string | undefined>
  setAlias(tx: Transition, accountId: string, alias: string | undefined): Promise<void>
  quarantineOf(db: Db, accountId: string): Promise<Quarantine | undefined>
  setQuarantine(tx: Transition, accountId: string, quarantine: Quarantine | undefined): Promise<void>
  readonly cache: { readonly hits: number; readonly misses: number; readonly size: number }
}

const accountIdPattern = /^[0-9]{12}$/

export function isAccountId(text: string): boolean {
  return accountIdPattern.test(text)
}

export function createAccounts(parts: { store: Store; now: () => number; cacheLimit: number }): Accounts {
  const { store, now } = parts
  const cache = new CoherentCache<Account>({
    feed: store.feed,
    kind: 'account',
    limit: parts.cacheLimit,
    load: read,
  })

  async function read(accountId: string): Promise<Account | undefined> {
    const row = await store.db
      .selectFrom('accounts')
      .selectAll()
      .where('account_id', '=', accountId)
      .executeTakeFirst()
    return row && fromRow(row)
  }

  async function requireRow(db: Db, accountId: string): Promise<AccountRow> {
    const row = await db
      .selectFrom('accounts')
      .selectAll()
      .where('account_id', '=', accountId)
      .executeTakeFirstOrThrow()
    return store.rows.check('accounts', row)
  }

  function fromRow(row: AccountRow): Account {
    store.rows.check('accounts', row)
    return {
      accountId: row.account_id,
      name: row.name,
      createdAtMs: row.created_at,
      quarantine: quarantineFromText(row.quarantine),
    }
  }

  return {
    load: (accountId) => cache.get(accountId),
    async list() {
      const rows = await store.db.selectFrom('accounts').selectAll().orderBy('account_id').execute()
      return rows.map(fromRow)
    },
    async create(tx, { accountId, name }) {
      const row = await store.rows.insert(tx, 'accounts', { account_id: accountId, name, created_at: now() })
      tx.changed('account', accountId)
      return fromRow(row)
    },
    async ofAlias(db, alias) {
      const row = await db
        .selectFrom('accounts')
        .selectAll()
        .where('account_alias', '=', alias)
        .executeTakeFirst()
      return row && store.rows.check('accounts', row).account_id
    },
    async aliasOf(db, accountId) {
      return (await requireRow(db, accountId)).account_alias ?? undefined
    },
    async setAlias(tx, accountId, alias) {
      const row = await requireRow(tx.db, accountId)
      await store.rows.update(tx, 'accounts', row, { account_alias: alias ?? null })
      tx.changed('account', accountId)
    },
    async quarantineOf(db, accountId) {
      return quarantineFromText((await requireRow(db, accountId)).quarantine)
    },
    async setQuarantine(tx, accountId, quarantine) {
      const row = await requireRow(tx.db, accountId)
      await store.rows.update(tx, 'accounts', row, { quarantine: quarantineToText(quarantine) })
      tx.changed('account', accountId)
    },
    cache,
  }
}
