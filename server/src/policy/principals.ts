import type { PolicyKind, PrincipalElement } from './syntax.ts'
import { isBound, readPrincipalValue } from './principal-value.ts'
import type { RequestPrincipal } from './request.ts'

/** How a statement names who asks; the larger, the more directly. */
export type Naming = 0 | typeof ACCOUNT | typeof ROLE | typeof DIRECT

/** By its account: in a key policy that leaves the decision to the account's own policies. */
export const ACCOUNT = 1
/** A session, by its role: boundaries and session policies limit it. */
export const ROLE = 2
/** By itself: a user, a session, a service, or everybody. */
export const DIRECT = 4

/** @returns how the principal is named, 0 when it is not */
export type PrincipalTest = (principal: RequestPrincipal) => Naming

/**
 * @param bindings the unique ids of the ARNs. Without them an ARN names whoever has it now.
 * @see AWS IAM User Guide, "AWS JSON policy elements: Principal" and "NotPrincipal"
 */
export function compilePrincipals(
  element: PrincipalElement,
  statement: { effect: 'Allow' | 'Deny'; negated: boolean; kind: PolicyKind },
  bindings: ReadonlyMap<string, string> | undefined,
): PrincipalTest {
  const { effect, negated, kind } = statement
  // An ARN that was bound to nothing lets nobody in, and keeps out whoever has it.
  const letsIn = (effect === 'Allow') !== negated
  const unbound = letsIn ? '' : undefined
  const named = new NamedPrincipals(element, (arn) =>
    bindings === undefined ? undefined : (bindings.get(arn) ?? unbound),
  )
  if (!negated) {
    // Whoever holds a token of some provider must be let into a role by that provider's name.
    const namedProvider = kind === 'trust' && effect === 'Allow'
    return (principal) =>
      namedProvider && principal.type === 'federated'
        ? named.provider(principal.provider)
        : named.strongest(principal)
  }
  return effect === 'Deny'
    ? (principal) => (named.wholly(principal) ? 0 : DIRECT)
    : (principal) => (named.strongest(principal) === 0 ? DIRECT : 0)
}

class NamedPrincipals {
  readonly #everyone: boolean
  readonly #accounts = new Set<string>()
  /** ARN → the unique id that it must have; undefined for any. */
  readonly #arns = new Map<string, string | undefined>()
  readonly #ids = new Set<string>()
  readonly #services = new Set<string>()
  readonly #providers = new Set<string>()

  constructor(element: PrincipalElement, boundId: (arn: string) => string | undefined) {
    this.#everyone = element.everyone
    for (const { type, value } of element.entries) {
      if (type === 'Service') this.#services.add(value.toLowerCase())
      if (type === 'Federated') this.#providers.add(value)
      const named = type === 'AWS' ? readPrincipalValue(value) : undefined
      if (named === undefined || named.type === 'everyone') continue
      if (named.type === 'account') this.#accounts.add(named.accountId)
      else if (named.type === 'unique-id') this.#ids.add(named.id)
      else {
        const bound = isBound(named) ? boundId(named.arn) : undefined
        // Whoever was renamed is still who is meant. The name of a session has no id; '' is nobody's.
        if (bound && named.type !== 'role-session') this.#ids.add(bound)
        else this.#arns.set(named.arn, bound)
      }
    }
  }

  strongest(principal: RequestPrincipal): Naming {
    if (this.#everyone) return DIRECT
    switch (principal.type) {
      case 'root':
        return this.#accounts.has(principal.accountId) ? DIRECT : 0
      case 'user':
        if (this.#names(principal.arn, principal.id)) return DIRECT
        return this.#accounts.has(principal.accountId) ? ACCOUNT : 0
      case 'assumed-role':
        if (this.#hasArn(principal.arn, principal.roleId)) return DIRECT
        if (this.#names(principal.roleArn, principal.roleId)) return ROLE
        return this.#accounts.has(principal.accountId) ? ACCOUNT : 0
      case 'federated':
        return this.provider(principal.provider)
      case 'service':
        return principal.names.some((name) => this.#services.has(name.toLowerCase())) ? DIRECT : 0
      case 'anonymous':
        return 0
    }
  }

  provider(arn: string): Naming {
    return this.#providers.has(arn) ? DIRECT : 0
  }

  /**
   * Whether a principal is named with all that it is: a session by its ARN, its role's and its account's. A Deny with
   * NotPrincipal spares nobody else.
   */
  wholly(principal: RequestPrincipal): boolean {
    if (this.#everyone) return true
    switch (principal.type) {
      case 'user':
        return this.#accounts.has(principal.accountId) && this.#names(principal.arn, principal.id)
      case 'assumed-role':
        return (
          this.#accounts.has(principal.accountId) &&
          this.#names(principal.roleArn, principal.roleId) &&
          this.#hasArn(principal.arn, principal.roleId)
        )
      case 'root':
      case 'federated':
      case 'service':
      case 'anonymous':
        return this.strongest(principal) !== 0
    }
  }

  #names(arn: string, id: string): boolean {
    return this.#hasArn(arn, id) || this.#ids.has(id)
  }

  #hasArn(arn: string, id: string): boolean {
    if (!this.#arns.has(arn)) return false
    const bound = this.#arns.get(arn)
    return bound === undefined || bound === id
  }
}
