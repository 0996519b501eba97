/**
 * The rows of every table, the same on both engines. Times are milliseconds since the epoch, flags
 * are 0 or 1, `version` starts at 1 and grows by one with each update, `mac` is the row's own HMAC
 * (authenticated-tables.ts). Binary columns are Buffers.
 */
export interface Database {
  readonly migrations: MigrationRow
  readonly deployment: DeploymentRow
  readonly system_keys: SystemKeyRow
  readonly domain_keys: DomainKeyRow
  readonly accounts: AccountRow
  readonly access_keys: AccessKeyRow
  readonly kms_keys: KmsKeyRow
  readonly key_materials: KeyMaterialRow
  readonly aliases: AliasRow
  readonly outbox: OutboxRow
  readonly feed_head: FeedHeadRow
  readonly feed: FeedRow
  readonly principals: PrincipalRow
  readonly managed_policies: ManagedPolicyRow
  readonly instance_profiles: InstanceProfileRow
  readonly mfa_devices: MfaDeviceRow
  readonly oidc_providers: OidcProviderRow
  readonly grants: GrantRow
  readonly organization: OrganizationRow
  readonly organization_policies: OrganizationPolicyRow
  readonly service_principals: ServicePrincipalRow
  readonly access_key_uses: AccessKeyUseRow
  readonly accepted_once: AcceptedOnceRow
  readonly timer_runner: TimerRunnerRow
  readonly key_uses: KeyUseRow
  readonly key_use_progress: KeyUseProgressRow
  readonly key_use_tracking: KeyUseTrackingRow
  readonly request_shares: RequestShareRow
  readonly link_identity: LinkIdentityRow
  readonly region_links: RegionLinkRow
  readonly region_link_states: RegionLinkStateRow
  readonly linked_sets: LinkedSetRow
  readonly linked_replicas: LinkedReplicaRow
  readonly linked_moves: LinkedMoveRow
  readonly journal_chains: JournalChainRow
  readonly journal_seals: JournalSealRow
  readonly journal_batches: JournalBatchRow
}

/** One row, id 1. It saves work and decides nothing: see schedule/timer-runner.ts. */
interface TimerRunnerRow {
  id: number
  /** The process whose turn it is, and until when. */
  holder: string | null
  held_until: number | null
  /** What time it was when timers last ran. */
  seen_at: number | null
  /** Until when what cannot be undone waits. */
  wait_until: number | null
}

/** Row number 0 is no migration: it is what a starter locks while it migrates. */
interface MigrationRow {
  number: number
  name: string
  applied_at: number
}

/** One row, id 1. */
export interface DeploymentRow {
  id: number
  deployment_id: string
  format: number
  created_at: number
  first_account_id: string
  dev_auth: number
  root_provider: string
  root_key_id: string
  root_descriptor: string
  version: number
  mac: Buffer
}

/** Sealed under the root key, which authenticates it. */
interface SystemKeyRow {
  name: string
  wrapped: Buffer
  root_key_id: string
}

/** Sealed under the root key, which authenticates it. */
interface DomainKeyRow {
  account_id: string
  region: string
  number: number
  wrapped: Buffer
  root_key_id: string
  created_at: number
}

export interface AccountRow {
  account_id: string
  name: string
  created_at: number
  account_alias: string | null
  /** `o-…/r-…/ou-…/`, the organization's id first; null outside of it. */
  organization_path: string | null
  /** Of the account's root user. JSON: {reason, at, by}. */
  quarantine: string | null
  version: number
  mac: Buffer
}

/**
 * `principal` is `root` or `user`; `user_id` is that user's unique id. A node of 0.1.0, which takes every access key for
 * its account's root user's, finds a row with a user unauthentic and refuses it.
 */
export interface AccessKeyRow {
  access_key_id: string
  account_id: string
  principal: string
  status: string
  wrapped_secret: Buffer
  created_at: number
  user_id: string | null
  version: number
  mac: Buffer
}

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

/** A committed change's journal record that the journal may not have yet. Never updated, so without a version. */
interface OutboxRow {
  event_id: string
  position: number
  record: string
  created_at: number
  mac: Buffer
}

/** One row, id 1: how many transitions that changed something have committed. */
interface FeedHeadRow {
  id: number
  position: number
}

interface FeedRow {
  position: number
  ordinal: number
  kind: string
  entity_id: string
}

/**
 * A user, group or role: `kind`. JSON columns: inline_policies [[name, document]…], attached_policies [arn…], group_ids [id…]
 * (of a user), trust_bindings and policy_bindings {arn: unique id}, tags [[key, value]…], quarantine {reason, at, by}. `name_key` is the name in lower case.
 */
export interface PrincipalRow {
  principal_id: string
  account_id: string
  kind: string
  name: string
  name_key: string
  path: string
  created_at: number
  description: string | null
  inline_policies: string
  attached_policies: string
  group_ids: string
  boundary_arn: string | null
  trust_policy: string | null
  trust_bindings: string | null
  max_session_seconds: number | null
  tags: string
  quarantine: string | null
  version: number
  mac: Buffer
}

