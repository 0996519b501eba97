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
  readonly journal_chains: JournalChainRow
  readonly journal_seals: JournalSealRow
  readonly journal_batches: JournalBatchRow
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
  version: number
  mac: Buffer
}

export interface AccessKeyRow {
  access_key_id: string
  account_id: string
  principal: string
  status: string
  wrapped_secret: Buffer
  created_at: number
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
  version: number
  mac: Buffer
}

export interface KeyMaterialRow {
  region: string
  key_id: string
  material_id: string
  account_id: string
  domain_key_number: number
  wrapped: Buffer
  created_at: number
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
