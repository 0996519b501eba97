import type { Db } from '../store/db.ts'
import { CoherentCache, type CacheEntry } from '../store/coherent-cache.ts'
import type { AliasRow } from '../store/rows/key-rows.ts'
import type { Store, Transition } from '../store/store.ts'
import { keyEntityId, type KmsKey, type StoredKey } from './key.ts'
import { aliasArn } from './key-reference.ts'
import { KmsError } from './kms-error.ts'

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
  /** The same without waiting: undefined when it is not in the cache. */
  find(id: AliasId): CacheEntry<Alias> | undefined
  read(db: Db, id: AliasId): Promise<StoredAlias | undefined>
  /** One page in order of the name, after `afterName`; of one key when `keyId` is given. */
  list(query: {
    accountId: string
    region: string
    keyId?: string | undefined
    afterName: string
    limit: number
  }): Promise<Alias[]>
  // Each of these changes the keys too, which hold the names of their aliases.
  create(tx: Transition, id: AliasId, target: StoredKey): Promise<void>
  /** @param from the key that the alias names now */
  move(tx: Transition, alias: StoredAlias, from: StoredKey, to: StoredKey): Promise<void>
  /** @param target the key that the alias names */
  remove(tx: Transition, alias: StoredAlias, target: StoredKey): Promise<void>
  readonly cache: { readonly hits: number; readonly misses: number; readonly size: number }
}

export interface StoredAlias {
  readonly alias: Alias
  readonly row: AliasRow
}

const RESERVED_PREFIX = 'alias/aws/'

/** Whether a name, with its prefix, is kept for AWS managed keys. */
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

/** @throws KmsError NotFoundException */
export async function requireAlias(
  aliases: Pick<Aliases, 'read'>,
  db: Db,
  id: AliasId,
): Promise<StoredAlias> {
  const found = await aliases.read(db, id)
  if (found !== undefined) return found
  throw new KmsError('NotFoundException', `Alias ${aliasArn(id.accountId, id.region, id.name)} is not found.`)
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

  async function create(tx: Transition, id: AliasId, target: StoredKey): Promise<void> {
    const { accountId, region, name } = id
    const at = now()
    await store.rows.insert(tx, 'aliases', {
      account_id: accountId,
      region,
      name,
      key_id: target.key.keyId,
      created_at: at,
      updated_at: at,
    })
    tx.changed('alias', aliasEntityId(id))
    await setNames(tx, target, [...target.key.aliasNames, name].sort())
  }

  const move: Aliases['move'] = async (tx, { alias, row }, from, to) => {
    await store.rows.update(tx, 'aliases', row, { key_id: to.key.keyId, updated_at: now() })
    tx.changed('alias', aliasEntityId(alias))
    if (from.key.keyId === to.key.keyId) return
    await setNames(tx, from, without(from.key, alias.name))
    await setNames(tx, to, [...to.key.aliasNames, alias.name].sort())
  }

  const remove: Aliases['remove'] = async (tx, { alias, row }, target) => {
    await store.rows.remove(tx, 'aliases', row)
    tx.changed('alias', aliasEntityId(alias))
    await setNames(tx, target, without(target.key, alias.name))
  }

  async function setNames(tx: Transition, { key, row }: StoredKey, names: readonly string[]): Promise<void> {
    await store.rows.update(tx, 'kms_keys', row, { alias_names: JSON.stringify(names) })
    tx.changed('key', keyEntityId(key.region, key.keyId))
  }

  return {
    load: (id) => cache.get(aliasEntityId(id)),
    find: (id) => cache.find(aliasEntityId(id)),
    read,
    list,
    create,
    move,
    remove,
    cache,
  }
}

function without({ aliasNames }: KmsKey, gone: string): readonly string[] {
  return aliasNames.filter((name) => name !== gone)
}

/** The name under which an alias stands in the change feed and in the cache. */
export function aliasEntityId({ accountId, region, name }: AliasId): string {
  return `${accountId}/${region}/${name}`
}
