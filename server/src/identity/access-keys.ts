import { createSecretKey, type KeyObject } from 'node:crypto'
import type { RandomSource } from '../crypto/random.ts'
import { identityBytes, unwrapKey, wrapKey } from '../crypto/wrap.ts'
import { CoherentCache, type CacheEntry } from '../store/coherent-cache.ts'
import type { AccessKeyRow } from '../store/rows/identity-rows.ts'
import type { Store, Transition } from '../store/store.ts'
import type { Db } from '../store/db.ts'
import { newUniqueId } from './unique-ids.ts'

/** What everybody may know of an access key. */
export interface AccessKey {
  readonly accessKeyId: string
  readonly accountId: string
  /** `root`, or the unique id of the user whose it is. */
  readonly principal: string
  readonly status: 'Active' | 'Inactive'
  readonly createdAtMs: number
}

/** An active access key, ready to verify signatures. */
export interface Credential {
  readonly accessKey: AccessKey
  /** `AWS4` and the secret access key: where SigV4's key derivation begins. */
  readonly signingSecret: KeyObject
}

export interface AccessKeys {
  /** From the cache, without waiting. */
  find(accessKeyId: string): CacheEntry<Credential> | undefined
  /** Undefined when there is none of that id; an inactive one is found. */
  load(accessKeyId: string): Promise<CacheEntry<Credential> | undefined>
  read(accessKeyId: string, db?: Db): Promise<StoredAccessKey | undefined>
  list(accountId?: string): Promise<AccessKey[]>
  /** Of `root` or of one user, the oldest first; at most a few. */
  listOf(db: Db, accountId: string, principal: string): Promise<StoredAccessKey[]>
  /** The secret is returned once and never again. */
  create(tx: Transition, key: NewAccessKey): Promise<AccessKey>
  setStatus(tx: Transition, stored: StoredAccessKey, status: AccessKey['status']): Promise<void>
  remove(tx: Transition, stored: StoredAccessKey): Promise<void>
  /** The secret access key, for the one place that must hold it against a setting. */
  secretOf(stored: StoredAccessKey): string
  readonly cache: { readonly hits: number; readonly misses: number; readonly size: number }
}

export interface NewAccessKey {
  readonly accountId: string
  /** The unique id of a user; the root user when absent. */
  readonly principal?: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

export interface StoredAccessKey {
  readonly accessKey: AccessKey
  readonly row: AccessKeyRow
}

/** An id as AWS makes them: AKIA and sixteen letters and digits. */
export function newAccessKeyId(random: RandomSource): string {
  return newUniqueId('AKIA', random)
}

/** Forty characters, as AWS's are: 240 bits. */
export function newSecretAccessKey(random: RandomSource): string {
  return random.bytes(30).toString('base64')
}

export function createAccessKeys(parts: {
  store: Store
  /** Wraps the secrets; below the root key. */
  secretsKey: KeyObject
  now: () => number
  cacheLimit: number
}): AccessKeys {
  const { store, secretsKey, now } = parts
  const cache = new CoherentCache<Credential>({
    feed: store.feed,
    kind: 'access-key',
    limit: parts.cacheLimit,
    load: async (accessKeyId) => {
      const stored = await read(accessKeyId)
      if (stored === undefined) return undefined
      const secret = unwrapSecret(stored.row)
      const prefixed = Buffer.concat([Buffer.from('AWS4'), secret])
      secret.fill(0)
      const signingSecret = createSecretKey(prefixed)
      prefixed.fill(0)
      return { accessKey: stored.accessKey, signingSecret }
    },
  })

  async function read(accessKeyId: string, db: Db = store.db): Promise<StoredAccessKey | undefined> {
    const row = await db
      .selectFrom('access_keys')
      .selectAll()
      .where('access_key_id', '=', accessKeyId)
      .executeTakeFirst()
    return row && { row, accessKey: fromRow(row) }
  }

  function fromRow(row: AccessKeyRow): AccessKey {
    store.rows.check('access_keys', row)
    return {
      accessKeyId: row.access_key_id,
      accountId: row.account_id,
      principal: principalOf(row),
      // Whatever is not plainly active does not open anything.
      status: row.status === 'Active' ? 'Active' : 'Inactive',
      createdAtMs: row.created_at,
    }
  }

  function unwrapSecret(row: AccessKeyRow): Buffer {
    return unwrapKey(secretsKey, row.wrapped_secret, secretIdentity(row.account_id, row.access_key_id))
  }

  async function list(accountId?: string): Promise<AccessKey[]> {
    let query = store.db.selectFrom('access_keys').selectAll()
    if (accountId !== undefined) query = query.where('account_id', '=', accountId)
    const rows = await query.orderBy('account_id').orderBy('access_key_id').execute()
    return rows.map(fromRow)
  }

  async function create(tx: Transition, key: NewAccessKey): Promise<AccessKey> {
    const { accountId, accessKeyId } = key
    const secret = Buffer.from(key.secretAccessKey, 'utf8')
    const row = await store.rows.insert(tx, 'access_keys', {
      access_key_id: accessKeyId,
      account_id: accountId,
      principal: key.principal === undefined ? 'root' : 'user',
      user_id: key.principal ?? null,
      status: 'Active',
      wrapped_secret: wrapKey(secretsKey, secret, secretIdentity(accountId, accessKeyId)),
      created_at: now(),
    })
    secret.fill(0)
    tx.changed('access-key', accessKeyId)
    return fromRow(row)
  }

  async function listOf(db: Db, accountId: string, principal: string): Promise<StoredAccessKey[]> {
    const rows = await db
      .selectFrom('access_keys')
      .selectAll()
      .where('account_id', '=', accountId)
      .where(({ eb }) =>
        principal === 'root' ? eb('principal', '=', 'root') : eb('user_id', '=', principal),
      )
      .orderBy('created_at')
      .orderBy('access_key_id')
      .execute()
    return rows.map((row) => ({ row, accessKey: fromRow(row) }))
  }

  return {
    find: (accessKeyId) => cache.find(accessKeyId),
    load: (accessKeyId) => cache.get(accessKeyId),
    read,
    list,
    listOf,
    create,
    async setStatus(tx, { row }, status) {
      await store.rows.update(tx, 'access_keys', row, { status })
      tx.changed('access-key', row.access_key_id)
    },
    async remove(tx, { row }) {
      await store.rows.remove(tx, 'access_keys', row)
      tx.changed('access-key', row.access_key_id)
    },
    secretOf: ({ row }) => unwrapSecret(row).toString('utf8'),
    cache,
  }
}

/** What is neither plainly root's nor some user's is nobody's. */
function principalOf({ access_key_id, principal, user_id }: AccessKeyRow): string {
  if (principal === 'root' && user_id === null) return 'root'
  if (principal === 'user' && user_id !== null) return user_id
  throw new Error(`access key ${access_key_id} holds a principal that this release does not know`)
}

function secretIdentity(accountId: string, accessKeyId: string): Buffer {
  return identityBytes('keywright/secret-access-key/v1', accountId, accessKeyId)
}
