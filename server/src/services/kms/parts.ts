import type { AttestationVerifier } from '../../crypto/attestation/attestation-verifier.ts'
import type { KeyEngine } from '../../crypto/key-engine.ts'
import type { RandomSource } from '../../crypto/random.ts'
import type { OrganizationOf } from '../../identity/organization-facts.ts'
import type { PrincipalBinding } from '../../identity/principal-binding.ts'
import type { Aliases } from '../../keys/aliases.ts'
import type { Grants } from '../../keys/grants.ts'
import type { KeyUses } from '../../keys/key-uses.ts'
import type { Imports } from '../../keys/imports.ts'
import type { Keys } from '../../keys/keys.ts'
import type { ResourceQuotas } from '../../keys/resource-quotas.ts'
import type { PendingDeletions } from './pending-deletions.ts'
import type { LinkedKeys } from '../../links/linked-keys.ts'
import type { Store } from '../../store/store.ts'
import type { RequestThrottle } from './request-throttle.ts'

/** What all operations of KMS work on; one for the process. */
export interface KmsParts {
  readonly store: Store
  readonly keys: Keys
  /** Key material that its owner made. */
  readonly imports: Imports
  /** When keys were last used. */
  readonly keyUses: KeyUses
  readonly aliases: Aliases
  readonly grants: Grants
  /** The organizations of other accounts, whose keys a caller may name. */
  readonly organizations: OrganizationOf
  /** Ties the principals that key policies name to those who have the names now. */
  readonly binding: PrincipalBinding
  /** Makes key pairs for clients. */
  readonly engine: KeyEngine
  /** Undefined when no root of attestation documents is trusted. */
  readonly attestation: AttestationVerifier | undefined
  /** The Regions that this deployment serves. */
  readonly regions: ReadonlySet<string>
  /** Regions that other deployments serve. */
  readonly linked: LinkedKeys
  readonly resourceQuotas: ResourceQuotas
  /** Undefined when requests are not limited. */
  readonly throttle?: RequestThrottle | undefined
  /** Told when somebody who may use a key is refused because it is pending deletion. */
  readonly pendingDeletions?: PendingDeletions | undefined
  readonly random: RandomSource
  /** Milliseconds since the epoch. */
  readonly now: () => number
}
