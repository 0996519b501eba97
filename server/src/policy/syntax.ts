import type { Location } from './malformed.ts'

/** What a policy is attached to, which decides what may stand in it. */
export type PolicyKind =
  /** Of a user, group or role, inline or managed. */
  | 'identity'
  /** Of a resource: a key policy. */
  | 'resource'
  /** Of a role: who may assume it. */
  | 'trust'
  | 'session'
  /** A permissions boundary. */
  | 'boundary'
  | 'service-control'
  | 'resource-control'
  /** Of a private endpoint. */
  | 'endpoint'

export type PolicyVersion = '2012-10-17' | '2008-10-17'

/** A policy as it is written: every name and value is known to be well formed, nothing is interpreted. */
export interface PolicyDocument {
  readonly kind: PolicyKind
  /** 2008-10-17 when the document names none. */
  readonly version: PolicyVersion
  readonly id?: string
  readonly statements: readonly Statement[]
  /** Where the part at a path stands, such as `['Statement', 0, 'Action', 1]`; undefined when there is none. */
  locate(path: readonly (string | number)[]): Location | undefined
}

export interface Statement {
  /** From 0, as they are written. */
  readonly index: number
  readonly sid?: string
  readonly effect: 'Allow' | 'Deny'
  readonly principal?: PrincipalElement
  readonly notPrincipal?: PrincipalElement
  readonly actions?: readonly string[]
  readonly notActions?: readonly string[]
  readonly resources?: readonly string[]
  readonly notResources?: readonly string[]
  /** One for each key of each operator; all must be satisfied. */
  readonly conditions: readonly ConditionEntry[]
  readonly location: Location
}

export interface PrincipalElement {
  /** `"*"` or `{"AWS": "*"}`. */
  readonly everyone: boolean
  readonly entries: readonly PrincipalEntry[]
  readonly location: Location
}

export interface PrincipalEntry {
  readonly type: 'AWS' | 'Service' | 'Federated' | 'CanonicalUser'
  readonly value: string
}

export interface ConditionEntry {
  /** As written, such as `ForAnyValue:StringLikeIfExists`; see operators.ts for its parts. */
  readonly operator: string
  /** As written, such as `aws:PrincipalTag/team`. */
  readonly key: string
  readonly values: readonly string[]
  readonly location: Location
}

/** What a statement may hold. */
export const statementElements: ReadonlySet<string> = new Set([
  'Sid',
  'Effect',
  'Principal',
  'NotPrincipal',
  'Action',
  'NotAction',
  'Resource',
  'NotResource',
  'Condition',
])
