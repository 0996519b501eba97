import type { KeyObject } from 'node:crypto'
import type { Clock } from '../clock.ts'
import type { RandomSource } from '../crypto/random.ts'
import { createAccessKeyUses, type AccessKeyUses } from '../identity/access-key-uses.ts'
import { createAccessKeys, type AccessKeys } from '../identity/access-keys.ts'
import { createAccounts, type Accounts } from '../identity/accounts.ts'
import { createInstanceProfiles, type InstanceProfiles } from '../identity/instance-profiles.ts'
import { createManagedPolicies, type ManagedPolicies } from '../identity/managed-policies.ts'
import { createMfaAttempts, type MfaAttempts } from '../identity/mfa-attempts.ts'
import { createMfaDevices, type MfaDevices } from '../identity/mfa-devices.ts'
import { createOidcProviders, type OidcProviders } from '../identity/oidc-providers.ts'
import type { OrganizationOf } from '../identity/organization-facts.ts'
import { createOrganization } from '../identity/organization.ts'
import { createPrincipalBinding, type PrincipalBinding } from '../identity/principal-binding.ts'
import { createPrincipals, type Principals } from '../identity/principals.ts'
import { createServicePrincipals, type ServicePrincipals } from '../identity/service-principals.ts'
import { createSessionTokens, type SessionTokens } from '../identity/session-tokens.ts'
import { createStandings, type Standings } from '../identity/standing-of.ts'
import type { Store } from '../store/store.ts'
import type { Log } from '../telemetry/log.ts'

/** Everything that says who somebody is, and what it may do. */
export interface OpenedIdentity {
  readonly accounts: Accounts
  readonly accessKeys: AccessKeys
  readonly accessKeyUses: AccessKeyUses
  readonly principals: Principals
  readonly managedPolicies: ManagedPolicies
  readonly instanceProfiles: InstanceProfiles
  readonly mfaDevices: MfaDevices
  readonly mfaAttempts: MfaAttempts
  readonly oidcProviders: OidcProviders
  readonly organizations: OrganizationOf
  readonly servicePrincipals: ServicePrincipals
  readonly binding: PrincipalBinding
  readonly sessionTokens: SessionTokens
  readonly standings: Standings
}

export function openIdentity(parts: {
  store: Store
  /** Wraps the secrets; below the root key. */
  secretsKey: KeyObject
  managementAccountId: string
  cacheLimit: number
  clock: Clock
  random: RandomSource
  log: Log
}): OpenedIdentity {
  const { store, secretsKey, managementAccountId, cacheLimit, clock, random, log } = parts
  const now = () => clock.now()
  const accounts = createAccounts({ store, now, cacheLimit })
  const accessKeys = createAccessKeys({ store, secretsKey, now, cacheLimit })
  const principals = createPrincipals({ store, random, now, cacheLimit })
  const managedPolicies = createManagedPolicies({ store, random, now, cacheLimit })
  const organizations = createOrganization({ store, managementAccountId, cacheLimit })
  return {
    accounts,
    accessKeys,
    accessKeyUses: createAccessKeyUses({
      store,
      clock,
      onFailure: (error) => {
        log.warn({ err: error }, 'when access keys were last used could not be written')
      },
    }),
    principals,
    managedPolicies,
    instanceProfiles: createInstanceProfiles({ store, random, now }),
    mfaDevices: createMfaDevices({ store, secretsKey, random, now }),
    mfaAttempts: createMfaAttempts(now),
    oidcProviders: createOidcProviders({ store, now, cacheLimit }),
    organizations,
    servicePrincipals: createServicePrincipals({ store, now, cacheLimit }),
    binding: createPrincipalBinding({ principals }),
    sessionTokens: createSessionTokens({ secretsKey, random }),
    standings: createStandings({
      store,
      accounts,
      accessKeys,
      principals,
      managedPolicies,
      organizations,
      cacheLimit,
    }),
  }
}
