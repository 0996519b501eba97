export interface KmsKeyRow {
  region: string
  key_id: string
  account_id: string
  state: string
  description: string
  key_spec: string
  key_usage: string
  origin: string
  multi_region: number
  key_manager: string
  created_at: number
  deletion_at: number | null
  pending_window_days: number | null
  current_material_id: string | null
  policy: string
  /** JSON: a list of {k, v} in the order they were given. */
  tags: string
  /** JSON: [[arn, unique id]…] of the principals that the policy names. */
  policy_bindings: string | null
  /** JSON: {reason, at, by}. */
  quarantine: string | null
  /**
   * JSON: the names of its aliases, in order; a policy can deny by them, so they stand here too and not only in rows of
   * their own. Null in rows of before there was this column.
   */
  alias_names: string | null
  /** Days between automatic rotations; null when there are none. */
  rotation_period_days: number | null
  /** What the period counts from. */
  rotation_from: number | null
  rotation_at: number | null
  /** The first time at which material that the key needs expires. */
  valid_to: number | null
  /** Of a key whose material is imported; wrapped. See keys/imported-material.ts. */
  fingerprint_key: Buffer | null
  /** Of a multi-Region key. */
  primary_region: string | null
  /** Of a multi-Region key. JSON: the Regions of its replicas, in order. */
  replica_regions: string | null
  /** When something is to be done to bring a multi-Region key's set into agreement; null when nothing is. */
  sync_at: number | null
  version: number
  mac: Buffer
}

export interface KeyMaterialRow {
  region: string
  key_id: string
  material_id: string
  account_id: string
  domain_key_number: number
  /** Empty when imported material was deleted or has expired. */
  wrapped: Buffer
  created_at: number
  /** When it became the current one in the place of another; null for a key's first. */
  rotated_at: number | null
  /** AUTOMATIC or ON_DEMAND. */
  rotation_type: string | null
  /** Of imported material: IMPORTED or PENDING_IMPORT, which it is after it was deleted or expired. */
  import_state: string | null
  /** Of material that was never the current one: PENDING_ROTATION or PENDING_MULTI_REGION_IMPORT_AND_ROTATION. */
  pending_state: string | null
  /** Of imported material that is there and expires. */
  valid_to: number | null
  description: string | null
  /** Of imported material: a keyed one, which outlives it, by which the same material is known again. */
  fingerprint: Buffer | null
  /** Of imported key pairs: SubjectPublicKeyInfo, which outlives the private key. */
  public_key: Buffer | null
  version: number
  mac: Buffer
}

export interface AliasRow {
  account_id: string
  region: string
  name: string
  key_id: string
  created_at: number
  updated_at: number
  version: number
  mac: Buffer
}

/**
 * JSON: operations [name…]; constraints {equals: […]} or {subset: […]}, pairs sorted by name. `grantee_id` and `retiring_id` are unique ids of
 * principals, account ids, or names of services.
 */
export interface GrantRow {
  region: string
  key_id: string
  grant_id: string
  account_id: string
  name: string | null
  grantee: string
  grantee_id: string
  retiring: string | null
  retiring_id: string | null
  issuing_account: string
  operations: string
  constraints: string | null
  source_arn: string | null
  created_at: number
  version: number
  mac: Buffer
}

/**
 * Not authenticated: a rollup of the journal, which has the truth. `material_id` is empty for keys that have one piece of
 * material only; `chain_id` and `sequence` say where the record stands.
 */
export interface KeyUseRow {
  region: string
  key_id: string
  material_id: string
  operation: string
  used_at: number
  chain_id: string
  sequence: number
  event_id: string
  request_id: string | null
}

/** Through which record of a chain of the journal its uses of keys are in key_uses. No row: none of them. */
export interface KeyUseProgressRow {
  chain_id: string
  sequence: number
}

/** One row, id 1. */
export interface KeyUseTrackingRow {
  id: number
  started_at: number | null
}
