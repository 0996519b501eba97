import type { Migration } from './migration.ts'

/** When keys get new material, and what became of the material before. */
export const keyRotation: Migration = {
  number: 4,
  name: 'key-rotation',
  tables: [],
  addedColumns: {
    kms_keys: { rotation_period_days: 'integer?', rotation_from: 'integer?', rotation_at: 'integer?' },
    key_materials: { rotated_at: 'integer?', rotation_type: 'text?' },
  },
  addedIndexes: { kms_keys_by_rotation: { table: 'kms_keys', columns: ['rotation_at', 'region', 'key_id'] } },
}
