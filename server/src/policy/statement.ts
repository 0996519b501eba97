import { compileCondition, type ConditionTest } from './conditions.ts'
import type { PolicyKind, PolicyVersion, Statement } from './syntax.ts'
import { compileGlob } from './glob.ts'
import { compilePrincipals, DIRECT, type Naming, type PrincipalTest } from './principals.ts'
import { ambiguous, type PolicyRequest } from './request.ts'
import { readTemplate } from './template.ts'

/** A statement that is ready to be held against requests. */
export interface CompiledStatement {
  readonly index: number
  readonly sid?: string
  readonly effect: 'Allow' | 'Deny'
  /** @param action in lower case */
  isOn(action: string): boolean
  /**
   * Whether the rest of the statement matches a request whose action does, and how it names who asks; a statement of a
   * policy without principals is about whoever the policy belongs to.
   */
  match(request: PolicyRequest): Naming
}

/** @param bindings the unique id that each ARN among its principals was bound to when the policy was stored */
export function compileStatement(
  statement: Statement,
  policy: { kind: PolicyKind; version: PolicyVersion },
  bindings: ReadonlyMap<string, string> | undefined,
): CompiledStatement {
  const { index, sid, effect } = statement
  const variables = policy.version === '2012-10-17'
  const isOn = compileActions(statement)
  const names = compilePrincipal(statement, policy.kind, bindings)
  const isAbout = compileResources(statement, policy.kind, variables)
  const conditions = statement.conditions.map((entry) => compileCondition(entry, effect, variables))
  return {
    index,
    ...(sid === undefined ? {} : { sid }),
    effect,
    isOn,
    match(request) {
      const naming = names(request.principal)
      if (naming === 0 || !isAbout(request) || !areSatisfied(conditions, request)) return 0
      return naming
    },
  }
}

function areSatisfied(conditions: readonly ConditionTest[], { context }: PolicyRequest): boolean {
  for (const condition of conditions) if (!condition(context)) return false
  return true
}

function compileActions({ actions, notActions }: Statement): (action: string) => boolean {
  const globs = (actions ?? notActions ?? []).map((action) =>
    compileGlob([{ text: action.toLowerCase(), wild: true }]),
  )
  if (actions !== undefined) return (action) => globs.some((glob) => glob.matches(action))
  // KMS takes statements without an action; they have no effect.
  return (action) => notActions !== undefined && !globs.some((glob) => glob.matches(action))
}

function compilePrincipal(
  { principal, notPrincipal, effect }: Statement,
  kind: PolicyKind,
  bindings: ReadonlyMap<string, string> | undefined,
): PrincipalTest {
  if (principal !== undefined) return compilePrincipals(principal, { effect, negated: false, kind }, bindings)
  if (notPrincipal !== undefined)
    return compilePrincipals(notPrincipal, { effect, negated: true, kind }, bindings)
  return () => DIRECT
}

function compileResources(
  { effect, resources, notResources }: Statement,
  kind: PolicyKind,
  variables: boolean,
): (request: PolicyRequest) => boolean {
  if (resources?.includes('*') === true) return () => true
  // A trust policy is about the role that it belongs to. In a key policy a statement without a resource has no effect.
  if (resources === undefined && notResources === undefined) return () => kind === 'trust'
  const tests = (resources ?? notResources ?? []).map((text) => compileResource(text, variables))
  const deny = effect === 'Deny'
  const negated = resources === undefined
  return (request) => {
    let doubtful = false
    for (const test of tests) {
      const matches = test(request)
      if (matches === true) return !negated
      // A variable without a value is like nothing; but NotResource must not become everything by it.
      if (matches === ambiguous || (matches === undefined && negated)) doubtful = true
    }
    // A Deny takes what cannot be told as a match, an Allow does not, whichever way it is turned round.
    return doubtful ? deny : negated
  }
}

/** Undefined when a variable has no value. */
type ResourceTest = (request: PolicyRequest) => boolean | typeof ambiguous | undefined

function compileResource(text: string, variables: boolean): ResourceTest {
  const template = readTemplate(text, { variables, wild: true })
  if (template.fixed !== undefined) {
    const glob = compileGlob(template.fixed, 'arn')
    return ({ resource }) => glob.matches(resource)
  }
  return ({ resource, context }) => {
    const pieces = template.fill(context)
    return pieces === ambiguous || pieces === undefined
      ? pieces
      : compileGlob(pieces, 'arn').matches(resource)
  }
}
