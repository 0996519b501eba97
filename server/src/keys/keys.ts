import type { KeyObject } from 'node:crypto'
import type { KeyForm } from '../crypto/key-form.ts'
import type { KeyEngine } from '../crypto/key-engine.ts'
import type { Material } from '../crypto/material.ts'
import type { RandomSource } from '../crypto/random.ts'
import { identityBytes, unwrapKey, wrapKey } from '../crypto/wrap.ts'
import type { Db } from '../store/db.ts'
import { CoherentCache, type CacheEntry } from '../store/coherent-cache.ts'
import type { KeyMaterialRow, KmsKeyRow } from '../store/schema.ts'
import type { Store, Transition } from '../store/store.ts'
import { aliasEntityId } from './aliases.ts'
import { DomainKeyMissingError, type DomainKeys } from './domain-keys.ts'
import { destroyGrants } from './grants.ts'
import {
  keyEntityId,
  keyFromRow,
  quarantineToText,
  tagsToText,
  type KmsKey,
  type Quarantine,
  type StoredKey,
  type Tag,
} from './key.ts'
import { nextRotationMs, type KeyRotation, type MaterialVersion, type RotationType } from './key-rotation.ts'
import { factsOf, materialUse, type KeySpec, type KeyUsage } from './specs.ts'
import { bindingsToText, createStoredPolicies } from './stored-policies.ts'

/** A key ready for use: what it is, and its material by id. */
export interface LoadedKey {
  readonly key: KmsKey
  /** The current one: what seals, and opens most of what there is to open. */
  readonly material: Material
}

/** What changes of a key; the rest is fixed at its creation. */
export type KeyChange = Partial<Pick<KmsKey, 'state' | 'description' | 'tags'>> & {
  policy?: { readonly text: string; readonly bindings: ReadonlyMap<string, string> }
  /** Null takes the date away. */
  deletion?: { readonly atMs: number; readonly windowDays: number } | null
  /** Null ends automatic rotation. */
  rotation?: KeyRotation | null
  /** Null releases the key. */
  quarantine?: Quarantine | null
}

export interface NewKey {
  readonly keyId: string
  readonly accountId: string
  readonly region: string
  readonly spec: KeySpec
  readonly usage: KeyUsage
  readonly description: string
  readonly policy: string
  /** The unique ids of the principals that the policy names, by ARN. */
  readonly policyBindings?: ReadonlyMap<string, string>
  readonly tags: readonly Tag[]
  readonly rotation?: KeyRotation
  /** Whose key it is: the customer's when nothing is said. */
  readonly manager?: KmsKey['manager']
}

/** A key for which the time has come, as the database has it, authentic or not. */
export interface DueKey {
  readonly region: string
  readonly keyId: string
  readonly atMs: number
}

/** KMS keys in the store and, loaded for use, in the cache. */
export interface Keys {
  /** For use: from the cache when it is there. The entry tells later whether it still holds. */
  load(region: string, keyId: string): Promise<CacheEntry<LoadedKey> | undefined>
  /** The same without waiting: undefined when it is not in the cache. */
  find(region: string, keyId: string): CacheEntry<LoadedKey> | undefined
  /** Material of a key other than the current one, which `load` brings. */
  olderMaterial(key: KmsKey, materialId: string): Promise<Material | undefined>
  /** For management: always from the store. */
  read(db: Db, region: string, keyId: string): Promise<StoredKey | undefined>
  /** One page of an account's key ids in a Region, in order, after `afterKeyId`. */
  list(accountId: string, region: string, afterKeyId: string, limit: number): Promise<string[]>
  /**
   * One page of the keys whose deletion is due, oldest first, after `after`. The rows are not checked: whoever acts on
   * one reads it, so that an edited row stands in the way of no other.
   */
  dueDeletions(nowMs: number, limit: number, after?: DueKey): Promise<DueKey[]>
  /** When the next deletion after that time is due. */
  nextDeletion(afterMs: number): Promise<number | undefined>
  /** The same for keys that are to be rotated; one that cannot be used is rotated when it can be again. */
  dueRotations(nowMs: number, limit: number, after?: DueKey): Promise<DueKey[]>
  nextRotation(afterMs: number): Promise<number | undefined>
  /**
   * New material for a key that is about to be made. Some of it takes a second, so it is made before the transition, which
   * may be run more than once; `create` keeps it wrapped, and who asked for it wipes it.
   *
   * @throws TooManyWaiting
   */
  newMaterial(spec: KeySpec, accountId: string): Promise<Buffer>
  create(tx: Transition, key: NewKey, material: Buffer): Promise<KmsKey>
  change(tx: Transition, stored: StoredKey, change: KeyChange): Promise<KmsKey>
  /** Gives a key new material, with which it seals from then on; what sealed before still opens. */
  rotate(tx: Transition, stored: StoredKey, type: RotationType, material: Buffer): Promise<KmsKey>
  /** All material that a key has and had, the first one first. */
  materials(db: Db, key: KmsKey): Promise<MaterialVersion[]>
  /** Takes away the key, its material, its aliases and its grants, for ever. */
  destroy(tx: Transition, stored: StoredKey): Promise<void>
  readonly cache: { readonly hits: number; readonly misses: number; readonly size: number }
}

