import type { Database } from './schema.ts'

/** Tables whose rows can allow something, or say what happened. Each row carries an HMAC of itself. */
export type AuthenticatedTable =
  | 'deployment'
  | 'accounts'
  | 'access_keys'
  | 'kms_keys'
  | 'key_materials'
  | 'aliases'
  | 'outbox'
  | 'journal_chains'

type Facts = {
  readonly [Table in AuthenticatedTable]: {
    readonly key: readonly (keyof Database[Table] & string)[]
    readonly columns: readonly (keyof Database[Table] & string)[]
  }
}

/**
 * What the HMAC covers: every column but `mac` itself, in this order, the primary key first. A
 * column added by a later migration goes to the end of `columns` and must start out null (row-mac.ts
 * says why). A test holds this list against the tables as the migrations really made them.
 */
export const authenticatedTables = {
  deployment: {
    key: ['id'],
    columns: [
      'version',
      'deployment_id',
      'format',
      'created_at',
      'first_account_id',
      'dev_auth',
      'root_provider',
      'root_key_id',
      'root_descriptor',
    ],
  },
  accounts: { key: ['account_id'], columns: ['version', 'name', 'created_at'] },
  access_keys: {
    key: ['access_key_id'],
    columns: ['version', 'account_id', 'principal', 'status', 'wrapped_secret', 'created_at'],
  },
  kms_keys: {
    key: ['region', 'key_id'],
    columns: [
      'version',
      'account_id',
      'state',
      'description',
      'key_spec',
      'key_usage',
      'origin',
      'multi_region',
      'key_manager',
      'created_at',
      'deletion_at',
      'pending_window_days',
      'current_material_id',
      'policy',
      'tags',
    ],
  },
  key_materials: {
    key: ['region', 'key_id', 'material_id'],
    columns: ['version', 'account_id', 'domain_key_number', 'wrapped', 'created_at'],
  },
  aliases: {
    key: ['account_id', 'region', 'name'],
    columns: ['version', 'key_id', 'created_at', 'updated_at'],
  },
  outbox: { key: ['event_id'], columns: ['position', 'record', 'created_at'] },
  journal_chains: {
    key: ['chain_id'],
    columns: [
      'version',
      'node',
      'started_at',
      'genesis_hash',
      'closed_sequence',
      'closed_hash',
      'closed_reason',
    ],
  },
} as const satisfies Facts
