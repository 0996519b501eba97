import { ambiguous, type PolicyRequest, type RequestPrincipal } from '../../server/src/policy/request.ts'

/**
 * A second reading of AWS's documentation, for the differential test: slow, plain, and without a line of the server's
 * own evaluator. It knows the parts of the language that random-policies.ts writes.
 */
export interface PlainPolicy {
  readonly Version?: string
  readonly Statement: readonly PlainStatement[]
}

export interface PlainStatement {
  readonly Effect: 'Allow' | 'Deny'
  readonly Principal?: '*' | { readonly AWS?: readonly string[]; readonly Service?: readonly string[] }
  readonly NotPrincipal?: { readonly AWS: readonly string[] }
  readonly Action?: readonly string[]
  readonly NotAction?: readonly string[]
  readonly Resource?: readonly string[]
  readonly NotResource?: readonly string[]
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>
}

export interface PlainFacts {
  readonly request: PolicyRequest
  readonly keyAccount: string
  readonly keyPolicy: PlainPolicy
  readonly identity: readonly PlainPolicy[]
  readonly boundary: PlainPolicy | undefined
  readonly session: readonly PlainPolicy[] | undefined
  readonly serviceControl: readonly (readonly PlainPolicy[])[]
  readonly resourceControl: readonly (readonly PlainPolicy[])[]
  readonly endpoint: PlainPolicy | undefined
  readonly granted: boolean
}

export function isAllowed(facts: PlainFacts): boolean {
  const { request, keyPolicy, boundary, session, endpoint } = facts
  const who = request.principal
  const hasAccount = who.type === 'root' || who.type === 'user' || who.type === 'assumed-role'
  const levels = (all: readonly (readonly PlainPolicy[])[]) =>
    all.every((level) => level.some((policy) => allowing(policy, request).length > 0))
  const serviceControl = hasAccount ? facts.serviceControl : []

  // 1. An explicit deny anywhere.
  const applicable = [
    keyPolicy,
    ...facts.identity,
    ...(boundary ? [boundary] : []),
    ...(session ?? []),
    ...serviceControl.flat(),
    ...facts.resourceControl.flat(),
    ...(endpoint ? [endpoint] : []),
  ]
  if (applicable.some((policy) => matching(policy, request, 'Deny').length > 0)) return false

  // 2. What must allow, whoever asks.
  if (!levels(serviceControl) || !levels(facts.resourceControl)) return false
  if (endpoint !== undefined && allowing(endpoint, request).length === 0) return false

  // 3. The key policy, the caller's own policies, or a grant.
  const named = allowing(keyPolicy, request).map((statement) => howNamed(statement, who))
  const withinBoundary = boundary === undefined || allowing(boundary, request).length > 0
  const withinSession =
    session === undefined || session.some((policy) => allowing(policy, request).length > 0)
  const withinLimits = withinBoundary && withinSession
  const ownAllow =
    who.type === 'root' || facts.identity.some((policy) => allowing(policy, request).length > 0)
  if (facts.granted && withinLimits) return true
  if (!hasAccount) return named.length > 0
  if (who.accountId !== facts.keyAccount) return named.length > 0 && ownAllow && withinLimits
  if (named.includes('itself')) return true
  if (named.includes('role') && withinLimits) return true
  return named.length > 0 && ownAllow && withinLimits
}

function allowing(policy: PlainPolicy, request: PolicyRequest): PlainStatement[] {
  return matching(policy, request, 'Allow')
}

function matching(policy: PlainPolicy, request: PolicyRequest, effect: 'Allow' | 'Deny'): PlainStatement[] {
  return policy.Statement.filter(
    (statement) =>
      statement.Effect === effect &&
      isAboutAction(statement, request.action) &&
      isAboutResource(statement, request, policy.Version === '2012-10-17') &&
      isAboutPrincipal(statement, request.principal) &&
      conditionsHold(statement, request, policy.Version === '2012-10-17'),
  )
}

function isAboutAction({ Action, NotAction }: PlainStatement, action: string): boolean {
  const hit = (list: readonly string[]) => list.some((one) => wild(one.toLowerCase(), action.toLowerCase()))
  return Action ? hit(Action) : NotAction !== undefined && !hit(NotAction)
}

function isAboutResource(statement: PlainStatement, request: PolicyRequest, variables: boolean): boolean {
  const { Resource, NotResource, Effect } = statement
  const list = Resource ?? NotResource
  if (list === undefined) return false
  let someUnknown = false
  const hit = list.some((one) => {
    const pattern = variables ? substituted(one, request) : one
    if (pattern === undefined) someUnknown = true
    return pattern !== undefined && wild(pattern, request.resource)
  })
  if (Resource) return hit
  if (hit) return false
  return someUnknown ? Effect === 'Deny' : true
}

type Named = 'itself' | 'role' | 'account'

