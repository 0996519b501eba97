import type { KeyMaterialRow } from '../store/rows/key-rows.ts'
import type { KmsKey } from './key.ts'
import type { RotationType } from './key-rotation.ts'
import { isHeld } from './pending-material.ts'

/** AWS's words for what a piece of a key's material is to the key. */
export type MaterialState =
  | 'NON_CURRENT'
  | 'CURRENT'
  | 'PENDING_ROTATION'
  | 'PENDING_MULTI_REGION_IMPORT_AND_ROTATION'

/** Of new material that does not encrypt before every linked deployment holds it; AWS has no word for it. */
export const AWAITS_LINKED = 'AWAITS_LINKED_REPLICAS'

/** One piece of the material of a key that has been rotated, or of one that has not: then it is the only one. */
export interface MaterialVersion {
  readonly materialId: string
  readonly state: MaterialState
  /** How it came to be the current one; undefined for the first, and for what is pending. */
  readonly rotation: { readonly type: RotationType; readonly atMs: number } | undefined
  /** Of imported material. */
  readonly imported:
    | {
        readonly state: 'IMPORTED' | 'PENDING_IMPORT'
        readonly description: string | undefined
        /** Undefined when it does not expire, or is not there. */
        readonly validToMs: number | undefined
      }
    | undefined
}

/** Reads a row whose code was checked. */
export function materialVersion(
  row: KeyMaterialRow,
  { currentMaterialId }: Pick<KmsKey, 'currentMaterialId'>,
  nowMs: number,
): MaterialVersion {
  const { material_id, rotated_at, rotation_type, pending_state, import_state } = row
  return {
    materialId: material_id,
    state: (pending_state ??
      (material_id === currentMaterialId ? 'CURRENT' : 'NON_CURRENT')) as MaterialState,
    rotation: rotated_at === null ? undefined : { type: rotation_type as RotationType, atMs: rotated_at },
    imported: import_state === null ? undefined : importedFacts(row, nowMs),
  }
}

/** What has expired is gone, though it may be there until a timer takes it away. */
function importedFacts(row: KeyMaterialRow, nowMs: number): MaterialVersion['imported'] {
  const isThere = isHeld(row, nowMs)
  return {
    state: isThere ? 'IMPORTED' : 'PENDING_IMPORT',
    description: row.description ?? undefined,
    validToMs: isThere ? (row.valid_to ?? undefined) : undefined,
  }
}
