import type { KeyObject } from 'node:crypto'
import type { KeyEngine } from '../crypto/key-engine.ts'
import type { Material } from '../crypto/material.ts'
import type { RandomSource } from '../crypto/random.ts'
import { identityBytes, unwrapKey, wrapKey } from '../crypto/wrap.ts'
import type { Db } from '../store/db.ts'
import type { KeyMaterialRow } from '../store/rows/key-rows.ts'
import type { Store, Transition } from '../store/store.ts'
import { DomainKeyMissingError, type DomainKeys } from './domain-keys.ts'
import type { KmsKey } from './key.ts'
import { factsOf, materialUse } from './specs.ts'

/** Whose material it is. */
export type MaterialOwner = Pick<KmsKey, 'accountId' | 'region' | 'keyId'>

/** What a row says of new material beside the bytes themselves; what is left out is null. */
export type MaterialFacts = Partial<
  Pick<
    KeyMaterialRow,
    | 'material_id'
    | 'created_at'
    | 'rotated_at'
    | 'rotation_type'
    | 'import_state'
    | 'pending_state'
    | 'valid_to'
    | 'description'
    | 'fingerprint'
    | 'public_key'
  >
>

/** The material of KMS keys in the store, each piece wrapped under a domain key of its account and Region. */
export interface Materials {
  /** For use. Undefined when the key has no such material, or it was deleted. */
  open(key: KmsKey, materialId: string): Promise<Material | undefined>
  /** All that a key has and had, in no order; checked. */
  rows(db: Db, owner: MaterialOwner): Promise<KeyMaterialRow[]>
  /** The bytes of material that is there. The caller wipes them. */
  bytes(db: Db, row: KeyMaterialRow): Promise<Buffer>
  /**
   * Keeps material under the newest domain key, with an id of its own when none is said; without bytes, what is to be
   * imported yet. The key is not noted as changed.
   */
  insert(
    tx: Transition,
    owner: MaterialOwner,
    bytes: Buffer | undefined,
    facts?: MaterialFacts,
  ): Promise<KeyMaterialRow>
  /** Puts bytes into a row that has none, or changes what it says beside them. */
  update(
    tx: Transition,
    row: KeyMaterialRow,
    change: MaterialFacts & { readonly bytes?: Buffer },
  ): Promise<KeyMaterialRow>
  /** Takes the bytes away, for ever; the row stays, so that the same can be imported again. */
  shred(tx: Transition, row: KeyMaterialRow): Promise<KeyMaterialRow>
  /** Takes the row away with them. */
  remove(tx: Transition, row: KeyMaterialRow): Promise<void>
}

// Random, so that a material's name tells nothing about it.
const MATERIAL_ID_BYTES = 32
const NO_BYTES = Buffer.alloc(0)

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

/** Whether its bytes were deleted or have expired. */
export function isShredded({ wrapped }: Pick<KeyMaterialRow, 'wrapped'>): boolean {
  return wrapped.length === 0
}

export function createMaterials(parts: {
  store: Store
  domainKeys: DomainKeys
  engine: KeyEngine
  random: RandomSource
  now: () => number
}): Materials {
  const { store, domainKeys, engine, random, now } = parts

  async function open(key: KmsKey, materialId: string): Promise<Material | undefined> {
    let row = await read(key, materialId)
    if (row === undefined || isShredded(row)) return undefined
    let domainKey: KeyObject
    try {
      domainKey = await domainKeyOf(store.db, row)
    } catch (error) {
      if (!(error instanceof DomainKeyMissingError)) throw error
      // Between the two reads a rotation may have wrapped the material anew and destroyed the former domain key.
      const again = await read(key, materialId)
      if (again === undefined || isShredded(again)) return undefined
      if (again.domain_key_number === row.domain_key_number) throw error
      row = again
      domainKey = await domainKeyOf(store.db, row)
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

  async function read({ region, keyId }: KmsKey, materialId: string): Promise<KeyMaterialRow | undefined> {
    const row = await store.db
      .selectFrom('key_materials')
      .selectAll()
      .where('region', '=', region)
      .where('key_id', '=', keyId)
      .where('material_id', '=', materialId)
      .executeTakeFirst()
    return row && store.rows.check('key_materials', row)
  }

  async function rows(db: Db, { region, keyId }: MaterialOwner): Promise<KeyMaterialRow[]> {
    const found = await db
      .selectFrom('key_materials')
      .selectAll()
      .where('region', '=', region)
      .where('key_id', '=', keyId)
      .execute()
    return found.map((row) => store.rows.check('key_materials', row))
  }

  async function insert(
    tx: Transition,
    { accountId, region, keyId }: MaterialOwner,
    bytes: Buffer | undefined,
    facts: MaterialFacts = {},
  ): Promise<KeyMaterialRow> {
    const domainKey = await domainKeys.current(tx, accountId, region)
    const row = {
      region,
      key_id: keyId,
      material_id: random.bytes(MATERIAL_ID_BYTES).toString('hex'),
      account_id: accountId,
      domain_key_number: domainKey.number,
      created_at: now(),
      rotated_at: null,
      rotation_type: null,
      ...facts,
    }
    const wrapped = bytes === undefined ? NO_BYTES : wrapKey(domainKey.key, bytes, materialIdentity(row))
    return await store.rows.insert(tx, 'key_materials', { ...row, wrapped })
  }

  async function update(
    tx: Transition,
    row: KeyMaterialRow,
    { bytes, ...facts }: MaterialFacts & { readonly bytes?: Buffer },
  ): Promise<KeyMaterialRow> {
    if (bytes === undefined) return await store.rows.update(tx, 'key_materials', row, facts)
    const domainKey = await domainKeys.current(tx, row.account_id, row.region)
    const moved = { ...row, domain_key_number: domainKey.number }
    const wrapped = wrapKey(domainKey.key, bytes, materialIdentity(moved))
    return await store.rows.update(tx, 'key_materials', row, {
      ...facts,
      domain_key_number: domainKey.number,
      wrapped,
    })
  }

  function domainKeyOf(db: Db, row: KeyMaterialRow): Promise<KeyObject> {
    const { account_id: accountId, region, domain_key_number: number } = row
    return domainKeys.open(db, { accountId, region, number })
  }

  return {
    open,
    rows,
    bytes: async (db, row) => unwrapKey(await domainKeyOf(db, row), row.wrapped, materialIdentity(row)),
    insert,
    update,
    remove: (tx, row) => {
      erases(tx, row)
      return store.rows.remove(tx, 'key_materials', row)
    },
    shred: (tx, row) => {
      erases(tx, row)
      return store.rows.update(tx, 'key_materials', row, {
        wrapped: NO_BYTES,
        import_state: 'PENDING_IMPORT',
        valid_to: null,
      })
    },
  }
}

/** Where there are bytes to be taken away. */
function erases(tx: Transition, row: KeyMaterialRow): void {
  if (isShredded(row)) return
  const { account_id: accountId, region, key_id: keyId, material_id: materialId } = row
  tx.erases({ bytes: [row.wrapped], material: { accountId, region, keyId, materialId } })
}
