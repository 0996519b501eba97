import type { CompiledPolicy, PolicySource } from './compile.ts'
import type { PolicyKind } from './syntax.ts'
import { EffortSpentError, MOST_EFFORT, within } from './effort.ts'
import { ACCOUNT, DIRECT, ROLE } from './principals.ts'
import type { PolicyRequest } from './request.ts'

/** Everything that decides one request. */
export interface DecisionFacts {
  readonly request: PolicyRequest
  /** Undefined for an action that is on no account's resource. */
  readonly resourceAccountId: string | undefined
  readonly resourceRule: ResourceRule
  readonly resourcePolicy?: CompiledPolicy | undefined
  /** Of the user and its groups, or of the role. The root user has none, and may do all that its account may. */
  readonly identityPolicies: readonly CompiledPolicy[]
  readonly boundary?: CompiledPolicy | undefined
  /** Undefined when the session has none; otherwise one of them must allow. */
  readonly sessionPolicies?: readonly CompiledPolicy[] | undefined
  /** The caller's organization: one list for each level, in each of which one must allow. Empty: no limit. */
  readonly serviceControl: readonly (readonly CompiledPolicy[])[]
  /** The resource's organization, likewise. */
  readonly resourceControl: readonly (readonly CompiledPolicy[])[]
  readonly endpointPolicy?: CompiledPolicy | undefined
  readonly quarantine?: Quarantine | undefined
  /** A grant of the resource that fits the request: its principal, operations and constraints were found to match. */
  readonly grant?: GrantSource | undefined
}

/**
 * `kms-key`, `trust`: the resource's policy must let the caller or its account in; not even root gets past it.
 * `plain`: identity policies suffice within the account; a resource policy is one more way.
 */
export type ResourceRule = 'kms-key' | 'trust' | 'plain'

/** An operator's deny, above everything. */
export interface Quarantine {
  readonly of: 'principal' | 'resource'
  readonly reason: string
}

export interface GrantSource {
  readonly grantId: string
  /** ARN of the resource that it is on. */
  readonly resourceArn: string
}

export interface Decision {
  readonly allowed: boolean
  readonly reason: DecisionReason
  /** Nothing denies explicitly, and every limit that also binds a grant allows: with a grant it is allowed. */
  readonly couldBeGranted: boolean
  /** What matched, in the order of evaluation; empty unless asked for. */
  readonly statements: readonly StatementMatch[]
}

export type DecisionReason =
  | { readonly type: 'allowed'; readonly by: AllowedBy; readonly grant?: GrantSource }
  | { readonly type: 'quarantine'; readonly quarantine: Quarantine; readonly hidden: boolean }
  | {
      readonly type: 'explicit-deny'
      readonly source: PolicySource
      readonly statement: { readonly index: number; readonly sid?: string }
      readonly hidden: boolean
    }
  | {
      readonly type: 'implicit-deny'
      /** The kind of policy that would have had to allow. */
      readonly missing: PolicyKind
      /** The resource is not the caller's account's, and its policy does not let the caller in: it may learn nothing. */
      readonly hidden: boolean
    }
  /** The policies take more work than one request may cost. */
  | { readonly type: 'too-much-effort'; readonly hidden: boolean }

/** What let a request in. */
export type AllowedBy = 'root-user' | 'identity' | 'resource' | 'grant'

export interface StatementMatch {
  readonly source: PolicySource
  readonly index: number
  readonly sid?: string
  readonly effect: 'Allow' | 'Deny'
}

/**
 * Decides a request as AWS's published evaluation logic does. Pure: the same facts always give the same answer.
 *
 * @see docs/policy-evaluation.md; AWS IAM User Guide, "Policy evaluation logic"; AWS KMS Developer Guide, "Key policies"
 */
export function decide(facts: DecisionFacts, options: { readonly explain?: boolean } = {}): Decision {
  const evaluation = new Evaluation(facts, options.explain === true)
  try {
    return within(MOST_EFFORT, () => evaluation.decide())
  } catch (error) {
    if (error instanceof EffortSpentError) return evaluation.givenUp()
    throw error
  }
}

// What the statements of a policy come to: how its allows name the caller (see principals.ts), and whether one denies.
type Outcome = number
const DENIED = 8
const ALLOWED = ACCOUNT | ROLE | DIRECT

// Resource control policies have no effect on it (AWS Organizations User Guide, "Resource control policies").
const BEYOND_RESOURCE_CONTROL = 'kms:RetireGrant'

const allowedBy = {
  'root-user': { type: 'allowed', by: 'root-user' },
  identity: { type: 'allowed', by: 'identity' },
  resource: { type: 'allowed', by: 'resource' },
} as const satisfies Record<string, DecisionReason>

class Evaluation {
  readonly #facts: DecisionFacts
  readonly #request: PolicyRequest
  readonly #statements: StatementMatch[] | undefined
  /** The first explicit deny. */
  #denial: { readonly source: PolicySource; readonly index: number; readonly sid?: string } | undefined

  constructor(facts: DecisionFacts, explain: boolean) {
    this.#facts = facts
    this.#request = facts.request
    this.#statements = explain ? [] : undefined
  }

