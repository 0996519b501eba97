import type { KeyMaterialRow } from '../store/rows/key-rows.ts'
import type { Transition } from '../store/store.ts'
import type { DueMaterial } from './due-material.ts'
import { isSameFingerprint, type Fingerprints } from './fingerprints.ts'
import type { ArrivedMaterial } from './import-transport.ts'
import { isSymmetricEncryption } from './key-type.ts'
import { keyEntityId, multiRegionType, type KmsKey, type StoredKey } from './key.ts'
import type { Keys } from './keys.ts'
import { KmsError } from './kms-error.ts'
import { isShredded } from './materials.ts'
import { isHeld, pendingOf } from './pending-material.ts'
import { requirePrimaryOrSingle, withoutMaterial } from './usable.ts'

/** What an import says beside the material. */
export interface ImportFacts {
  /** When nothing is said: new material into a key that never had any, else material that it has or had. */
  readonly type: 'NEW_KEY_MATERIAL' | 'EXISTING_KEY_MATERIAL' | undefined
  /** Undefined when it stays. */
  readonly validToMs: number | undefined
  /** What was said before is kept when nothing is. */
  readonly description: string | undefined
  /** Which material it has to be. */
  readonly materialId: string | undefined
}

/**
 * What becomes of a key, and of its multi-Region set, when material is imported into it, deleted or expires, or when it is
 * rotated to what was imported.
 *
 * A key has a row for each piece of material that it ever took for good, and one for a piece that waits for a rotation. The
 * row of a piece that was deleted or has expired stays, without the bytes, so that the same can be imported again and nothing else.
 * In the Regions of a set these are the same rows, each with the bytes once they were imported there.
 */
export interface ImportedMaterial {
  /** @throws KmsError IncorrectKeyMaterialException, KMSInvalidStateException, UnsupportedOperationException */
  put(
    tx: Transition,
    stored: StoredKey,
    material: ArrivedMaterial,
    facts: ImportFacts,
  ): Promise<{ readonly key: KmsKey; readonly materialId: string }>
  /**
   * Takes bytes away, those of the current material when none is named. Without effect where they are gone already.
   *
   * @returns the id of the material, or undefined when none was ever imported
   * @throws KmsError NotFoundException for material that the key does not have
   */
  remove(tx: Transition, stored: StoredKey, materialId: string | undefined): Promise<string | undefined>
  /** The same when its time has come, undefined when it has not. */
  expire(tx: Transition, due: DueMaterial): Promise<KmsKey | undefined>
  /** Makes what was imported for it the current material. @throws KmsError KMSInvalidStateException */
  rotate(tx: Transition, stored: StoredKey): Promise<KmsKey>
  /** Whether all material is there that the key needs. */
  isComplete(tx: Transition, key: KmsKey): Promise<boolean>
}

