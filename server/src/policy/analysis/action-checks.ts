import { covers, hasWildcard, isIntricate } from './pattern-sets.ts'
import type { ReviewedPolicy, ReviewedStatement, StringNode } from './reviewed-policy.ts'
import { nearest } from './spelling.ts'
import { splitAction, vocabularyOf } from './vocabulary/lookup.ts'
import { servicePrefixes } from './vocabulary/service-prefixes.ts'

/** Above this many entries pairs are not compared any more: a list of thousands is machine-made. */
const MOST_COMPARED = 200
/** So many mistakes are told what was probably meant: each looks through all words. */
const MOST_HINTS = 20

/** What stands in Action and NotAction. */
export function checkActions(policy: ReviewedPolicy): void {
  const hints = { left: MOST_HINTS }
  for (const statement of policy.statements) {
    for (const action of [...statement.actions, ...statement.notActions]) {
      if (policy.isFull()) return
      checkAction(policy, action, hints)
      checkFitsPolicy(policy, action)
    }
    checkRedundancy(policy, statement.actions)
    checkRedundancy(policy, statement.notActions)
  }
}

function checkAction(policy: ReviewedPolicy, action: StringNode, hints: { left: number }): void {
  if (action.value === '*') return
  const parts = splitAction(action.value)
  if (parts === undefined || parts.name === '' || !/^[A-Za-z0-9*?:_-]+$/.test(action.value)) {
    policy.report('INVALID_ACTION', action, { action: action.value, hint: '' })
    return
  }
  const { service, name } = parts
  if (hasWildcard(service)) {
    policy.report('WILDCARD_IN_SERVICE_NAME', action, {})
    return
  }
  const vocabulary = vocabularyOf(service)
  if (vocabulary === undefined) {
    if (!servicePrefixes.has(service) && hints.left-- > 0) checkService(policy, action, service)
    return
  }
  const wanted = name.toLowerCase()
  const names = Object.keys(vocabulary.actions)
  if (names.some((each) => covers(wanted, each.toLowerCase()))) return
  const meant = hints.left-- > 0 ? nearest(wanted, names) : undefined
  const hint = meant === undefined ? '' : ` Did you mean ${service}:${meant}?`
  policy.report('INVALID_ACTION', action, { action: action.value, hint })
}

/** A service that AWS added since would be unknown here, so only what looks like a slip of the pen is an error. */
function checkService(policy: ReviewedPolicy, action: StringNode, service: string): void {
  const meant = nearest(service, [...servicePrefixes])
  if (meant !== undefined) {
    policy.report('INVALID_SERVICE_IN_ACTION', action, { service, service2: meant })
  }
}

/** A key policy decides about KMS alone, a trust policy about assuming the role. */
function checkFitsPolicy(policy: ReviewedPolicy, action: StringNode): void {
  const only = { key: 'kms', trust: 'sts' }[policy.kind as 'key' | 'trust'] as string | undefined
  const service = splitAction(action.value)?.service
  if (only === undefined || service === undefined || service === only || hasWildcard(service)) return
  const resourceType = policy.kind === 'key' ? 'AWS::KMS::Key' : 'AWS::IAM::AssumeRolePolicyDocument'
  policy.report('UNSUPPORTED_ACTION_IN_POLICY', action, { action: action.value, resourceType })
}

function checkRedundancy(policy: ReviewedPolicy, actions: readonly StringNode[]): void {
  if (actions.length > MOST_COMPARED || actions.some(({ value }) => isIntricate(value))) return
  const patterns = actions.map(({ value }) => value.toLowerCase())
  const redundant = actions.filter((_, i) =>
    patterns.some((pattern, j) => {
      const mine = patterns[i] ?? ''
      // Of two that are equal the later one is redundant.
      return i !== j && (pattern === mine ? j < i : covers(pattern, mine))
    }),
  )
  const [first] = redundant
  if (first === undefined) return
  policy.report('REDUNDANT_ACTION', redundant, {
    redundantActionCount: String(redundant.length),
    redundantAction: first.value,
  })
}

/** Whether a statement's Action or NotAction takes in an action; `kms:Decrypt`. */
export function takesAction({ actions, notActions }: ReviewedStatement, action: string): boolean {
  const lower = action.toLowerCase()
  const within = (list: readonly StringNode[]): boolean =>
    list.some(({ value }) => covers(value.toLowerCase(), lower))
  return actions.length > 0 ? within(actions) : notActions.length > 0 && !within(notActions)
}