  decide(): Decision {
    const facts = this.#facts
    const { principal } = this.#request
    // Services, holders of web identity tokens and strangers are of no account: only the resource's side speaks for them.
    const accountId =
      principal.type === 'root' || principal.type === 'user' || principal.type === 'assumed-role'
        ? principal.accountId
        : undefined
    const ofOneAccount =
      accountId !== undefined &&
      (facts.resourceAccountId === undefined || facts.resourceAccountId === accountId)

    const serviceControl = accountId === undefined || this.#levelsAllow(facts.serviceControl)
    const resourceControl =
      this.#request.action === BEYOND_RESOURCE_CONTROL || this.#levelsAllow(facts.resourceControl)
    const endpoint = this.#limitAllows(facts.endpointPolicy)
    const resource = facts.resourcePolicy === undefined ? 0 : this.#evaluate(facts.resourcePolicy)
    const identity =
      accountId !== undefined && (this.#evaluateAll(facts.identityPolicies) || principal.type === 'root')
    const boundary = this.#limitAllows(facts.boundary)
    const session = facts.sessionPolicies === undefined || this.#evaluateAll(facts.sessionPolicies)

    const hidden = !ofOneAccount && ((resource & ALLOWED) === 0 || (resource & DENIED) !== 0)
    const { quarantine } = facts
    if (quarantine !== undefined) {
      return this.#refused({
        type: 'quarantine',
        quarantine,
        hidden: hidden || (quarantine.of === 'resource' && !ofOneAccount),
      })
    }
    if (this.#denial !== undefined) {
      const { source, index, sid } = this.#denial
      const statement = { index, ...(sid === undefined ? {} : { sid }) }
      return this.#refused({ type: 'explicit-deny', source, statement, hidden })
    }
    if (!serviceControl) return this.#missing('service-control', hidden)
    if (!resourceControl) return this.#missing('resource-control', hidden)
    if (!endpoint) return this.#missing('endpoint', hidden)

    const limits = boundary && session
    const byResource = this.#resourceAllows(resource, ofOneAccount, { identity, limits })
    if (byResource) return this.#allowed(allowedBy.resource)
    if (ofOneAccount && identity && limits && this.#leavesItToIdentity(resource)) {
      return this.#allowed(principal.type === 'root' ? allowedBy['root-user'] : allowedBy.identity)
    }
    if (facts.grant !== undefined && limits) {
      return this.#allowed({ type: 'allowed', by: 'grant', grant: facts.grant })
    }
    return this.#missing(
      this.#whatIsMissing(resource, ofOneAccount, { identity, boundary, session }),
      hidden,
      limits,
    )
  }

  /** Nobody knows what the rest would have said: neither that the caller is let in, nor that nothing denies. */
  givenUp(): Decision {
    const { principal } = this.#request
    const { resourceAccountId } = this.#facts
    const ofOneAccount =
      resourceAccountId === undefined ||
      ('accountId' in principal && principal.accountId === resourceAccountId)
    return this.#refused({ type: 'too-much-effort', hidden: !ofOneAccount })
  }

  /** Whether the resource's policy lets the caller in, without or, from another account, together with its own side. */
  #resourceAllows(
    resource: Outcome,
    ofOneAccount: boolean,
    own: { readonly identity: boolean; readonly limits: boolean },
  ): boolean {
    if ((resource & ALLOWED) === 0) return false
    switch (this.#request.principal.type) {
      case 'service':
      case 'federated':
      case 'anonymous':
        return true
      case 'root':
      case 'user':
      case 'assumed-role':
        if (!ofOneAccount) return own.identity && own.limits
        if ((resource & DIRECT) !== 0) return true
        return (resource & ROLE) !== 0 && own.limits
    }
  }

  /** Whether the caller's own policies may let it in, on a resource of its account. */
  #leavesItToIdentity(resource: Outcome): boolean {
    return this.#facts.resourceRule === 'plain' || (resource & ALLOWED) !== 0
  }

  #whatIsMissing(
    resource: Outcome,
    ofOneAccount: boolean,
    own: { readonly identity: boolean; readonly boundary: boolean; readonly session: boolean },
  ): PolicyKind {
    const letsIn = ofOneAccount ? this.#leavesItToIdentity(resource) : (resource & ALLOWED) !== 0
    if (!letsIn) return this.#facts.resourceRule === 'trust' ? 'trust' : 'resource'
    // A session that is named by its role needs no identity policy, only room within its limits.
    if (!own.identity && !(ofOneAccount && (resource & ROLE) !== 0)) return 'identity'
    return own.boundary ? 'session' : 'boundary'
  }

  #levelsAllow(levels: readonly (readonly CompiledPolicy[])[]): boolean {
    let all = true
    for (const level of levels) if (!this.#evaluateAll(level)) all = false
    return all
  }

  #limitAllows(policy: CompiledPolicy | undefined): boolean {
    return policy === undefined || (this.#evaluate(policy) & ALLOWED) !== 0
  }

  /** Whether one of them allows. All are evaluated, because any may deny. */
  #evaluateAll(policies: readonly CompiledPolicy[]): boolean {
    let allows = false
    for (const policy of policies) if ((this.#evaluate(policy) & ALLOWED) !== 0) allows = true
    return allows
  }

  #evaluate(policy: CompiledPolicy): Outcome {
    let outcome = 0
    for (const statement of policy.statementsOn(this.#request.action)) {
      const naming = statement.match(this.#request)
      if (naming === 0) continue
      const { index, sid, effect } = statement
      if (effect === 'Allow') outcome |= naming
      else {
        outcome |= DENIED
        this.#denial ??= { source: policy.source, index, ...(sid === undefined ? {} : { sid }) }
      }
      this.#statements?.push({ source: policy.source, index, ...(sid === undefined ? {} : { sid }), effect })
    }
    return outcome
  }

  #allowed(reason: DecisionReason): Decision {
    return { allowed: true, reason, couldBeGranted: true, statements: this.#statements ?? [] }
  }

  #refused(reason: DecisionReason, couldBeGranted = false): Decision {
    return { allowed: false, reason, couldBeGranted, statements: this.#statements ?? [] }
  }

  #missing(missing: PolicyKind, hidden: boolean, couldBeGranted = false): Decision {
    return this.#refused({ type: 'implicit-deny', missing, hidden }, couldBeGranted)
  }
}
