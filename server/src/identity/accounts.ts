import { CoherentCache, type CacheEntry } from '../store/coherent-cache.ts'
import type { AccountRow } from '../store/schema.ts'
import type { Store, Transition } from '../store/store.ts'

/** An AWS account of this deployment. */
export interface Account {
  /** Twelve digits. */
  readonly accountId: string
  readonly name: string
  readonly createdAtMs: number
}

export interface Accounts {
  load(accountId: string): Promise<CacheEntry<Account> | undefined>
  list(): Promise<Account[]>
  /** @throws DuplicateRowError when there is one already */
  create(tx: Transition, account: { accountId: string; name: string }): Promise<Account>
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

  function fromRow(row: AccountRow): Account {
    store.rows.check('accounts', row)
    return { accountId: row.account_id, name: row.name, createdAtMs: row.created_at }
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
    cache,
  }
}
