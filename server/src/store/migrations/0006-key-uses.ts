import type { Migration } from './migration.ts'

/** When which material of a key was last used for what, since when that is tracked, and how far it follows the journal. */
export const keyUses: Migration = {
  number: 6,
  name: 'key-uses',
  tables: [
    {
      name: 'key_uses',
      columns: {
        region: 'text',
        key_id: 'text',
        material_id: 'text',
        operation: 'text',
        used_at: 'integer',
        chain_id: 'text',
        sequence: 'integer',
        event_id: 'text',
        request_id: 'text?',
      },
      primaryKey: ['region', 'key_id', 'material_id', 'operation'],
    },
    {
      name: 'key_use_progress',
      columns: { chain_id: 'text', sequence: 'integer' },
      primaryKey: ['chain_id'],
    },
    {
      name: 'key_use_tracking',
      columns: { id: 'integer', started_at: 'integer?' },
      primaryKey: ['id'],
      rows: [{ id: 1 }],
    },
  ],
}
