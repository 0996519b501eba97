import { multiRegionType, type StoredKey } from '../keys/key.ts'
import type { Keys } from '../keys/keys.ts'
import type { Db } from '../store/db.ts'

/** Every key of a set that is in this deployment, whatever it is said to be, by Region. */
export type KeysHere = (db: Db, keyId: string) => Promise<StoredKey[]>

export function createKeysHere(keys: Pick<Keys, 'read'>, ownRegions: ReadonlySet<string>): KeysHere {
  return async (db, keyId) => {
    const rows = await db
      .selectFrom('kms_keys')
      .select('region')
      .where('region', 'in', [...ownRegions])
      .where('key_id', '=', keyId)
      .orderBy('region')
      .execute()
    const found: StoredKey[] = []
    for (const { region } of rows) {
      const stored = await keys.read(db, region, keyId)
      if (stored !== undefined) found.push(stored)
    }
    return found
  }
}

export function primaryOf(found: readonly StoredKey[]): StoredKey | undefined {
  return found.find(({ key }) => multiRegionType(key) === 'PRIMARY')
}