// Random, so that a material's name tells nothing about it.
const MATERIAL_ID_BYTES = 32
const OLDER_MATERIALS_KEPT = 100

/**
 * What a key holds of memory while it is loaded, in symmetric keys of some 4 KiB (Node 26.10, 2026-11): OpenSSL keeps the
 * matrices of the lattice keys, up to 40 KiB.
 */
const WEIGHTS: Readonly<Record<KeyForm['type'], number>> = {
  secret: 1,
  ed25519: 2,
  ec: 2,
  sm2: 2,
  rsa: 2,
  'ml-kem': 5,
  'ml-dsa': 12,
}

/** The additional data that binds wrapped material to the key that it belongs to. */
export function materialIdentity(
  row: Pick<KeyMaterialRow, 'account_id' | 'region' | 'key_id' | 'material_id' | 'domain_key_number'>,
): Buffer {
  return identityBytes(
    'keywright/material/v1',
    row.account_id,
    row.region,
    row.key_id,
    row.material_id,
    row.domain_key_number,
  )
}

export function createKeys(parts: {
  store: Store
  domainKeys: DomainKeys
  engine: KeyEngine
  random: RandomSource
  now: () => number
  cacheLimit: number
}): Keys {
  const { store, domainKeys, engine, random, now } = parts
  const cache = new CoherentCache<LoadedKey>({
    feed: store.feed,
    kind: 'key',
    limit: parts.cacheLimit,
    weightOf: ({ key }) => WEIGHTS[factsOf(key.spec).form.type],
    load: async (id) => {
      const slash = id.indexOf('/')
      return loadKey(id.slice(0, slash), id.slice(slash + 1))
    },
  })
  const readPolicy = createStoredPolicies()

  async function read(db: Db, region: string, keyId: string): Promise<StoredKey | undefined> {
    const row = await db
      .selectFrom('kms_keys')
      .selectAll()
      .where('region', '=', region)
      .where('key_id', '=', keyId)
      .executeTakeFirst()
    if (row === undefined) return undefined
    store.rows.check('kms_keys', row)
    const aliasNames = row.alias_names === null ? await aliasNamesOf(db, row) : undefined
    return { row, key: keyFromRow(row, readPolicy, aliasNames) }
  }

  /** For a key whose row is from before it held them. */
  async function aliasNamesOf(db: Db, { account_id, region, key_id }: KmsKeyRow): Promise<string[]> {
    const rows = await db
      .selectFrom('aliases')
      .selectAll()
      .where('account_id', '=', account_id)
      .where('region', '=', region)
      .where('key_id', '=', key_id)
      .orderBy('name')
      .execute()
    return rows.map((row) => store.rows.check('aliases', row).name)
  }

  async function loadKey(region: string, keyId: string): Promise<LoadedKey | undefined> {
    const found = await read(store.db, region, keyId)
    if (found === undefined) return undefined
    const { key } = found
    const material = await olderMaterial(key, key.currentMaterialId)
    // A deletion between the two reads: the feed has it, and the cache loads once more.
    return material === undefined ? undefined : { key, material }
  }

  async function olderMaterial(key: KmsKey, materialId: string): Promise<Material | undefined> {
    let row = await materialRow(key, materialId)
    if (row === undefined) return undefined
    let domainKey: KeyObject
    try {
      domainKey = await domainKeyOf(row)
    } catch (error) {
      if (!(error instanceof DomainKeyMissingError)) throw error
      // Between the two reads a rotation may have wrapped the material anew and destroyed the former domain key.
      const again = await materialRow(key, materialId)
      if (again === undefined) return undefined
      if (again.domain_key_number === row.domain_key_number) throw error
      row = again
      domainKey = await domainKeyOf(row)
    }
    const bytes = unwrapKey(domainKey, row.wrapped, materialIdentity(row))
    try {
      return engine.material({
        ids: { keyId: key.keyId, materialId },
        form: factsOf(key.spec).form,
        use: materialUse(key.spec, key.usage),
        bytes,
        owner: key.accountId,
      })
    } finally {
      bytes.fill(0)
    }
  }

  /** Kept with the key as it was loaded, and so dropped with it when something of it changes. */
  const olderMaterials = new WeakMap<KmsKey, Map<string, Material>>()

  async function keptOlderMaterial(key: KmsKey, materialId: string): Promise<Material | undefined> {
    const kept = olderMaterials.get(key)?.get(materialId)
    if (kept !== undefined) return kept
    const material = await olderMaterial(key, materialId)
    if (material === undefined) return undefined
    const ofKey = olderMaterials.get(key) ?? new Map<string, Material>()
    // A key has as many as it was rotated, and an edited database may have more.
    if (ofKey.size < OLDER_MATERIALS_KEPT) olderMaterials.set(key, ofKey.set(materialId, material))
    return material
  }

  async function materialRow(
    { region, keyId }: KmsKey,
    materialId: string,
  ): Promise<KeyMaterialRow | undefined> {
    const row = await store.db
      .selectFrom('key_materials')
      .selectAll()
      .where('region', '=', region)
      .where('key_id', '=', keyId)
      .where('material_id', '=', materialId)
      .executeTakeFirst()
    return row && store.rows.check('key_materials', row)
  }

  function domainKeyOf(row: KeyMaterialRow): Promise<KeyObject> {
    return domainKeys.open(store.db, {
      accountId: row.account_id,
      region: row.region,
      number: row.domain_key_number,
    })
  }

  async function list(
    accountId: string,
    region: string,
    afterKeyId: string,
    limit: number,
  ): Promise<string[]> {
    const rows = await store.db
      .selectFrom('kms_keys')
      .select('key_id')
      .where('account_id', '=', accountId)
      .where('region', '=', region)
      .where('key_id', '>', afterKeyId)
      .orderBy('key_id')
      .limit(limit)
      .execute()
    return rows.map((row) => row.key_id)
  }

  function due(column: 'deletion_at' | 'rotation_at', nowMs: number, limit: number, after?: DueKey) {
    let query = store.db
      .selectFrom('kms_keys')
      .select(['region', 'key_id', `${column} as at`])
      .where(column, '<=', nowMs)
    if (after !== undefined) {
      const { atMs, region, keyId } = after
      query = query.where(({ eb, refTuple, tuple }) =>
        eb(refTuple(column, 'region', 'key_id'), '>', tuple(atMs, region, keyId)),
      )
    }
    return query.orderBy(column).orderBy('region').orderBy('key_id').limit(limit)
  }

  async function dueKeys(query: ReturnType<typeof due>): Promise<DueKey[]> {
    const rows = await query.execute()
    return rows.map(({ region, key_id, at }) => ({ region, keyId: key_id, atMs: Number(at) }))
  }

  async function next(column: 'deletion_at' | 'rotation_at', afterMs: number): Promise<number | undefined> {
    const row = await store.db
      .selectFrom('kms_keys')
      .select(`${column} as at`)
      .where(column, '>', afterMs)
      .orderBy(column)
      .limit(1)
      .executeTakeFirst()
    return row?.at ?? undefined
  }

  async function create(tx: Transition, key: NewKey, bytes: Buffer): Promise<KmsKey> {
    const { accountId, region, keyId } = key
    const material = await keep(tx, key, bytes)
    const materialId = material.material_id
    const row = await store.rows.insert(tx, 'kms_keys', {
      region,
      key_id: keyId,
      account_id: accountId,
      state: 'Enabled',
      description: key.description,
      key_spec: key.spec,
      key_usage: key.usage,
      origin: 'AWS_KMS',
      multi_region: 0,
      key_manager: key.manager ?? 'CUSTOMER',
      created_at: material.created_at,
      deletion_at: null,
      pending_window_days: null,
      current_material_id: materialId,
      policy: key.policy,
      policy_bindings: key.policyBindings ? bindingsToText(key.policyBindings) : null,
      tags: tagsToText(key.tags),
      alias_names: '[]',
      ...(key.rotation && rotationColumns(key.rotation)),
    })
    tx.changed('key', keyEntityId(region, keyId))
    return keyFromRow(row, readPolicy)
  }

  /** Stores material under the newest domain key. */
  async function keep(
    tx: Transition,
    { accountId, region, keyId }: Pick<KmsKey, 'accountId' | 'region' | 'keyId'>,
    bytes: Buffer,
    rotationType?: RotationType,
  ): Promise<KeyMaterialRow> {
    const domainKey = await domainKeys.current(tx, accountId, region)
    const createdAtMs = now()
    const row = {
      region,
      key_id: keyId,
      material_id: random.bytes(MATERIAL_ID_BYTES).toString('hex'),
      account_id: accountId,
      domain_key_number: domainKey.number,
      created_at: createdAtMs,
      rotated_at: rotationType === undefined ? null : createdAtMs,
      rotation_type: rotationType ?? null,
    }
    const wrapped = wrapKey(domainKey.key, bytes, materialIdentity(row))
    return await store.rows.insert(tx, 'key_materials', { ...row, wrapped })
  }

  async function rotate(
    tx: Transition,
    { row, key }: StoredKey,
    type: RotationType,
    bytes: Buffer,
  ): Promise<KmsKey> {
    const material = await keep(tx, key, bytes, type)
    const { rotation } = key
    const changed = await store.rows.update(tx, 'kms_keys', row, {
      current_material_id: material.material_id,
      ...(type === 'AUTOMATIC' && rotation && rotationColumns({ ...rotation, fromMs: material.created_at })),
    })
    tx.changed('key', keyEntityId(key.region, key.keyId))
    return keyFromRow(changed, readPolicy, key.aliasNames)
  }

  async function materials(db: Db, { region, keyId }: KmsKey): Promise<MaterialVersion[]> {
    const rows = await db
      .selectFrom('key_materials')
      .selectAll()
      .where('region', '=', region)
      .where('key_id', '=', keyId)
      .execute()
    const versions = rows.map((row) => {
      const { material_id, rotated_at, rotation_type } = store.rows.check('key_materials', row)
      const rotation =
        rotated_at === null ? undefined : { type: rotation_type as RotationType, atMs: rotated_at }
      return { materialId: material_id, rotation }
    })
    return versions.sort(
      (a, b) => (a.rotation?.atMs ?? -1) - (b.rotation?.atMs ?? -1) || (a.materialId < b.materialId ? -1 : 1),
    )
  }

  async function change(tx: Transition, { row, key }: StoredKey, wanted: KeyChange): Promise<KmsKey> {
    const { deletion, policy, quarantine, rotation, tags, ...columns } = wanted
    const changed = await store.rows.update(tx, 'kms_keys', row, {
      ...columns,
      ...(policy && { policy: policy.text, policy_bindings: bindingsToText(policy.bindings) }),
      ...(quarantine !== undefined && { quarantine: quarantineToText(quarantine) }),
      ...(tags && { tags: tagsToText(tags) }),
      ...(rotation !== undefined && rotationColumns(rotation)),
      ...(deletion !== undefined && {
        deletion_at: deletion?.atMs ?? null,
        pending_window_days: deletion?.windowDays ?? null,
      }),
    })
    tx.changed('key', keyEntityId(key.region, key.keyId))
    return keyFromRow(changed, readPolicy, key.aliasNames)
  }

  async function destroy(tx: Transition, { row, key }: StoredKey): Promise<void> {
    const { accountId, region, keyId } = key
    const aliases = await tx.db
      .deleteFrom('aliases')
      .where('account_id', '=', accountId)
      .where('region', '=', region)
      .where('key_id', '=', keyId)
      .returning('name')
      .execute()
    for (const { name } of aliases) tx.changed('alias', aliasEntityId({ accountId, region, name }))
    await destroyGrants(tx, key)
    await tx.db.deleteFrom('key_materials').where('region', '=', region).where('key_id', '=', keyId).execute()
    await store.rows.remove(tx, 'kms_keys', row)
    tx.changed('key', keyEntityId(region, keyId))
  }

  return {
    load: (region, keyId) => cache.get(keyEntityId(region, keyId)),
    find: (region, keyId) => cache.find(keyEntityId(region, keyId)),
    olderMaterial: keptOlderMaterial,
    read,
    list,
    dueDeletions: (nowMs, limit, after) => dueKeys(due('deletion_at', nowMs, limit, after)),
    nextDeletion: (afterMs) => next('deletion_at', afterMs),
    dueRotations: (nowMs, limit, after) =>
      dueKeys(due('rotation_at', nowMs, limit, after).where('state', '=', 'Enabled')),
    nextRotation: (afterMs) => next('rotation_at', afterMs),
    newMaterial: (spec, accountId) => engine.generate(factsOf(spec).form, accountId),
    create,
    change,
    rotate,
    materials,
    destroy,
    cache,
  }
}

function rotationColumns(rotation: KeyRotation | null) {
  return {
    rotation_period_days: rotation?.periodDays ?? null,
    rotation_from: rotation?.fromMs ?? null,
    rotation_at: rotation && nextRotationMs(rotation),
  }
}
