import type { Db } from '../store/db.ts'
import type { KeyMaterialRow } from '../store/rows/key-rows.ts'
import type { Transition } from '../store/store.ts'
import type { KmsKey, MultiRegion, StoredKey } from './key.ts'
import type { KeyRotation } from './key-rotation.ts'
import type { KeyChange, NewKey } from './key-change.ts'
import { isShredded, type MaterialFacts, type Materials } from './materials.ts'
import { reviewPending } from './pending-material.ts'

/**
 * What the keys of one set have in common beside what is fixed at their creation. The primary key says it; whoever changes
 * it there has the related keys agree in the same transaction.
 */
export interface SharedState {
  readonly multiRegion: MultiRegion
  readonly rotation: KeyRotation | undefined
  readonly currentMaterialId: string | undefined
  readonly materials: readonly SharedMaterial[]
}

export interface SharedMaterial {
  readonly facts: SharedFacts
  /** Undefined when the bytes do not travel with it: what was imported is imported into each Region. The caller wipes them. */
  bytes(): Promise<Buffer | undefined>
}

export type SharedFacts = Pick<KeyMaterialRow, (typeof sharedColumns)[number]>

/** Of a replica that is about to be made: what it does not share. */
export type NewReplica = Pick<NewKey, 'region' | 'description' | 'policy' | 'policyBindings' | 'tags'>

/**
 * Multi-Region sets: which keys belong to one, and how they come to agree. Every Region has a row of its own, so that
 * nothing is asked of another Region when a key is used. A change that concerns the whole set is one transaction over
 * the rows that this deployment has.
 *
 * @see docs/adr/0016-multi-region-sets.md
 */
export interface KeySets {
  /** The set's keys in other Regions of this deployment, in order of Region. */
  related(db: Db, key: KmsKey): Promise<StoredKey[]>
  /** What a set has in common, as its primary key has it. */
  sharedState(db: Db, primary: KmsKey): Promise<SharedState>
  /** Has one key agree with its set, and changes more of it in the same step. */
  agree(tx: Transition, shared: SharedState, stored: StoredKey, more?: KeyChange): Promise<KmsKey>
  /** Has all related keys agree with their primary key, which was just changed. Of a key of one Region there are none. */
  share(tx: Transition, primary: KmsKey): Promise<void>
  /** Tells a key and those related to it which Regions the set has. */
  tell(tx: Transition, primary: StoredKey, multiRegion: MultiRegion): Promise<KmsKey>
  /** Makes a replica, which is Creating until `settle` has given it the material. */
  replicate(tx: Transition, primary: StoredKey, replica: NewReplica): Promise<KmsKey>
  /** Exchanges the parts of the primary key and a replica. Both are Updating until `settle`. */
  movePrimary(tx: Transition, from: StoredKey, to: StoredKey): Promise<void>
  /**
   * Brings all keys of a set into agreement that wait for it.
   *
   * @returns the primary key, or undefined when there was nothing to do
   */
  settle(tx: Transition, region: string, keyId: string): Promise<KmsKey | undefined>
  /** Has a set say of imported material that waits for a rotation whether all its Regions, as they are now, hold it. */
  reviewImports(tx: Transition, primary: KmsKey): Promise<void>
  /** Takes a key that is destroyed out of what the others know of their set. */
  leave(tx: Transition, key: KmsKey): Promise<void>
}

/** Keys of a set that are another deployment's, which is told of what changes (links/). */
export interface LinkedRegions {
  /** Whether some key of the set is another deployment's. */
  spans(db: Db, key: Pick<KmsKey, 'region' | 'multiRegion'>): Promise<boolean>
  /** Told of the primary key of a set that changed, in the transaction that changed it. */
  changed(tx: Transition, primary: KmsKey): Promise<void>
  /** Told of a key that is destroyed here. */
  gone(tx: Transition, key: KmsKey): Promise<void>
}

export const noLinkedRegions: LinkedRegions = {
  spans: () => Promise.resolve(false),
  changed: () => Promise.resolve(),
  gone: () => Promise.resolve(),
}

/** What a piece of material is in every Region alike; where its bytes are, and until when, each Region has for itself. */
const sharedColumns = [
  'material_id',
  'created_at',
  'rotated_at',
  'rotation_type',
  'pending_state',
  'description',
  'fingerprint',
  'public_key',
] as const satisfies readonly (keyof MaterialFacts)[]

const DAY_MS = 86_400_000

/** All Regions of a key's set but its own, in order. */
export function relatedRegions({ region, multiRegion }: Pick<KmsKey, 'region' | 'multiRegion'>): string[] {
  if (multiRegion === undefined) return []
  const { primaryRegion, replicaRegions } = multiRegion
  return [primaryRegion, ...replicaRegions].filter((other) => other !== region).sort()
}

