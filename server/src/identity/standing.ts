import type { CompiledPolicy } from '../policy/compile.ts'
import type { RequestContext, RequestPrincipal } from '../policy/request.ts'
import type { CacheEntry } from '../store/coherent-cache.ts'
import type { Caller } from './caller.ts'
import type { OrganizationFacts } from './organization-facts.ts'

/**
 * Everything about a caller that decides what it may do, whatever it asks for; made when the request is
 * authenticated. What a row names and the database does not have (a group, a managed policy, a boundary, an
 * organization's policy) refuses everything: a row that is taken away must never allow more.
 */
export interface Standing {
  readonly caller: Caller
  readonly principal: RequestPrincipal
  /** Of the user and its groups, or of the role. The root user has none, and may do all that its account may. */
  readonly identityPolicies: readonly CompiledPolicy[]
  readonly boundary: CompiledPolicy | undefined
  /** Undefined for a session without them; otherwise the session may do what one of them allows. */
  readonly sessionPolicies: readonly CompiledPolicy[] | undefined
  /** One list for each level of the organization from its root to the account, each of which must allow; empty outside. */
  readonly serviceControl: readonly (readonly CompiledPolicy[])[]
  /** Of the caller's account, whose resources are under it too. */
  readonly organization: OrganizationFacts
  /**
   * The reason why nothing that this principal asks for is allowed: an operator put it under quarantine, or
   * something that its rows name cannot be found.
   */
  readonly quarantine: string | undefined
  /** The condition keys that follow from who asks. */
  readonly context: RequestContext
  /** What this rests on. */
  readonly entries: readonly CacheEntry<unknown>[]
}
