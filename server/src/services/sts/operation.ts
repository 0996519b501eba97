import type { AccessKeys } from '../../identity/access-keys.ts'
import type { MfaAttempts } from '../../identity/mfa-attempts.ts'
import type { MfaDevices } from '../../identity/mfa-devices.ts'
import type { ManagedPolicies } from '../../identity/managed-policies.ts'
import type { OidcKeys } from '../../identity/oidc-keys.ts'
import type { OidcProviders } from '../../identity/oidc-providers.ts'
import type { OrganizationOf } from '../../identity/organization-facts.ts'
import type { Principals } from '../../identity/principals.ts'
import type { SessionTokens } from '../../identity/session-tokens.ts'
import type { Store } from '../../store/store.ts'
import type { Call } from '../call.ts'
import type { OperationName, RequestOf, ResponseOf } from './shapes.ts'

/** What all operations of STS work on; one for the process. */
export interface StsParts {
  readonly store: Store
  readonly principals: Principals
  readonly managedPolicies: ManagedPolicies
  readonly accessKeys: AccessKeys
  readonly organizations: OrganizationOf
  readonly sessionTokens: SessionTokens
  readonly mfaDevices: MfaDevices
  readonly mfaAttempts: MfaAttempts
  readonly oidcProviders: OidcProviders
  readonly oidcKeys: OidcKeys
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

export interface StsContext extends StsParts {
  readonly call: Call
}

/** An operation of AWS STS: a checked request in, an answer out, AWS's errors thrown. */
export type Operation<Name extends OperationName> = (
  request: RequestOf<Name>,
  context: StsContext,
) => Promise<ResponseOf<Name>>