/** What a key becomes that is to be deleted: the waiting period of a primary key begins when its last replica is gone. */
export function pendingDeletion(
  key: Pick<KmsKey, 'region' | 'multiRegion'>,
  windowDays: number,
  nowMs: number,
): Required<Pick<KeyChange, 'state' | 'deletion'>> {
  if (hasReplicas(key)) return { state: 'PendingReplicaDeletion', deletion: { atMs: null, windowDays } }
  return { state: 'PendingDeletion', deletion: { atMs: nowMs + windowDays * DAY_MS, windowDays } }
}

export function createKeySets(parts: {
  read: (db: Db, region: string, keyId: string) => Promise<StoredKey | undefined>
  create: (tx: Transition, key: NewKey) => Promise<KmsKey>
  change: (tx: Transition, stored: StoredKey, change: KeyChange) => Promise<KmsKey>
  materials: Materials
  linked: LinkedRegions
  now: () => number
}): KeySets {
  const { read, create, change, materials, linked, now } = parts

  async function related(db: Db, key: KmsKey): Promise<StoredKey[]> {
    const found: StoredKey[] = []
    for (const region of relatedRegions(key)) {
      const stored = await read(db, region, key.keyId)
      // One that is not here is a linked deployment's.
      if (stored !== undefined) found.push(stored)
    }
    return found
  }

  async function sharedState(db: Db, primary: KmsKey): Promise<SharedState> {
    const multiRegion = requireSet(primary)
    const { rotation, currentMaterialId } = primary
    const rows = await materials.rows(db, primary)
    const ofPrimary = (row: KeyMaterialRow): SharedMaterial => ({
      facts: sharedFactsOf(row),
      bytes: async () =>
        primary.origin === 'EXTERNAL' || isShredded(row) ? undefined : await materials.bytes(db, row),
    })
    return { multiRegion, rotation, currentMaterialId, materials: rows.map(ofPrimary) }
  }

  async function agree(
    tx: Transition,
    { multiRegion, rotation, currentMaterialId, ...shared }: SharedState,
    stored: StoredKey,
    more: KeyChange = {},
  ): Promise<KmsKey> {
    await agreeOnMaterials(tx, shared.materials, stored.key)
    return await change(tx, stored, {
      multiRegion,
      rotation: rotation ?? null,
      ...(currentMaterialId !== undefined && { currentMaterialId }),
      ...more,
    })
  }

  async function agreeOnMaterials(
    tx: Transition,
    shared: readonly SharedMaterial[],
    key: KmsKey,
  ): Promise<void> {
    const rows = await materials.rows(tx.db, key)
    const own = new Map(rows.map((row) => [row.material_id, row]))
    for (const { facts, bytes } of shared) {
      const row = own.get(facts.material_id)
      if (row === undefined) await addMaterial(tx, key, facts, bytes)
      else if (!isAlike(row, facts)) await materials.update(tx, row, facts)
    }
  }

  async function addMaterial(
    tx: Transition,
    key: KmsKey,
    facts: SharedFacts,
    bytesOf: SharedMaterial['bytes'],
  ): Promise<void> {
    const bytes = await bytesOf()
    try {
      await materials.insert(tx, key, bytes, {
        ...facts,
        ...(key.origin === 'EXTERNAL' && { import_state: 'PENDING_IMPORT' }),
      })
    } finally {
      bytes?.fill(0)
    }
  }

  async function share(tx: Transition, primary: KmsKey): Promise<void> {
    await linked.changed(tx, primary)
    const others = await related(tx.db, primary)
    if (others.length === 0) return
    const shared = await sharedState(tx.db, primary)
    for (const stored of others) await agree(tx, shared, stored)
  }

  async function replicate(tx: Transition, primary: StoredKey, replica: NewReplica): Promise<KmsKey> {
    const { key, row } = primary
    const { accountId, keyId, spec, usage, origin, rotation } = key
    const { primaryRegion, replicaRegions } = requireSet(key)
    const multiRegion = { primaryRegion, replicaRegions: [...replicaRegions, replica.region].sort() }
    await tell(tx, primary, multiRegion)
    return await create(tx, {
      ...replica,
      accountId,
      keyId,
      spec,
      usage,
      origin,
      multiRegion,
      ...(rotation && { rotation }),
      ...(row.fingerprint_key && { fingerprintKey: row.fingerprint_key }),
      state: 'Creating',
      syncAtMs: now(),
    })
  }

  async function tell(tx: Transition, primary: StoredKey, multiRegion: MultiRegion): Promise<KmsKey> {
    const others = await related(tx.db, primary.key)
    for (const stored of others) await change(tx, stored, { multiRegion })
    const told = await change(tx, primary, { multiRegion })
    await linked.changed(tx, told)
    return told
  }

  async function movePrimary(tx: Transition, from: StoredKey, to: StoredKey): Promise<void> {
    const { replicaRegions } = requireSet(from.key)
    const primaryRegion = to.key.region
    const others = await related(tx.db, from.key)
    const multiRegion = {
      primaryRegion,
      replicaRegions: [
        ...replicaRegions.filter((region) => region !== primaryRegion),
        from.key.region,
      ].sort(),
    }
    for (const stored of [from, ...others]) {
      const { region } = stored.key
      const takesPart = region === from.key.region || region === primaryRegion
      const told = await change(tx, stored, {
        multiRegion,
        ...(takesPart && { state: 'Updating', syncAtMs: now() }),
      })
      if (region === primaryRegion) await linked.changed(tx, told)
    }
  }

  async function settle(tx: Transition, region: string, keyId: string): Promise<KmsKey | undefined> {
    const due = await read(tx.db, region, keyId)
    if (due === undefined || due.row.sync_at === null) return undefined
    const { primaryRegion } = requireSet(due.key)
    const primary = await read(tx.db, primaryRegion, keyId)
    // Until a linked deployment has told what its primary key has.
    if (primary === undefined) return undefined
    const shared = await sharedState(tx.db, primary.key)
    for (const stored of [primary, ...(await related(tx.db, primary.key))]) {
      if (stored.row.sync_at === null) continue
      const settled: KeyChange = { state: settledState(stored.key), syncAtMs: null }
      if (stored.key.region === primaryRegion) await change(tx, stored, settled)
      else await agree(tx, shared, stored, settled)
    }
    await reviewImports(tx, primary.key)
    return primary.key
  }

  async function reviewImports(tx: Transition, primary: KmsKey): Promise<void> {
    if (primary.origin !== 'EXTERNAL') return
    const others = await related(tx.db, primary)
    await reviewPending(tx, materials, [primary, ...others.map(({ key }) => key)], now())
  }

  async function leave(tx: Transition, key: KmsKey): Promise<void> {
    for (const stored of await related(tx.db, key)) {
      const { primaryRegion, replicaRegions } = requireSet(stored.key)
      const multiRegion = {
        primaryRegion,
        replicaRegions: replicaRegions.filter((region) => region !== key.region),
      }
      const told = await change(tx, stored, { multiRegion, ...deletionBegins(stored.key, multiRegion) })
      if (told.region !== primaryRegion) continue
      await linked.changed(tx, told)
      await reviewImports(tx, told)
    }
  }

  /** Of a primary key that waited for its last replica to go. */
  function deletionBegins(key: KmsKey, multiRegion: MultiRegion): KeyChange {
    const { region, state, pendingWindowDays: windowDays } = key
    const waits = multiRegion.replicaRegions.length > 0
    if (state !== 'PendingReplicaDeletion' || waits || windowDays === undefined) return {}
    return pendingDeletion({ region, multiRegion }, windowDays, now())
  }

  return { related, sharedState, agree, share, tell, replicate, movePrimary, settle, reviewImports, leave }
}