export function createImportedMaterial(parts: {
  keys: Keys
  fingerprints: Fingerprints
  now: () => number
}): ImportedMaterial {
  const { keys, fingerprints, now } = parts
  const { materials } = keys

  async function put(
    tx: Transition,
    stored: StoredKey,
    material: ArrivedMaterial,
    facts: ImportFacts,
  ): Promise<{ key: KmsKey; materialId: string }> {
    const rows = await materials.rows(tx.db, stored.key)
    const fingerprint = fingerprintOf(stored, material)
    // All are compared, so that time does not tell which.
    const [same] = rows.filter((row) => isSameFingerprint(row.fingerprint, fingerprint))
    const isNew =
      facts.type === undefined
        ? rows.length === 0 && facts.materialId === undefined
        : facts.type === 'NEW_KEY_MATERIAL'
    const row = isNew
      ? await add(tx, stored.key, { rows, same, material, fingerprint, facts })
      : await bringBack(tx, same, { material, facts })
    const isFirst = isNew && rows.length === 0
    const key = await settle(tx, stored, { imported: true, ...(isFirst && { current: row.material_id }) })
    await tellSet(tx, key)
    return { key, materialId: row.material_id }
  }

  async function add(
    tx: Transition,
    key: KmsKey,
    given: {
      rows: readonly KeyMaterialRow[]
      same: KeyMaterialRow | undefined
      material: ArrivedMaterial
      fingerprint: Buffer
      facts: ImportFacts
    },
  ): Promise<KeyMaterialRow> {
    const { rows, same, material, fingerprint, facts } = given
    requirePrimaryOrSingle(key)
    const isFirst = rows.length === 0
    // Of keys of the other types there is never more than one.
    if (!isFirst && !isSymmetricEncryption(key)) throw new KmsError('IncorrectKeyMaterialException')
    if (pendingOf(rows) !== undefined) {
      throw new KmsError(
        'KMSInvalidStateException',
        `${key.arn} already has key material that is pending rotation.`,
      )
    }
    if (same !== undefined) throw new KmsError('IncorrectKeyMaterialException')
    return await materials.insert(tx, key, material.bytes, {
      import_state: 'IMPORTED',
      pending_state: isFirst ? null : 'PENDING_ROTATION',
      valid_to: facts.validToMs ?? null,
      description: facts.description ?? null,
      fingerprint,
      public_key: material.publicKey ?? null,
    })
  }

  async function bringBack(
    tx: Transition,
    same: KeyMaterialRow | undefined,
    { material, facts }: { material: ArrivedMaterial; facts: ImportFacts },
  ): Promise<KeyMaterialRow> {
    const isAsked = facts.materialId === undefined || facts.materialId === same?.material_id
    if (same === undefined || !isAsked) throw new KmsError('IncorrectKeyMaterialException')
    return await materials.update(tx, same, {
      bytes: material.bytes,
      import_state: 'IMPORTED',
      valid_to: facts.validToMs ?? null,
      ...(facts.description !== undefined && { description: facts.description }),
    })
  }

  async function remove(
    tx: Transition,
    stored: StoredKey,
    named: string | undefined,
  ): Promise<string | undefined> {
    const { key } = stored
    const materialId = named ?? key.currentMaterialId
    if (materialId === undefined) return undefined
    const rows = await materials.rows(tx.db, key)
    const row = rows.find(({ material_id }) => material_id === materialId)
    if (row === undefined) {
      throw new KmsError('NotFoundException', `Key material ${materialId} is not associated with ${key.arn}.`)
    }
    await takeAway(tx, stored, row)
    return materialId
  }

  async function expire(
    tx: Transition,
    { region, keyId, materialId }: DueMaterial,
  ): Promise<KmsKey | undefined> {
    const stored = await keys.read(tx.db, region, keyId)
    // Its set is being told who the primary key is; that takes a moment, in which the key is not used either.
    if (stored === undefined || stored.key.state === 'Updating') return undefined
    const rows = await materials.rows(tx.db, stored.key)
    const row = rows.find(({ material_id }) => material_id === materialId)
    if (row === undefined || row.valid_to === null || row.valid_to > now()) return undefined
    await takeAway(tx, stored, row)
    return stored.key
  }

  async function takeAway(tx: Transition, stored: StoredKey, row: KeyMaterialRow): Promise<void> {
    const { key } = stored
    if (row.pending_state !== null && multiRegionType(key) !== 'REPLICA') {
      await forget(tx, key, row.material_id)
      return
    }
    if (isShredded(row)) return
    await materials.shred(tx, row)
    const changed = await settle(tx, stored, { imported: false })
    await tellSet(tx, changed)
  }

  /** A key is not bound yet to material that waits for a rotation, so nothing of it stays, in no Region. */
  async function forget(tx: Transition, key: KmsKey, materialId: string): Promise<void> {
    const others = await keys.sets.related(tx.db, key)
    for (const member of [key, ...others.map((stored) => stored.key)]) {
      const rows = await materials.rows(tx.db, member)
      const row = rows.find(({ material_id }) => material_id === materialId)
      if (row !== undefined) await materials.remove(tx, row)
      tx.changed('key', keyEntityId(member.region, member.keyId))
    }
  }

  async function rotate(tx: Transition, stored: StoredKey): Promise<KmsKey> {
    const { key } = stored
    const pending = pendingOf(await materials.rows(tx.db, key))
    const others = await keys.sets.related(tx.db, key)
    const nowMs = now()
    let isReady = pending?.pending_state === 'PENDING_ROTATION' && isHeld(pending, nowMs)
    for (const other of others) {
      const rows = await materials.rows(tx.db, other.key)
      const row = rows.find(({ material_id }) => material_id === pending?.material_id)
      isReady &&= row !== undefined && isHeld(row, nowMs)
    }
    if (pending === undefined || !isReady) {
      throw new KmsError(
        'KMSInvalidStateException',
        `No available key material pending rotation for the key: ${key.arn}.`,
      )
    }
    await materials.update(tx, pending, {
      pending_state: null,
      rotated_at: nowMs,
      rotation_type: 'ON_DEMAND',
    })
    const rotated = await settle(tx, stored, { imported: false, current: pending.material_id })
    await keys.sets.share(tx, rotated)
    // Each Region has its own time at which what it needs expires.
    for (const other of await keys.sets.related(tx.db, rotated)) {
      await settle(tx, other, { imported: false })
    }
    return rotated
  }

  /** Has the key's own row agree with the rows of its material. */
  async function settle(
    tx: Transition,
    stored: StoredKey,
    { imported, current }: { imported: boolean; current?: string },
  ): Promise<KmsKey> {
    const { key } = stored
    const needed = await neededBy(tx, key)
    const isGone = needed.some((row) => row.import_state !== 'IMPORTED')
    const ends = needed.flatMap(({ valid_to }) => (valid_to === null ? [] : [valid_to]))
    const state = isGone
      ? withoutMaterial(key.state)
      : imported && isWhole(needed) && key.state === 'PendingImport'
        ? 'Enabled'
        : undefined
    return await keys.change(tx, stored, {
      ...(state !== undefined && { state }),
      ...(current !== undefined && { currentMaterialId: current }),
      validToMs: ends.length === 0 ? null : Math.min(...ends),
    })
  }

  /** What a primary key has its replicas have a place for; and of whichever key, what pending material waits for. */
  async function tellSet(tx: Transition, key: KmsKey): Promise<void> {
    if (key.multiRegion === undefined) return
    const isPrimary = multiRegionType(key) === 'PRIMARY'
    if (isPrimary) await keys.sets.share(tx, key)
    const primary = isPrimary ? key : (await keys.read(tx.db, key.multiRegion.primaryRegion, key.keyId))?.key
    if (primary !== undefined) await keys.sets.reviewImports(tx, primary)
  }

  function fingerprintOf({ key, row }: StoredKey, { bytes, publicKey }: ArrivedMaterial): Buffer {
    if (row.fingerprint_key === null) throw new Error(`${key.arn} has no fingerprint key`)
    // One private key can be written in several ways, the public key that belongs to it in one.
    return fingerprints.of(key, row.fingerprint_key, publicKey ?? bytes)
  }

  async function neededBy(tx: Transition, key: KmsKey): Promise<KeyMaterialRow[]> {
    return (await materials.rows(tx.db, key)).filter(({ pending_state }) => pending_state === null)
  }

  function isWhole(needed: readonly KeyMaterialRow[]): boolean {
    return needed.length > 0 && needed.every((row) => isHeld(row, now()))
  }

  return {
    put,
    remove,
    expire,
    rotate,
    isComplete: async (tx, key) => isWhole(await neededBy(tx, key)),
  }
}
