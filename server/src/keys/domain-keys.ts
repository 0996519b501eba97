import { createSecretKey, type KeyObject } from 'node:crypto'
import type { RandomSource } from '../crypto/random.ts'
import type { RootKey } from '../crypto/root-key.ts'
import { identityBytes } from '../crypto/wrap.ts'
import type { Db } from '../store/db.ts'
import type { Store, Transition } from '../store/store.ts'

/**
 * Domain keys stand between the root key and key material, one line of them for each account and
 * Region. The newest wraps new material; older ones open what they wrapped.
 *
 * @see docs/adr/0004-key-hierarchy-and-ciphertext.md
 */
export interface DomainKeys {
  /** The newest domain key of an account and Region; the first one is made inside the transition. */
  current(tx: Transition, accountId: string, region: string): Promise<DomainKey>
  /** @throws DomainKeyMissingError */
  open(db: Db, id: DomainKeyId): Promise<KeyObject>
  /** Makes a new newest domain key. */
  add(tx: Transition, accountId: string, region: string): Promise<DomainKey>
  /** Lets go of the domain's keys with a lower number than this: they were destroyed. */
  forgetBelow(id: DomainKeyId): void
}

export interface DomainKey {
  readonly number: number
  readonly key: KeyObject
}

export interface DomainKeyId {
  readonly accountId: string
  readonly region: string
  readonly number: number
}

/** Destroyed by a rotation, after which nothing is wrapped under it; or the database is damaged. */
export class DomainKeyMissingError extends Error {
  override name = 'DomainKeyMissingError'
}

/** The root key moved under a running process: another one rotated it. */
class RootKeyMovedError extends Error {
  constructor() {
    super('the root key was rotated by another process; restart this one with the new root key')
    this.name = 'RootKeyMovedError'
  }
}

const DOMAIN_KEY_BYTES = 32

/** The additional data that binds a wrapped domain key to its place. */
export function domainKeyIdentity({ accountId, region, number }: DomainKeyId): Buffer {
  return identityBytes('keywright/domain-key/v1', accountId, region, number)
}

export function createDomainKeys(parts: {
  store: Store
  rootKey: () => RootKey
  random: RandomSource
  now: () => number
}): DomainKeys {
  const { store, rootKey, random, now } = parts
  // A domain key never changes once it is made, so what was opened stays true until it is destroyed.
  const opened = new Map<string, Map<number, KeyObject>>()
  // The lowest number that was not destroyed: one that was being opened meanwhile is not kept.
  const lowest = new Map<string, number>()
  const domainOf = ({ accountId, region }: DomainKeyId) => `${accountId}/${region}`

  async function open(db: Db, id: DomainKeyId): Promise<KeyObject> {
    const known = opened.get(domainOf(id))?.get(id.number)
    if (known !== undefined) return known
    const row = await db
      .selectFrom('domain_keys')
      .selectAll()
      .where('account_id', '=', id.accountId)
      .where('region', '=', id.region)
      .where('number', '=', id.number)
      .executeTakeFirst()
    if (row === undefined)
      throw new DomainKeyMissingError(`domain key ${domainOf(id)}/${id.number} is missing from the database`)
    const bytes = await rootKey().unwrap(row.wrapped, domainKeyIdentity(id))
    // What a transaction reads it may have written itself: if it fails, another key takes this number.
    return db.isTransaction ? takenIn(bytes) : remember(id, takenIn(bytes))
  }

  async function add(tx: Transition, accountId: string, region: string): Promise<DomainKey> {
    await requireSameRootKey(tx)
    const newest = await newestNumber(tx, accountId, region)
    const id = { accountId, region, number: (newest ?? 0) + 1 }
    const bytes = random.bytes(DOMAIN_KEY_BYTES)
    const root = rootKey()
    await tx.db
      .insertInto('domain_keys')
      .values({
        account_id: accountId,
        region,
        number: id.number,
        wrapped: await root.wrap(bytes, domainKeyIdentity(id)),
        root_key_id: root.id,
        created_at: now(),
      })
      .execute()
    // Not remembered: the transition may yet fail, and another key take this number.
    return { number: id.number, key: takenIn(bytes) }
  }

  async function current(tx: Transition, accountId: string, region: string): Promise<DomainKey> {
    const number = await newestNumber(tx, accountId, region)
    if (number === undefined) return add(tx, accountId, region)
    return { number, key: await open(tx.db, { accountId, region, number }) }
  }

  async function newestNumber(
    tx: Transition,
    accountId: string,
    region: string,
  ): Promise<number | undefined> {
    const row = await tx.db
      .selectFrom('domain_keys')
      .select('number')
      .where('account_id', '=', accountId)
      .where('region', '=', region)
      .orderBy('number', 'desc')
      .limit(1)
      .executeTakeFirst()
    return row?.number
  }

  // A process that still holds the old root key must not wrap anything under it.
  async function requireSameRootKey(tx: Transition): Promise<void> {
    const row = await tx.db.selectFrom('deployment').selectAll().executeTakeFirstOrThrow()
    if (store.rows.check('deployment', row).root_key_id !== rootKey().id) throw new RootKeyMovedError()
  }

  function remember(id: DomainKeyId, key: KeyObject): KeyObject {
    const domain = domainOf(id)
    if (id.number < (lowest.get(domain) ?? 0)) return key
    const keys = opened.get(domain) ?? new Map<number, KeyObject>()
    opened.set(domain, keys.set(id.number, key))
    return key
  }

  function forgetBelow(id: DomainKeyId): void {
    const domain = domainOf(id)
    lowest.set(domain, Math.max(id.number, lowest.get(domain) ?? 0))
    const keys = opened.get(domain)
    for (const number of Array.from(keys?.keys() ?? [])) if (number < id.number) keys?.delete(number)
  }

  return { current, open, add, forgetBelow }
}

/** As an object that does not show its bytes; those given are wiped. */
function takenIn(bytes: Buffer): KeyObject {
  const key = createSecretKey(bytes)
  bytes.fill(0)
  return key
}
