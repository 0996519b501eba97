import type { KeyMaterialRow } from '../store/rows/key-rows.ts'
import type { Transition } from '../store/store.ts'
import type { KmsKey } from './key.ts'
import { isShredded, type Materials } from './materials.ts'

/** Material that was imported for a rotation; a key has one such piece at most. */
export function pendingOf(rows: readonly KeyMaterialRow[]): KeyMaterialRow | undefined {
  return rows.find(({ pending_state }) => pending_state !== null)
}

/** Whether imported material is there and has not expired. */
export function isHeld(row: KeyMaterialRow, nowMs: number): boolean {
  const { import_state, valid_to } = row
  return import_state === 'IMPORTED' && !isShredded(row) && (valid_to === null || valid_to > nowMs)
}

/**
 * Has the keys of a set say of pending material what is so: it waits for its rotation when all of them hold it, else for the
 * rest of the imports. To be called whenever one of them got it, lost it, joined the set or left it.
 *
 * @param members the primary key first, as they are now; one that is not in this database cannot be seen to hold anything
 */
export async function reviewPending(
  tx: Transition,
  materials: Materials,
  members: readonly KmsKey[],
  nowMs: number,
): Promise<void> {
  const rowsOf = []
  for (const member of members) rowsOf.push(await materials.rows(tx.db, member))
  const pending = pendingOf(rowsOf[0] ?? [])
  if (pending === undefined) return
  const inEach = rowsOf.map((rows) => rows.find(({ material_id }) => material_id === pending.material_id))
  const regions = 1 + (members[0]?.multiRegion?.replicaRegions.length ?? 0)
  const isComplete =
    members.length === regions && inEach.every((row) => row !== undefined && isHeld(row, nowMs))
  const state = isComplete ? 'PENDING_ROTATION' : 'PENDING_MULTI_REGION_IMPORT_AND_ROTATION'
  for (const row of inEach) {
    if (row !== undefined && row.pending_state !== state)
      await materials.update(tx, row, { pending_state: state })
  }
}
