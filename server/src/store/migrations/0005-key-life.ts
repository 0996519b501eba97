import type { Migration } from './migration.ts'

/** Material that customers import, and keys that several Regions have in common. */
export const keyLife: Migration = {
  number: 5,
  name: 'key-life',
  tables: [],
  addedColumns: {
    kms_keys: {
      valid_to: 'integer?',
      fingerprint_key: 'blob?',
      primary_region: 'text?',
      replica_regions: 'text?',
      sync_at: 'integer?',
    },
    key_materials: {
      import_state: 'text?',
      pending_state: 'text?',
      valid_to: 'integer?',
      description: 'text?',
      fingerprint: 'blob?',
      public_key: 'blob?',
    },
  },
  addedIndexes: {
    kms_keys_by_sync: { table: 'kms_keys', columns: ['sync_at', 'region', 'key_id'] },
    key_materials_by_expiry: {
      table: 'key_materials',
      columns: ['valid_to', 'region', 'key_id', 'material_id'],
    },
  },
}