/** JSON: versions [{number, document, created_at}…], tags. */
export interface ManagedPolicyRow {
  policy_id: string
  account_id: string
  arn: string
  name: string
  name_key: string
  path: string
  description: string | null
  created_at: number
  updated_at: number
  default_version: number
  last_version: number
  versions: string
  tags: string
  version: number
  mac: Buffer
}

export interface InstanceProfileRow {
  profile_id: string
  account_id: string
  name: string
  name_key: string
  path: string
  role_id: string | null
  tags: string
  created_at: number
  version: number
  mac: Buffer
}

/** `last_step` is the newest time step (RFC 6238) of which a code was accepted. */
export interface MfaDeviceRow {
  serial_number: string
  account_id: string
  wrapped_seed: Buffer
  principal_id: string | null
  enabled_at: number | null
  last_step: number | null
  tags: string
  created_at: number
  version: number
  mac: Buffer
}

export interface OidcProviderRow {
  arn: string
  account_id: string
  url: string
  client_ids: string
  thumbprints: string
  tags: string
  created_at: number
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

/** One row, id 1. JSON: units [{id, name, parent}…], attachments [[target id, policy id]…]. */
export interface OrganizationRow {
  id: number
  organization_id: string
  root_id: string
  units: string
  attachments: string
  created_at: number
  version: number
  mac: Buffer
}

export interface OrganizationPolicyRow {
  policy_id: string
  type: string
  name: string
  description: string | null
  document: string
  created_at: number
  updated_at: number
  version: number
  mac: Buffer
}

/** A service beside this one; `certificate` is PEM, the fingerprint SHA-256 of its DER in hex. */
export interface ServicePrincipalRow {
  name: string
  certificate_fingerprint: string
  certificate: string
  created_at: number
  version: number
  mac: Buffer
}

/** Not authenticated: it is shown and decides nothing. */
interface AccessKeyUseRow {
  access_key_id: string
  used_at: number
  region: string
  service: string
}

/** Not authenticated; see docs/security-model.md. */
interface AcceptedOnceRow {
  digest: string
  expires_at: number
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
interface KeyUseProgressRow {
  chain_id: string
  sequence: number
}

/** One row, id 1. */
interface KeyUseTrackingRow {
  id: number
  started_at: number | null
}

/** Not authenticated: it limits how much is asked for, and allows nothing. */
interface RequestShareRow {
  node: string
  seen_at: number
  /** JSON. */
  taken: string
}

/** One row, id 1: what other deployments know this one by; `certificate` is PEM. */
export interface LinkIdentityRow {
  id: number
  certificate: string
  wrapped_key: Buffer
  wrapped_seed: Buffer
  created_at: number
  version: number
  mac: Buffer
}

/** Another deployment; `identity` is the file that its operator gave, `regions` JSON. */
export interface RegionLinkRow {
  deployment_id: string
  url: string
  identity: string
  regions: string
  created_at: number
  version: number
  mac: Buffer
}

/** Not authenticated: it is shown, and decides nothing. */
interface RegionLinkStateRow {
  deployment_id: string
  seen_at: number | null
  failing_since: number | null
  failure: string | null
}

/** What one multi-Region set and one other deployment have told each other: see links/channels.ts. */
export interface LinkedSetRow {
  key_id: string
  deployment_id: string
  account_id: string
  /** Of our key that says what the set has in common; null while only the other side does. */
  region: string | null
  /** JSON: [number, digest] of what was lately sent, the newest last. */
  sent: string
  /** The hash of what the newest said. */
  sent_content: string | null
  acknowledged: number
  received: number
  received_digest: string | null
  /** JSON: Regions of ours whose replica is gone, which the other side was not told yet. */
  gone_regions: string | null
  due_at: number | null
  attempts: number
  trouble: string | null
  trouble_since: number | null
  version: number
  mac: Buffer
}

/** A replica that another deployment is to make; `tags` is JSON. */
export interface LinkedReplicaRow {
  key_id: string
  region: string
  deployment_id: string
  account_id: string
  policy: string
  description: string
  tags: string
  created_at: number
  version: number
  mac: Buffer
}

/** A primary key on its way to a Region of another deployment. */
export interface LinkedMoveRow {
  key_id: string
  account_id: string
  deployment_id: string
  from_region: string
  to_region: string
  phase: string
  started_at: number
  version: number
  mac: Buffer
}

interface JournalChainRow {
  chain_id: string
  node: string
  started_at: number
  genesis_hash: string
  closed_sequence: number | null
  closed_hash: string | null
  closed_reason: string | null
  version: number
  mac: Buffer
}

interface JournalSealRow {
  chain_id: string
  sequence: number
  hash: string
  sealed_at: number
  public_key: Buffer
  signature: Buffer
}

/** A group commit of the journal, where the database keeps it: `lines` holds whole lines with their line feeds. */
interface JournalBatchRow {
  chain_id: string
  first_sequence: number
  last_sequence: number
  lines: Buffer
  written_at: number
}

export type Row<Table extends keyof Database> = Database[Table]
