import type { Kysely, Transaction } from 'kysely'
import { CoherentCache, type CacheEntry } from '../store/coherent-cache.ts'
import type { AliasRow, Database } from '../store/schema.ts'
import type { Store, Transition } from '../store/store.ts'
import type { KmsKey } from './key.ts'
import { KmsError } from './kms-error.ts'

type Db = Kysely<Database> | Transaction<Database>

/** A name of a key, in one account and Region. */
export interface Alias {
  /** With the `alias/` prefix. */
  readonly name: string
  readonly accountId: string
  readonly region: string
  readonly keyId: string
  readonly createdAtMs: number
  readonly updatedAtMs: number
}

export interface AliasId {
  readonly accountId: string
  readonly region: string
  readonly name: string
}

export interface Aliases {
  /** For use: from the cache when it is there. */
  load(id: AliasId): Promise<CacheEntry<Alias> | undefined>
  read(db: Db, id: AliasId): Promise<StoredAlias | undefined>
  /** One page in order of the name, after `afterName`; of one key when `keyId` is given. */
  list(query: {
    accountId: string
    region: string
    keyId?: string | undefined
    afterName: string
    limit: number
  }): Promise<Alias[]>
  /** @throws KmsError LimitExceededException when the key has as many aliases as it may have */
  requireRoom(tx: Transition, key: KmsKey): Promise<void>
  create(tx: Transition, id: AliasId, keyId: string): Promise<void>
  move(tx: Transition, alias: StoredAlias, keyId: string): Promise<void>
  remove(tx: Transition, alias: StoredAlias): Promise<void>
  readonly cache: { readonly hits: number; readonly misses: number; readonly size: number }
}

export interface StoredAlias {
  readonly alias: Alias
  readonly row: AliasRow
}

const ALIASES_PER_KEY = 50
const RESERVED_PREFIX = 'alias/aws/'

export function isReserved(name: string): boolean {
  return name.startsWith(RESERVED_PREFIX)
}

/** The rules for a name that the pattern of the shape does not hold. */
export function requireAliasName(name: string): void {
  if (!name.startsWith('alias/')) {
    throw new KmsError(
      'ValidationException',
      'Alias must start with the prefix "alias/". Please see ' +
        'https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html',
    )
  }
  if (name === 'alias/') throw new KmsError('ValidationException', 'Invalid identifier')
  // The published pattern has the colon; the service refuses it, since an ARN could not be read back.
  if (name.includes(':')) {
    throw new KmsError('ValidationException', `${name} contains invalid characters for an alias`)
  }
}

export function createAliases(parts: { store: Store; now: () => number; cacheLimit: number }): Aliases {
  const { store, now } = parts
  const cache = new CoherentCache<Alias>({
    feed: store.feed,
    kind: 'alias',
    limit: parts.cacheLimit,
    load: async (entity) => {
      const [accountId = '', region = '', ...name] = entity.split('/')
      return (await read(store.db, { accountId, region, name: name.join('/') }))?.alias
    },
  })

  async function read(db: Db, { accountId, region, name }: AliasId): Promise<StoredAlias | undefined> {
    const row = await db
      .selectFrom('aliases')
      .selectAll()
      .where('account_id', '=', accountId)
      .where('region', '=', region)
      .where('name', '=', name)
      .executeTakeFirst()
    return row === undefined ? undefined : { row, alias: fromRow(row) }
  }

  function fromRow(row: AliasRow): Alias {
    store.rows.check('aliases', row)
    return {
      name: row.name,
      accountId: row.account_id,
      region: row.region,
      keyId: row.key_id,
      createdAtMs: row.created_at,
      updatedAtMs: row.updated_at,
    }
  }

  const list: Aliases['list'] = async ({ accountId, region, keyId, afterName, limit }) => {
    let query = store.db
      .selectFrom('aliases')
      .selectAll()
      .where('account_id', '=', accountId)
      .where('region', '=', region)
      .where('name', '>', afterName)
    if (keyId !== undefined) query = query.where('key_id', '=', keyId)
    const rows = await query.orderBy('name').limit(limit).execute()
    return rows.map(fromRow)
  }

  async function requireRoom(tx: Transition, { accountId, region, keyId, arn }: KmsKey): Promise<void> {
    const { count } = await tx.db
      .selectFrom('aliases')
      .select(({ fn }) => fn.countAll<number>().as('count'))
      .where('account_id', '=', accountId)
      .where('region', '=', region)
      .where('key_id', '=', keyId)
      .executeTakeFirstOrThrow()
    if (Number(count) < ALIASES_PER_KEY) return
    throw new KmsError(
      'LimitExceededException',
      `The quota of ${ALIASES_PER_KEY} aliases for ${arn} was exceeded.`,
    )
  }

  async function create(tx: Transition, id: AliasId, keyId: string): Promise<void> {
    const { accountId, region, name } = id
    const at = now()
    await store.rows.insert(tx, 'aliases', {
      account_id: accountId,
      region,
      name,
      key_id: keyId,
      created_at: at,
      updated_at: at,
    })
    tx.changed('alias', aliasEntityId(id))
  }

  async function move(tx: Transition, { alias, row }: StoredAlias, keyId: string): Promise<void> {
    await store.rows.update(tx, 'aliases', row, { key_id: keyId, updated_at: now() })
    tx.changed('alias', aliasEntityId(alias))
  }

  async function remove(tx: Transition, { alias, row }: StoredAlias): Promise<void> {
    await store.rows.remove(tx, 'aliases', row)
    tx.changed('alias', aliasEntityId(alias))
  }

  return { load: (id) => cache.get(aliasEntityId(id)), read, list, requireRoom, create, move, remove, cache }
}

/** The name under which an alias stands in the change feed and in the cache. */
export function aliasEntityId({ accountId, region, name }: AliasId): string {
  return `${accountId}/${region}/${name}`
}
