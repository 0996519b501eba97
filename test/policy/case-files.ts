import { readdirSync, readFileSync } from 'node:fs'
import { compilePolicy, type CompiledPolicy } from '../../server/src/policy/compile.ts'
import type { DecisionFacts } from '../../server/src/policy/decision.ts'
import { parsePolicy, type PolicyKind } from '../../server/src/policy/document.ts'
import {
  ambiguous,
  type ContextValue,
  type RequestContext,
  type RequestPrincipal,
} from '../../server/src/policy/request.ts'

/** A request, the policies that decide it, and what is expected; as it stands in cases/*.json. */
export interface DecisionCase {
  readonly name: string
  /** An ARN, the name of a service, or `anonymous`. */
  readonly principal: string
  /** AIDA… or AROA… of the principal, where it matters. */
  readonly principalId?: string
  /** Of a session whose role has a path. */
  readonly roleArn?: string
  readonly action: string
  readonly resource: string
  /** The resource's ARN tells it, unless it is null: an action on no resource. */
  readonly resourceAccount?: null
  readonly rule?: 'plain' | 'trust'
  readonly context?: Context
  readonly policies: {
    readonly key?: object
    readonly trust?: object
    readonly identity?: readonly object[]
    readonly boundary?: object
    readonly session?: readonly object[]
    readonly serviceControl?: readonly (readonly object[])[]
    readonly resourceControl?: readonly (readonly object[])[]
    readonly endpoint?: object
  }
  /** Of the key policy or trust policy. */
  readonly bindings?: Readonly<Record<string, string>>
  readonly grant?: true
  readonly quarantine?: 'principal' | 'resource'
  readonly expected: Expected
}

export type Expected =
  | { readonly allowed: true; readonly by: string }
  | {
      readonly allowed: false
      /** The kind of policy that denies, or that would have had to allow. */
      readonly deniedBy?: PolicyKind
      readonly missing?: PolicyKind
      readonly quarantine?: string
      readonly hidden?: true
      readonly couldBeGranted?: boolean
    }

export type Context = Readonly<Record<string, ContextValue | { readonly ambiguous: true }>>

const directory = new URL('cases/', import.meta.url)

export function caseFileNames(): string[] {
  return readdirSync(directory).toSorted()
}

export function readCaseFile<File>(name: string): File {
  return JSON.parse(readFileSync(new URL(name, directory), 'utf8')) as File
}

export function compiled(
  policy: object,
  kind: PolicyKind,
  bindings?: ReadonlyMap<string, string>,
): CompiledPolicy {
  return compilePolicy(parsePolicy(JSON.stringify(policy), kind), { type: kind }, bindings)
}

export function contextOf(values: Context = {}): RequestContext {
  const byKey = new Map(Object.entries(values).map(([key, value]) => [key.toLowerCase(), value]))
  return {
    get(key) {
      const value = byKey.get(key)
      return typeof value === 'object' && 'ambiguous' in value ? ambiguous : value
    },
  }
}

export function factsOf(one: DecisionCase): DecisionFacts {
  const { policies } = one
  const bindings = one.bindings && new Map(Object.entries(one.bindings))
  const resourcePolicy =
    policies.trust !== undefined
      ? compiled(policies.trust, 'trust', bindings)
      : policies.key && compiled(policies.key, 'resource', bindings)
  const levels = (kind: PolicyKind, of: readonly (readonly object[])[] = []) =>
    of.map((level) => level.map((policy) => compiled(policy, kind)))
  return {
    request: {
      action: one.action,
      resource: one.resource,
      principal: principalOf(one),
      context: contextOf(one.context),
    },
    resourceAccountId: one.resourceAccount === null ? undefined : one.resource.split(':')[4],
    resourceRule: one.rule ?? 'kms-key',
    resourcePolicy,
    identityPolicies: (policies.identity ?? []).map((policy) => compiled(policy, 'identity')),
    boundary: policies.boundary && compiled(policies.boundary, 'boundary'),
    sessionPolicies: policies.session?.map((policy) => compiled(policy, 'session')),
    serviceControl: levels('service-control', policies.serviceControl),
    resourceControl: levels('resource-control', policies.resourceControl),
    endpointPolicy: policies.endpoint && compiled(policies.endpoint, 'endpoint'),
    quarantine: one.quarantine && { of: one.quarantine, reason: 'found in a log' },
    grant: one.grant && { grantId: 'f'.repeat(64), resourceArn: one.resource },
  }
}

function principalOf({
  principal,
  principalId,
  roleArn,
}: Pick<DecisionCase, 'principal' | 'principalId' | 'roleArn'>): RequestPrincipal {
  if (principal === 'anonymous') return { type: 'anonymous' }
  if (!principal.startsWith('arn:')) return { type: 'service', names: [principal] }
  const [, partition = '', , , accountId = '', resource = ''] = principal.split(':')
  const [kind, name = '', sessionName = ''] = resource.split('/')
  if (kind === 'root') return { type: 'root', accountId, arn: principal }
  if (kind === 'oidc-provider') return { type: 'federated', accountId, provider: principal }
  if (kind === 'user') {
    return { type: 'user', accountId, arn: principal, id: principalId ?? 'AIDAEXAMPLE0000000001' }
  }
  return {
    type: 'assumed-role',
    accountId,
    arn: principal,
    roleArn: roleArn ?? `arn:${partition}:iam::${accountId}:role/${name}`,
    roleId: principalId ?? 'AROAEXAMPLE0000000001',
    sessionName,
  }
}