/** What a key becomes that waited for its set. One that was to be deleted meanwhile, or is disabled, stays so. */
function settledState({ state, origin }: KmsKey): KmsKey['state'] {
  if (state === 'Creating') return origin === 'EXTERNAL' ? 'PendingImport' : 'Enabled'
  return state === 'Updating' ? 'Enabled' : state
}

function requireSet({ arn, multiRegion }: KmsKey): MultiRegion {
  if (multiRegion === undefined) throw new Error(`${arn} is a key of one Region`)
  return multiRegion
}

/** Whether it cannot be deleted yet. */
function hasReplicas({ region, multiRegion }: Pick<KmsKey, 'region' | 'multiRegion'>): boolean {
  return multiRegion?.primaryRegion === region && multiRegion.replicaRegions.length > 0
}

function sharedFactsOf(row: KeyMaterialRow): SharedFacts {
  return Object.fromEntries(sharedColumns.map((name) => [name, row[name]])) as SharedFacts
}

function isAlike(row: KeyMaterialRow, facts: SharedFacts): boolean {
  return sharedColumns.every((name) => {
    const [one, other] = [row[name], facts[name]]
    return one instanceof Uint8Array && other instanceof Uint8Array
      ? Buffer.compare(one, other) === 0
      : one === other
  })
}
