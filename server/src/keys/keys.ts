import type { KeyForm } from '../crypto/key-form.ts'
import type { KeyEngine } from '../crypto/key-engine.ts'
import type { Material } from '../crypto/material.ts'
import type { RandomSource } from '../crypto/random.ts'
import type { Db } from '../store/db.ts'
import { CoherentCache, type CacheEntry } from '../store/coherent-cache.ts'
import type { KmsKeyRow } from '../store/rows/key-rows.ts'
import type { Store, Transition } from '../store/store.ts'
import { aliasEntityId } from './aliases.ts'
import type { DomainKeys } from './domain-keys.ts'
import type { KeyChange, NewKey } from './key-change.ts'
import { destroyGrants } from './grants.ts'
import {
  keyEntityId,
  keyFromRow,
  multiRegionType,
  quarantineToText,
  tagsToText,
  type KmsKey,
  type MultiRegion,
  type StoredKey,
} from './key.ts'
import { destroyKeyUses } from './key-uses.ts'
import { nextRotationMs, type KeyRotation, type RotationType } from './key-rotation.ts'
import { AWAITS_LINKED, materialVersion, type MaterialVersion } from './material-version.ts'
import { createMaterials, type Materials } from './materials.ts'
import { createKeySets, noLinkedRegions, type KeySets, type LinkedRegions } from './multi-region.ts'
import { factsOf, type KeySpec } from './specs.ts'
import { bindingsToText, createStoredPolicies } from './stored-policies.ts'

/** A key ready for use: what it is, and its material by id. */
export interface LoadedKey {
  readonly key: KmsKey
  /**
   * The current one: what seals, and opens most of what there is to open. A key that waits for material to be imported may
   * have none, nor one that is destroyed meanwhile.
   */
  readonly material: Material | undefined
}

/** A key for which the time has come, as the database has it, authentic or not. */
export interface DueKey {
  readonly region: string
  readonly keyId: string
  readonly atMs: number
}

export interface PendingRotation {
  readonly type: RotationType
  readonly sinceMs: number
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
  /** The same for multi-Region keys whose set is to be brought into agreement. */
  dueSyncs(nowMs: number, limit: number, after?: DueKey): Promise<DueKey[]>
  nextSync(afterMs: number): Promise<number | undefined>
  /**
   * New material for a key that is about to be made. Some of it takes a second, so it is made before the transition, which
   * may be run more than once; `create` keeps it wrapped, and who asked for it wipes it.
   *
   * @throws TooManyWaiting
   */
  newMaterial(spec: KeySpec, accountId: string): Promise<Buffer>
  create(tx: Transition, key: NewKey, material: Buffer | undefined): Promise<KmsKey>
  change(tx: Transition, stored: StoredKey, change: KeyChange): Promise<KmsKey>
  /**
   * Gives a key new material, with which it and all keys of its set seal from then on; what sealed before still opens.
   * Of a set it is the primary key. With keys in linked deployments that is when all of them hold the material: until
   * then the key that is returned has the material that it had.
   */
  rotate(tx: Transition, stored: StoredKey, type: RotationType, material: Buffer): Promise<KmsKey>
  /** New material that linked deployments are to hold before it is the current one, and since when. */
  pendingRotation(db: Db, key: KmsKey): Promise<PendingRotation | undefined>
  /** All material that a key has and had, the first one first. */
  versions(db: Db, key: KmsKey): Promise<MaterialVersion[]>
  /** The material rows themselves, for what imports and replicates. */
  readonly materials: Materials
  /** Takes away the key, its material, its aliases and its grants, for ever, and out of its set. */
  destroy(tx: Transition, stored: StoredKey): Promise<void>
  /** Multi-Region keys. */
  readonly sets: KeySets
  readonly cache: { readonly hits: number; readonly misses: number; readonly size: number }
}

/** The times of a key at which something is to be done with it. */
type DueColumn = 'deletion_at' | 'rotation_at' | 'sync_at'

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

