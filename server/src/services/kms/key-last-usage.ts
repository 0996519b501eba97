import { lastOf } from '../../keys/key-use.ts'
import type { KeyUse } from '../../keys/key-use.ts'
import type { KmsKey } from '../../keys/key.ts'
import type { KeyUses } from '../../keys/key-uses.ts'
import type { Db } from '../../store/db.ts'
import type { Asked } from './conditions.ts'

const DAY_MS = 86_400_000

export interface LastUsage {
  readonly use: KeyUse | undefined
  /** Since when a use would be known; for a key that was made later, since then. */
  readonly trackedSinceMs: number
}

export async function lastUsageOf(keyUses: KeyUses, db: Db, key: KmsKey): Promise<LastUsage> {
  const uses = await keyUses.usesOf(db, key)
  const trackedSinceMs = Math.max(await keyUses.trackedSinceMs(db), key.createdAtMs)
  return { use: lastOf(uses), trackedSinceMs }
}

/**
 * The days without use, for conditions on taking a key out of use: whole ones, since its last use or, when none is known,
 * since one would be.
 *
 * @param db so that it is read where the change is made
 * @see AWS KMS Developer Guide, "kms:TrailingDaysWithoutKeyUsage". Read 2026-11
 */
export function askedWithDaysUnused(keyUses: KeyUses, db: Db, now: () => number): Pick<Asked, 'ofKey'> {
  return {
    ofKey: async (key) => {
      const { use, trackedSinceMs } = await lastUsageOf(keyUses, db, key)
      const days = Math.floor((now() - (use?.usedAtMs ?? trackedSinceMs)) / DAY_MS)
      return { 'kms:trailingdayswithoutkeyusage': String(Math.max(0, days)) }
    },
  }
}
