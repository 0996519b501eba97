import { MalformedPolicyError, type Location } from './malformed.ts'
import type { PolicyDocument, PolicyKind, Statement } from './syntax.ts'

interface KindRules {
  readonly principal: 'required' | 'forbidden'
  readonly resource: 'required' | 'forbidden' | 'optional'
  readonly action: 'required' | 'optional'
  /** Letters and digits only, and each once. */
  readonly plainSids: boolean
}

const ofPrincipals: KindRules = {
  principal: 'forbidden',
  resource: 'required',
  action: 'required',
  plainSids: true,
}
const ofResources: KindRules = {
  principal: 'required',
  resource: 'required',
  action: 'required',
  plainSids: false,
}

const rules: Readonly<Record<PolicyKind, KindRules>> = {
  identity: ofPrincipals,
  session: ofPrincipals,
  boundary: ofPrincipals,
  'service-control': { ...ofPrincipals, plainSids: false },
  // KMS takes statements without a resource or an action; they have no effect.
  resource: { ...ofResources, resource: 'optional', action: 'optional' },
  trust: { principal: 'required', resource: 'forbidden', action: 'required', plainSids: true },
  endpoint: ofResources,
  'resource-control': ofResources,
}

/** @throws MalformedPolicyError when a statement has what its kind of policy may not have, or lacks what it must have */
export function requireRulesOfKind(document: PolicyDocument): void {
  const kind = rules[document.kind]
  const sids = new Set<string>()
  for (const statement of document.statements) {
    requireElements(statement, kind)
    if (kind.plainSids) requirePlainSid(statement, sids)
    if (document.kind === 'trust') requireTrust(statement)
    if (document.kind === 'resource-control') requireResourceControl(statement)
  }
}

function requireElements(statement: Statement, kind: KindRules): void {
  const { location } = statement
  const principal = statement.principal ?? statement.notPrincipal
  const actions = statement.actions ?? statement.notActions
  const resources = statement.resources ?? statement.notResources
  if (kind.principal === 'forbidden' && principal !== undefined) {
    fail('Policy document should not specify a principal.', principal.location)
  }
  if (kind.principal === 'required' && principal === undefined) {
    fail('Missing required field Principal', location)
  }
  if (kind.action === 'required' && actions === undefined) {
    fail('Policy statement must contain actions.', location)
  }
  if (kind.resource === 'required' && resources === undefined) {
    fail('Policy statement must contain resources.', location)
  }
  if (kind.resource === 'forbidden' && resources !== undefined)
    fail('Has prohibited field Resource', location)
}

function requirePlainSid({ sid, location }: Statement, sids: Set<string>): void {
  if (sid === undefined || sid === '') return
  if (!/^[0-9A-Za-z]*$/.test(sid)) {
    fail(
      'Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*',
      location,
    )
  }
  if (sids.has(sid)) fail('Statement IDs (SID) in a single policy must be unique.', location)
  sids.add(sid)
}

function requireTrust(statement: Statement): void {
  const { actions, notActions, notPrincipal, location } = statement
  if (notPrincipal !== undefined) fail('Has prohibited field NotPrincipal', notPrincipal.location)
  const foreign = (actions ?? notActions ?? []).some((action) => !/^(?:\*$|sts:)/i.test(action))
  if (foreign) fail('AssumeRole policy may only specify STS AssumeRole actions.', location)
}

/**
 * A resource control policy only takes away, from everybody. The one exception is the policy that AWS attaches first,
 * RCPFullAWSAccess, which allows everything.
 * @see AWS Organizations User Guide, "RCP syntax"
 */
function requireResourceControl(statement: Statement): void {
  const { effect, principal, actions, resources, notResources, conditions, location } = statement
  if (
    principal?.everyone !== true ||
    principal.entries.some(({ type, value }) => type !== 'AWS' || value !== '*')
  ) {
    fail('The Principal of a resource control policy must be "*".', location)
  }
  if (actions === undefined) fail('A resource control policy cannot contain NotAction.', location)
  const isFullAccess =
    isStar(actions) && isStar(resources) && notResources === undefined && conditions.length === 0
  if (effect === 'Allow' && !isFullAccess) {
    fail('A resource control policy can only deny.', location)
  }
  if (effect === 'Deny' && actions.includes('*')) {
    fail('The Action of a resource control policy must name a service.', location)
  }
}

function isStar(values: readonly string[] | undefined): boolean {
  return values?.length === 1 && values[0] === '*'
}

function fail(message: string, location: Location): never {
  throw new MalformedPolicyError(message, location)
}
