import type { RandomSource } from '../../crypto/random.ts'
import type { AccessKeys } from '../../identity/access-keys.ts'
import type { AccessKeyUses } from '../../identity/access-key-uses.ts'
import type { Accounts } from '../../identity/accounts.ts'
import type { InstanceProfiles } from '../../identity/instance-profiles.ts'
import type { ManagedPolicies } from '../../identity/managed-policies.ts'
import type { MfaDevices } from '../../identity/mfa-devices.ts'
import type { OidcProviders } from '../../identity/oidc-providers.ts'
import type { OrganizationOf } from '../../identity/organization-facts.ts'
import type { PrincipalBinding } from '../../identity/principal-binding.ts'
import type { Principals } from '../../identity/principals.ts'
import type { Standings } from '../../identity/standing-of.ts'
import type { Store } from '../../store/store.ts'

/** What the operations of IAM work on; one for the process. */
export interface IamParts {
  readonly store: Store
  readonly accounts: Accounts
  readonly accessKeys: AccessKeys
  readonly accessKeyUses: AccessKeyUses
  readonly principals: Principals
  readonly managedPolicies: ManagedPolicies
  readonly instanceProfiles: InstanceProfiles
  readonly mfaDevices: MfaDevices
  readonly oidcProviders: OidcProviders
  readonly organizations: OrganizationOf
  readonly standings: Standings
  readonly binding: PrincipalBinding
  readonly random: RandomSource
  /** Milliseconds since the epoch. */
  readonly now: () => number
}