function identitiesOf(who: RequestPrincipal): [Named, string[]][] {
  switch (who.type) {
    case 'root':
      return [['itself', [who.accountId, `arn:aws:iam::${who.accountId}:root`]]]
    case 'user':
      return [
        ['itself', [who.arn, who.id]],
        ['account', [who.accountId, `arn:aws:iam::${who.accountId}:root`]],
      ]
    case 'assumed-role':
      return [
        ['itself', [who.arn]],
        ['role', [who.roleArn, who.roleId]],
        ['account', [who.accountId, `arn:aws:iam::${who.accountId}:root`]],
      ]
    case 'federated':
    case 'service':
    case 'anonymous':
      return []
  }
}

function isAboutPrincipal(statement: PlainStatement, who: RequestPrincipal): boolean {
  if (statement.Principal !== undefined) return isNamed(statement, who)
  if (statement.NotPrincipal === undefined) return true
  const { AWS } = statement.NotPrincipal
  const identities = identitiesOf(who)
  const hits = identities.filter(([, names]) => names.some((name) => AWS.includes(name)))
  return statement.Effect === 'Deny'
    ? hits.length < identities.length || identities.length === 0
    : hits.length === 0
}

function isNamed({ Principal }: PlainStatement, who: RequestPrincipal): boolean {
  if (Principal === undefined) return false
  if (Principal === '*' || Principal.AWS?.includes('*') === true) return true
  if (who.type === 'service') return who.names.some((name) => Principal.Service?.includes(name) === true)
  return identitiesOf(who).some(([, names]) => names.some((name) => Principal.AWS?.includes(name) === true))
}

function howNamed(statement: PlainStatement, who: RequestPrincipal): Named {
  const { Principal } = statement
  if (Principal === undefined || Principal === '*' || Principal.AWS?.includes('*') === true) return 'itself'
  const found = identitiesOf(who).find(([, names]) => names.some((name) => Principal.AWS?.includes(name)))
  return found?.[0] ?? 'itself'
}

function conditionsHold(
  { Condition, Effect }: PlainStatement,
  request: PolicyRequest,
  variables: boolean,
): boolean {
  return Object.entries(Condition ?? {}).every(([operator, block]) =>
    Object.entries(block).every(([key, expected]) =>
      holds(operator, key, expected, Effect, request, variables),
    ),
  )
}

function holds(
  operator: string,
  key: string,
  expected: readonly string[],
  effect: 'Allow' | 'Deny',
  request: PolicyRequest,
  variables: boolean,
): boolean {
  const raw = request.context.get(key.toLowerCase())
  if (raw === ambiguous) return effect === 'Deny'
  const present = raw === undefined ? [] : typeof raw === 'string' ? [raw] : raw
  if (operator === 'Null') return expected.includes(present.length === 0 ? 'true' : 'false')
  const [set, withoutSet = ''] = operator.includes(':') ? operator.split(':') : [undefined, operator]
  const ifExists = withoutSet.endsWith('IfExists')
  const name = ifExists ? withoutSet.slice(0, -'IfExists'.length) : withoutSet
  const negated = name.includes('Not')
  if (present.length === 0) return ifExists || set === 'ForAllValues' || (negated && set === undefined)
  const satisfied = present.map((value) => {
    const equalToOne = expected.some((text) => {
      const filled = variables && name.startsWith('String') ? substituted(text, request) : text
      return filled !== undefined && compare(name.replace('Not', ''), value, filled)
    })
    return equalToOne !== negated
  })
  const all = set === 'ForAllValues' || (set === undefined && effect === 'Allow')
  return all ? satisfied.every(Boolean) : satisfied.some(Boolean)
}

function compare(name: string, value: string, expected: string): boolean {
  switch (name) {
    case 'StringEquals':
      return value === expected
    case 'StringEqualsIgnoreCase':
      return value.toLowerCase() === expected.toLowerCase()
    case 'StringLike':
      return wild(expected, value)
    case 'NumericEquals':
      return Number(value) === Number(expected)
    case 'NumericLessThan':
      return Number(value) < Number(expected)
    case 'NumericGreaterThanEquals':
      return Number(value) >= Number(expected)
    case 'Bool':
      return value === expected
    default:
      throw new Error(`the reference does not know ${name}`)
  }
}

/** Only values without wildcards are put in place of variables, so the text may be used as a pattern. */
function substituted(text: string, request: PolicyRequest): string | undefined {
  let missing = false
  const filled = text.replaceAll(/\$\{([^},]+)(?:, '([^']*)')?\}/g, (_, key: string, fallback?: string) => {
    const value = request.context.get(key.toLowerCase())
    if (typeof value === 'string') return value
    if (fallback === undefined) missing = true
    return fallback ?? ''
  })
  return missing ? undefined : filled
}

/** Wildcards by table: cell [i][j] says whether the first i of the pattern match the first j of the value. */
function wild(pattern: string, value: string): boolean {
  let row = Array.from({ length: value.length + 1 }, (_, j) => j === 0)
  for (const letter of pattern) {
    const next: boolean[] = []
    for (let j = 0; j <= value.length; j++) {
      const above = row[j] === true
      const diagonal = j > 0 && row[j - 1] === true
      const left = j > 0 && next[j - 1] === true
      next.push(letter === '*' ? above || left : diagonal && (letter === '?' || letter === value[j - 1]))
    }
    row = next
  }
  return row[value.length] === true
}
