import type { Database } from './schema.ts'

/** Tables whose rows can allow something, or say what happened. Each row carries an HMAC of itself. */
export type AuthenticatedTable =
  | 'deployment'
  | 'accounts'
  | 'access_keys'
  | 'kms_keys'
  | 'key_materials'
  | 'aliases'
  | 'principals'
  | 'managed_policies'
  | 'instance_profiles'
  | 'mfa_devices'
  | 'oidc_providers'
  | 'grants'
  | 'organization'
  | 'organization_policies'
  | 'service_principals'
  | 'link_identity'
  | 'region_links'
  | 'linked_sets'
  | 'linked_replicas'
  | 'linked_moves'
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
  accounts: {
    key: ['account_id'],
    columns: ['version', 'name', 'created_at', 'account_alias', 'organization_path', 'quarantine'],
  },
  access_keys: {
    key: ['access_key_id'],
    columns: ['version', 'account_id', 'principal', 'status', 'wrapped_secret', 'created_at', 'user_id'],
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
      'policy_bindings',
      'quarantine',
      'alias_names',
      'rotation_period_days',
      'rotation_from',
      'rotation_at',
      'valid_to',
      'fingerprint_key',
      'primary_region',
      'replica_regions',
      'sync_at',
    ],
  },
  key_materials: {
    key: ['region', 'key_id', 'material_id'],
    columns: [
      'version',
      'account_id',
      'domain_key_number',
      'wrapped',
      'created_at',
      'rotated_at',
      'rotation_type',
      'import_state',
      'pending_state',
      'valid_to',
      'description',
      'fingerprint',
      'public_key',
    ],
  },
  aliases: {
    key: ['account_id', 'region', 'name'],
    columns: ['version', 'key_id', 'created_at', 'updated_at'],
  },
  principals: {
    key: ['principal_id'],
    columns: [
      'version',
      'account_id',
      'kind',
      'name',
      'name_key',
      'path',
      'created_at',
      'description',
      'inline_policies',
      'attached_policies',
      'group_ids',
      'boundary_arn',
      'trust_policy',
      'trust_bindings',
      'max_session_seconds',
      'tags',
      'quarantine',
    ],
  },
  managed_policies: {
    key: ['policy_id'],
    columns: [
      'version',
      'account_id',
      'arn',
      'name',
      'name_key',
      'path',
      'description',
      'created_at',
      'updated_at',
      'default_version',
      'last_version',
      'versions',
      'tags',
    ],
  },
  instance_profiles: {
    key: ['profile_id'],
    columns: ['version', 'account_id', 'name', 'name_key', 'path', 'role_id', 'tags', 'created_at'],
  },
  mfa_devices: {
    key: ['serial_number'],
    columns: [
      'version',
      'account_id',
      'wrapped_seed',
      'principal_id',
      'enabled_at',
      'last_step',
      'tags',
      'created_at',
    ],
  },
  oidc_providers: {
    key: ['arn'],
    columns: ['version', 'account_id', 'url', 'client_ids', 'thumbprints', 'tags', 'created_at'],
  },
  grants: {
    key: ['region', 'key_id', 'grant_id'],
    columns: [
      'version',
      'account_id',
      'name',
      'grantee',
      'grantee_id',
      'retiring',
      'retiring_id',
      'issuing_account',
      'operations',
      'constraints',
      'source_arn',
      'created_at',
    ],
  },
  organization: {
    key: ['id'],
    columns: ['version', 'organization_id', 'root_id', 'units', 'attachments', 'created_at'],
  },
  organization_policies: {
    key: ['policy_id'],
    columns: ['version', 'type', 'name', 'description', 'document', 'created_at', 'updated_at'],
  },
  service_principals: {
    key: ['name'],
    columns: ['version', 'certificate_fingerprint', 'certificate', 'created_at'],
  },
  link_identity: {
    key: ['id'],
    columns: ['version', 'certificate', 'wrapped_key', 'wrapped_seed', 'created_at'],
  },
  region_links: {
    key: ['deployment_id'],
    columns: ['version', 'url', 'identity', 'regions', 'created_at'],
  },
  linked_sets: {
    key: ['key_id', 'deployment_id'],
    columns: [
      'version',
      'account_id',
      'region',
      'sent',
      'sent_content',
      'acknowledged',
      'received',
      'received_digest',
      'gone_regions',
      'due_at',
      'attempts',
      'trouble',
      'trouble_since',
    ],
  },
  linked_replicas: {
    key: ['key_id', 'region'],
    columns: ['version', 'deployment_id', 'account_id', 'policy', 'description', 'tags', 'created_at'],
  },
  linked_moves: {
    key: ['key_id'],
    columns: ['version', 'account_id', 'deployment_id', 'from_region', 'to_region', 'phase', 'started_at'],
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
