import { erasureHolds, mayComeBack, type ProvenErasure } from '../audit/erasure-record.ts'
import type { LostChanges } from '../audit/lost-changes.ts'
import { serviceEvent } from '../audit/service-event.ts'
import type { Clock } from '../clock.ts'
import type { Imports } from '../keys/imports.ts'
import { keyArn, type StoredKey } from '../keys/key.ts'
import type { Keys } from '../keys/keys.ts'
import { isShredded } from '../keys/materials.ts'
import { CorruptRowError, type Store, type Transition } from '../store/store.ts'
import type { Log } from '../telemetry/log.ts'

interface Parts {
  readonly store: Store
  readonly keys: Keys
  readonly imports: Imports
  readonly clock: Clock
}

/** What became of a deletion that was to be done again. */
export type Honoured = 'deleted' | 'gone' | 'older' | 'not authentic'

/**
 * Does the deletions of the journal again that an older copy of the database does not have, before anything is served: a key
 * that was destroyed must not come back to life by a restore. What else the copy lacks is only told.
 */
export async function honourLostDeletions(
  parts: Parts & { readonly log: Log },
  lost: LostChanges,
): Promise<void> {
  const { store, log } = parts
  let deleted = 0
  for (const erasure of lost.erasures) {
    try {
      if ((await honour(parts, erasure, lost.position)) !== 'deleted') continue
      deleted++
      const { region, keyId, materialId } = erasure
      log.warn({ region, keyId, materialId }, `${nameOf(erasure)} was deleted again`)
    } catch (error) {
      if (!(error instanceof CorruptRowError)) throw error
      log.error({ err: error }, `${nameOf(erasure)} was deleted before, and cannot be deleted again`)
    }
  }
  await store.skipTo(Math.max(0, ...lost.erasures.map(({ position }) => position)))
  const changes = [...lost.events.values()].reduce((sum, count) => sum + count, 0)
  if (changes === 0 && deleted === 0) return
  const names = [...lost.events].map(([name, count]) => `${name} ${count}`).join(', ')
  log.warn(
    { position: lost.position, deletedAgain: deleted, changes: names, newKeys: lost.newKeys.join(' ') },
    `the journal holds changes that the database does not have (${changes}), so an older copy of it was put back: ` +
      `what had been deleted since is deleted again (${deleted}); of the rest, keys that were made since are lost, and others ` +
      'are as they were in the copy',
  )
}

/**
 * The same for records from elsewhere, which an operator brings.
 *
 * @param beforePosition of the newest change that the copy has; what may come back and was deleted before is
 *   as the copy has it
 */
export async function honourBroughtDeletions(
  parts: Parts & { readonly publicKey: Uint8Array },
  erasures: readonly ProvenErasure[],
  beforePosition: number,
): Promise<Honoured[]> {
  const outcomes: Honoured[] = []
  for (const erasure of erasures) {
    outcomes.push(
      erasureHolds(erasure, parts.publicKey) ? await honour(parts, erasure, beforePosition) : 'not authentic',
    )
  }
  return outcomes
}

async function honour(
  { store, keys, imports, clock }: Parts,
  erasure: ProvenErasure,
  beforePosition: number,
): Promise<Honoured> {
  const { region, keyId, materialId, accountId } = erasure
  if (mayComeBack(erasure) && erasure.position <= beforePosition) return 'older'
  return await store.transition<Honoured>(async (tx) => {
    const stored = await keys.read(tx.db, region, keyId)
    const isThere = stored?.key.accountId === accountId
    const isDone =
      isThere &&
      (materialId === undefined ? true : await eraseMaterial({ keys, imports }, tx, stored, materialId))
    if (!isDone) {
      tx.unrecorded = 'what was deleted is not there'
      return 'gone'
    }
    if (materialId === undefined) await keys.destroy(tx, stored)
    tx.record((changePosition) =>
      serviceEvent(stored.key, {
        clockMs: clock.now(),
        operation: materialId === undefined ? 'DeleteKey' : 'DeleteImportedKeyMaterial',
        response: { keyId: stored.key.arn },
        changePosition,
        additional: {
          reason: 'deleted before an older copy of the database was put back',
          deletedAt: erasure.time,
        },
      }),
    )
    return 'deleted'
  })
}

/** @returns false when it is not there any more */
async function eraseMaterial(
  { keys, imports }: Pick<Parts, 'keys' | 'imports'>,
  tx: Transition,
  stored: StoredKey,
  materialId: string,
): Promise<boolean> {
  const rows = await keys.materials.rows(tx.db, stored.key)
  const row = rows.find((each) => each.material_id === materialId)
  if (row === undefined || isShredded(row)) return false
  await imports.material.remove(tx, stored, materialId)
  return true
}

function nameOf({ accountId, region, keyId, materialId }: ProvenErasure): string {
  const arn = keyArn(accountId, region, keyId)
  return materialId === undefined ? arn : `material ${materialId} of ${arn}`
}
