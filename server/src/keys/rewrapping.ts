import type { RootKey } from '../crypto/root-key.ts'
import { unwrapKey, wrapKey } from '../crypto/wrap.ts'
import type { Store, Transition } from '../store/store.ts'
import { domainKeyIdentity, type DomainKeys } from './domain-keys.ts'
import { keyEntityId } from './key.ts'
import { isShredded, materialIdentity } from './materials.ts'
import { systemKeyIdentity } from './system-keys.ts'

/**
 * Wraps everything that one root key holds under another one, inside the transition that also names
 * the new root key: after a crash either all of it is under the old one or all of it under the new.
 *
 * @returns how many keys were wrapped anew
 */
export async function rewrapUnderRoot(tx: Transition, from: RootKey, to: RootKey): Promise<number> {
  const systemRows = await tx.db.selectFrom('system_keys').selectAll().execute()
  for (const { name, wrapped } of systemRows) {
    const identity = systemKeyIdentity(name)
    const bytes = await from.unwrap(wrapped, identity)
    const rewrapped = await to.wrap(bytes, identity)
    bytes.fill(0)
    await tx.db
      .updateTable('system_keys')
      .set({ wrapped: rewrapped, root_key_id: to.id })
      .where('name', '=', name)
      .execute()
    tx.erases({ bytes: [wrapped] })
  }
  const domainRows = await tx.db.selectFrom('domain_keys').selectAll().execute()
  for (const row of domainRows) {
    const identity = domainKeyIdentity({ accountId: row.account_id, region: row.region, number: row.number })
    const bytes = await from.unwrap(row.wrapped, identity)
    const rewrapped = await to.wrap(bytes, identity)
    bytes.fill(0)
    await tx.db
      .updateTable('domain_keys')
      .set({ wrapped: rewrapped, root_key_id: to.id })
      .where('account_id', '=', row.account_id)
      .where('region', '=', row.region)
      .where('number', '=', row.number)
      .execute()
    tx.erases({ bytes: [row.wrapped] })
  }
  return systemRows.length + domainRows.length
}

/** An account and Region, and the newest domain key that they have. */
export interface Domain {
  readonly accountId: string
  readonly region: string
  readonly number: number
}

export async function listDomains(store: Store): Promise<Domain[]> {
  const rows = await store.db
    .selectFrom('domain_keys')
    .select(['account_id', 'region'])
    .select(({ fn }) => fn.max('number').as('number'))
    .groupBy(['account_id', 'region'])
    .orderBy('account_id')
    .orderBy('region')
    .execute()
  return rows.map((row) => ({ accountId: row.account_id, region: row.region, number: Number(row.number) }))
}

/**
 * Wraps up to `limit` pieces of key material that are under an older domain key under the newest
 * one. When none is left, the older domain keys are destroyed.
 *
 * @returns how many were wrapped anew; 0 when the domain is done
 */
export async function rewrapMaterialBatch(
  tx: Transition,
  parts: { store: Store; domainKeys: DomainKeys },
  { accountId, region }: Domain,
  limit: number,
): Promise<number> {
  const { store, domainKeys } = parts
  const newest = await domainKeys.current(tx, accountId, region)
  const rows = await tx.db
    .selectFrom('key_materials')
    .selectAll()
    .where('account_id', '=', accountId)
    .where('region', '=', region)
    .where('domain_key_number', '<', newest.number)
    .limit(limit)
    .execute()
  for (const row of rows) {
    store.rows.check('key_materials', row)
    if (isShredded(row)) {
      await store.rows.update(tx, 'key_materials', row, { domain_key_number: newest.number })
      continue
    }
    const older = await domainKeys.open(tx.db, { accountId, region, number: row.domain_key_number })
    const bytes = unwrapKey(older, row.wrapped, materialIdentity(row))
    const moved = { ...row, domain_key_number: newest.number }
    const wrapped = wrapKey(newest.key, bytes, materialIdentity(moved))
    bytes.fill(0)
    await store.rows.update(tx, 'key_materials', row, { domain_key_number: newest.number, wrapped })
    tx.erases({ bytes: [row.wrapped] })
    tx.changed('key', keyEntityId(region, row.key_id))
  }
  if (rows.length === 0) {
    const destroyed = await tx.db
      .deleteFrom('domain_keys')
      .where('account_id', '=', accountId)
      .where('region', '=', region)
      .where('number', '<', newest.number)
      .returning('wrapped')
      .execute()
    tx.erases({ bytes: destroyed.map(({ wrapped }) => wrapped) })
  }
  return rows.length
}