export function createKeys(parts: {
  store: Store
  domainKeys: DomainKeys
  engine: KeyEngine
  random: RandomSource
  now: () => number
  cacheLimit: number
  linked?: LinkedRegions
}): Keys {
  const { store, engine, now, linked = noLinkedRegions } = parts
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
  const materials = createMaterials(parts)

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
    const { currentMaterialId } = key
    const material =
      currentMaterialId === undefined ? undefined : await materials.open(key, currentMaterialId)
    // A deletion between the two reads: the feed has it, and the cache loads once more.
    if (material === undefined && hasOwnMaterial(key)) return undefined
    return { key, material }
  }

  /** Kept with the key as it was loaded, and so dropped with it when something of it changes. */
  const olderMaterials = new WeakMap<KmsKey, Map<string, Material>>()

  async function olderMaterial(key: KmsKey, materialId: string): Promise<Material | undefined> {
    const kept = olderMaterials.get(key)?.get(materialId)
    if (kept !== undefined) return kept
    const material = await materials.open(key, materialId)
    if (material === undefined) return undefined
    const ofKey = olderMaterials.get(key) ?? new Map<string, Material>()
    // A key has as many as it was rotated, and an edited database may have more.
    if (ofKey.size < OLDER_MATERIALS_KEPT) olderMaterials.set(key, ofKey.set(materialId, material))
    return material
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

  function due(column: DueColumn, nowMs: number, limit: number, after?: DueKey) {
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

  async function next(column: DueColumn, afterMs: number): Promise<number | undefined> {
    const row = await store.db
      .selectFrom('kms_keys')
      .select(`${column} as at`)
      .where(column, '>', afterMs)
      .orderBy(column)
      .limit(1)
      .executeTakeFirst()
    return row?.at ?? undefined
  }

  async function create(tx: Transition, key: NewKey, bytes: Buffer | undefined): Promise<KmsKey> {
    const { accountId, region, keyId, multiRegion, origin = 'AWS_KMS' } = key
    const material = bytes && (await materials.insert(tx, key, bytes))
    const row = await store.rows.insert(tx, 'kms_keys', {
      region,
      key_id: keyId,
      account_id: accountId,
      state: key.state ?? (bytes === undefined ? 'PendingImport' : 'Enabled'),
      description: key.description,
      key_spec: key.spec,
      key_usage: key.usage,
      origin,
      multi_region: multiRegion === undefined ? 0 : 1,
      key_manager: key.manager ?? 'CUSTOMER',
      created_at: material?.created_at ?? now(),
      deletion_at: null,
      pending_window_days: null,
      current_material_id: material?.material_id ?? null,
      policy: key.policy,
      policy_bindings: key.policyBindings ? bindingsToText(key.policyBindings) : null,
      tags: tagsToText(key.tags),
      alias_names: '[]',
      ...(key.fingerprintKey && { fingerprint_key: key.fingerprintKey }),
      ...(key.rotation && rotationColumns(key.rotation, key)),
      ...(multiRegion && multiRegionColumns(multiRegion)),
      ...(key.syncAtMs !== undefined && { sync_at: key.syncAtMs }),
    })
    tx.changed('key', keyEntityId(region, keyId))
    return keyFromRow(row, readPolicy)
  }

  async function rotate(
    tx: Transition,
    stored: StoredKey,
    type: RotationType,
    bytes: Buffer,
  ): Promise<KmsKey> {
    const rotatedAtMs = now()
    if (await linked.spans(tx.db, stored.key)) {
      if ((await pendingRotation(tx.db, stored.key)) !== undefined) return stored.key
      await materials.insert(tx, stored.key, bytes, { rotation_type: type, pending_state: AWAITS_LINKED })
      await sets.share(tx, stored.key)
      return stored.key
    }
    const material = await materials.insert(tx, stored.key, bytes, {
      created_at: rotatedAtMs,
      rotated_at: rotatedAtMs,
      rotation_type: type,
    })
    const { rotation } = stored.key
    const rotated = await change(tx, stored, {
      currentMaterialId: material.material_id,
      ...(type === 'AUTOMATIC' && rotation && { rotation: { ...rotation, fromMs: rotatedAtMs } }),
    })
    await sets.share(tx, rotated)
    return rotated
  }

  async function pendingRotation(db: Db, key: KmsKey): Promise<PendingRotation | undefined> {
    if (key.multiRegion === undefined) return undefined
    const rows = await materials.rows(db, key)
    const row = rows.find(({ pending_state }) => pending_state === AWAITS_LINKED)
    return row && { type: row.rotation_type as RotationType, sinceMs: row.created_at }
  }

  async function versions(db: Db, key: KmsKey): Promise<MaterialVersion[]> {
    const rows = await materials.rows(db, key)
    return rows
      .filter((row) => row.pending_state !== AWAITS_LINKED)
      .map((row) => materialVersion(row, key, now()))
      .sort((a, b) => orderOf(a) - orderOf(b) || (a.materialId < b.materialId ? -1 : 1))
  }

  async function change(tx: Transition, { row, key }: StoredKey, wanted: KeyChange): Promise<KmsKey> {
    const {
      currentMaterialId,
      deletion,
      multiRegion,
      policy,
      quarantine,
      rotation,
      rotationDueAtMs,
      syncAtMs,
      tags,
      validToMs,
      ...columns
    } = wanted
    const changed = await store.rows.update(tx, 'kms_keys', row, {
      ...columns,
      ...(policy && { policy: policy.text, policy_bindings: bindingsToText(policy.bindings) }),
      ...(quarantine !== undefined && { quarantine: quarantineToText(quarantine) }),
      ...(tags && { tags: tagsToText(tags) }),
      ...((rotation !== undefined || multiRegion !== undefined) &&
        rotationColumns(rotation === undefined ? key.rotation : rotation, {
          region: key.region,
          multiRegion: multiRegion ?? key.multiRegion,
        })),
      ...(rotationDueAtMs !== undefined && { rotation_at: rotationDueAtMs }),
      ...(currentMaterialId !== undefined && { current_material_id: currentMaterialId }),
      ...(validToMs !== undefined && { valid_to: validToMs }),
      ...(multiRegion !== undefined && multiRegionColumns(multiRegion)),
      ...(syncAtMs !== undefined && { sync_at: syncAtMs }),
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
    await sets.leave(tx, key)
    await linked.gone(tx, key)
    const aliases = await tx.db
      .deleteFrom('aliases')
      .where('account_id', '=', accountId)
      .where('region', '=', region)
      .where('key_id', '=', keyId)
      .returning('name')
      .execute()
    for (const { name } of aliases) tx.changed('alias', aliasEntityId({ accountId, region, name }))
    await destroyGrants(tx, key)
    await destroyKeyUses(tx, key)
    const materialRows = await tx.db
      .deleteFrom('key_materials')
      .where('region', '=', region)
      .where('key_id', '=', keyId)
      .returning('wrapped')
      .execute()
    tx.erases({ bytes: materialRows.map(({ wrapped }) => wrapped), material: { accountId, region, keyId } })
    await store.rows.remove(tx, 'kms_keys', row)
    tx.changed('key', keyEntityId(region, keyId))
  }

  const sets = createKeySets({
    read,
    create: (tx, key) => create(tx, key, undefined),
    change,
    materials,
    linked,
    now,
  })

  return {
    load: (region, keyId) => cache.get(keyEntityId(region, keyId)),
    find: (region, keyId) => cache.find(keyEntityId(region, keyId)),
    olderMaterial,
    read,
    list,
    dueDeletions: (nowMs, limit, after) => dueKeys(due('deletion_at', nowMs, limit, after)),
    nextDeletion: (afterMs) => next('deletion_at', afterMs),
    dueRotations: (nowMs, limit, after) =>
      dueKeys(due('rotation_at', nowMs, limit, after).where('state', '=', 'Enabled')),
    nextRotation: (afterMs) => next('rotation_at', afterMs),
    dueSyncs: (nowMs, limit, after) => dueKeys(due('sync_at', nowMs, limit, after)),
    nextSync: (afterMs) => next('sync_at', afterMs),
    newMaterial: (spec, accountId) => engine.generate(factsOf(spec).form, accountId),
    create,
    change,
    rotate,
    materials,
    pendingRotation,
    versions,
    destroy,
    sets,
    cache,
  }
}

/** Imported material can be gone, and a replica has none until it was brought from the primary key. */
function hasOwnMaterial({ origin, currentMaterialId }: KmsKey): boolean {
  return origin === 'AWS_KMS' && currentMaterialId !== undefined
}

/** The first material before all that came by rotation, and what waits for one after them. */
function orderOf({ rotation, state }: MaterialVersion): number {
  if (rotation !== undefined) return rotation.atMs
  return state.startsWith('PENDING') ? Infinity : -Infinity
}

function multiRegionColumns({ primaryRegion, replicaRegions }: MultiRegion) {
  return { primary_region: primaryRegion, replica_regions: JSON.stringify(replicaRegions) }
}

/** A replica knows how its set is rotated; only the primary key is due for it. */
function rotationColumns(
  rotation: KeyRotation | null | undefined,
  key: Pick<KmsKey, 'region'> & { readonly multiRegion?: MultiRegion | undefined },
) {
  const isReplica = multiRegionType({ region: key.region, multiRegion: key.multiRegion }) === 'REPLICA'
  return {
    rotation_period_days: rotation?.periodDays ?? null,
    rotation_from: rotation?.fromMs ?? null,
    rotation_at: rotation && !isReplica ? nextRotationMs(rotation) : null,
  }
}
