import type {
  DeploymentRow,
  DomainKeyRow,
  FeedHeadRow,
  FeedRow,
  MigrationRow,
  RequestShareRow,
  SystemKeyRow,
  TimerRunnerRow,
} from './rows/deployment-rows.ts'
import type {
  AcceptedOnceRow,
  AccessKeyRow,
  AccessKeyUseRow,
  AccountRow,
  InstanceProfileRow,
  ManagedPolicyRow,
  MfaDeviceRow,
  OidcProviderRow,
  OrganizationPolicyRow,
  OrganizationRow,
  PrincipalRow,
  ServicePrincipalRow,
} from './rows/identity-rows.ts'
import type { JournalBatchRow, JournalChainRow, JournalSealRow, OutboxRow } from './rows/journal-rows.ts'
import type {
  AliasRow,
  GrantRow,
  KeyMaterialRow,
  KeyUseProgressRow,
  KeyUseRow,
  KeyUseTrackingRow,
  KmsKeyRow,
} from './rows/key-rows.ts'
import type {
  LinkIdentityRow,
  LinkedMoveRow,
  LinkedReplicaRow,
  LinkedSetRow,
  RegionLinkRow,
  RegionLinkStateRow,
} from './rows/link-rows.ts'

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

export type Row<Table extends keyof Database> = Database[Table]
