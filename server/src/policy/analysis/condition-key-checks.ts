import { hasWildcard } from './pattern-sets.ts'
import type { ReviewedCondition, ReviewedPolicy, ReviewedStatement } from './reviewed-policy.ts'
import {
  findKey,
  findStem,
  isMultivalued,
  keysOfAction,
  splitAction,
  vocabularyOf,
  type KnownKey,
} from './vocabulary/lookup.ts'

const networkOwnerKeys = new Set(['aws:vpceaccount', 'aws:vpceorgid', 'aws:vpceorgpaths'])

/** The names of condition keys, and which statements they may stand in. */
export function checkConditionKeys(policy: ReviewedPolicy): void {
  for (const statement of policy.statements) {
    checkDuplicates(policy, statement)
    for (const condition of statement.conditions) {
      if (policy.isFull()) return
      const known = checkName(policy, condition)
      if (known === undefined) continue
      checkQualifier(policy, statement, condition, known)
      checkActions(policy, statement, condition, known)
      checkTrust(policy, statement, condition)
    }
  }
}

function place({ key, block }: ReviewedCondition): { name: string; of: ReviewedCondition['block'] } {
  return { name: key, of: block }
}

function checkDuplicates(policy: ReviewedPolicy, { conditions }: ReviewedStatement): void {
  const seen = new Map<string, ReviewedCondition>()
  for (const condition of conditions) {
    const { operatorText, lowerKey, key } = condition
    const id = `${operatorText} ${lowerKey}`
    const earlier = seen.get(id)
    if (earlier === undefined) seen.set(id, condition)
    else policy.report('DUPLICATE_KEYS_WITH_DIFFERENT_CASE', [place(earlier), place(condition)], { key })
  }
}

function checkName(policy: ReviewedPolicy, condition: ReviewedCondition): KnownKey | undefined {
  const { key, lowerKey } = condition
  const known = findKey(key)
  if (!/^[^\s:]+:\S/.test(key)) {
    policy.report('INVALID_CONDITION_KEY_FORMAT', place(condition), {})
    return undefined
  }
  if (known !== undefined) return known
  const stem = findStem(key)
  if (stem !== undefined) {
    const conditionKeyName = stem.name.slice(0, stem.name.indexOf('${'))
    policy.report('MISSING_TAG_KEY_IN_CONDITION', place(condition), { conditionKeyName })
    return undefined
  }
  const service = splitAction(key)?.service ?? ''
  if (lowerKey === 'aws:arn') policy.report('UNSUPPORTED_GLOBAL_CONDITION_KEY', place(condition), {})
  else if (service === 'aws') policy.report('INVALID_GLOBAL_CONDITION_KEY', place(condition), { key })
  else if (vocabularyOf(service) !== undefined) {
    policy.report('INVALID_SERVICE_CONDITION_KEY', place(condition), { key, service })
  }
  return undefined
}

function checkQualifier(
  policy: ReviewedPolicy,
  { effect, conditions }: ReviewedStatement,
  condition: ReviewedCondition,
  known: KnownKey,
): void {
  const { operator, key, lowerKey } = condition
  if (operator === undefined || operator.name === 'Null') return
  const many = isMultivalued(known.type)
  if (many && operator.set === undefined) policy.report('MISSING_QUALIFIER', place(condition), { key })
  if (operator.set !== 'ForAllValues') return
  if (policy.kind === 'key' && /^(?:kms:encryptioncontext:|aws:requesttag\/)/.test(lowerKey)) {
    policy.report('KW_OVERLY_PERMISSIVE_CONDITION', place(condition), { key })
  } else if (!many) policy.report('FORALLVALUES_WITH_SINGLE_VALUED_KEY', place(condition), { key })
  else if (effect === 'Allow' && !conditions.some((other) => demandsPresence(other, lowerKey))) {
    policy.report('KW_FORALLVALUES_WITHOUT_NULL_CHECK', place(condition), { key })
  }
}

/** `"Null": {key: "false"}`, or ForAnyValue with the key, which needs a value. */
function demandsPresence({ operator, lowerKey, values }: ReviewedCondition, key: string): boolean {
  if (lowerKey !== key || operator === undefined || operator.ifExists) return false
  if (operator.name === 'Null') {
    return values.length > 0 && values.every(({ value }) => value.toLowerCase() === 'false')
  }
  return operator.set === 'ForAnyValue' && !operator.name.includes('Not')
}

function checkActions(
  policy: ReviewedPolicy,
  { actions, effect }: ReviewedStatement,
  condition: ReviewedCondition,
  { name }: KnownKey,
): void {
  const { key, lowerKey, operator } = condition
  if (networkOwnerKeys.has(lowerKey) && actions.some(({ value }) => value === '*')) {
    policy.report('USE_CONDITION_KEY_ONLY_WITH_SUPPORTED_SERVICES', place(condition), { key })
  }
  // A key that a request cannot have satisfies what asks for its absence, in a statement that means all actions.
  if (operator === undefined || operator.ifExists || operator.name === 'Null' || name.startsWith('aws:'))
    return
  if (effect === undefined || actions.length === 0) return
  const unsupported = actions.filter(({ value }) => {
    const keys = hasWildcard(value) ? undefined : keysOfAction(value)
    return keys !== undefined && !keys.has(name)
  })
  if (unsupported.length > 0) {
    policy.report('UNSUPPORTED_ACTION_FOR_CONDITION_KEY', unsupported, {
      actions: unsupported.map(({ value }) => value).join(', '),
      key,
    })
  }
}

/** What a caller may set with AssumeRole needs a permission of its own. */
const settingActions: readonly (readonly [RegExp, string])[] = [
  [/^sts:sourceidentity$/, 'sts:SetSourceIdentity'],
  [/^(?:sts:transitivetagkeys|aws:requesttag\/.+|aws:tagkeys)$/, 'sts:TagSession'],
]

function checkTrust(
  policy: ReviewedPolicy,
  { actions, effect }: ReviewedStatement,
  condition: ReviewedCondition,
): void {
  if (policy.kind !== 'trust' || effect !== 'Allow' || actions.length === 0) return
  for (const [pattern, actionName] of settingActions) {
    if (!pattern.test(condition.lowerKey)) continue
    const has = actions.some(({ value }) => {
      const lower = value.toLowerCase()
      return lower === '*' || lower === 'sts:*' || lower === actionName.toLowerCase()
    })
    if (!has) {
      policy.report('MISSING_ACTION_FOR_CONDITION_KEY', place(condition), {
        actionName,
        keyName: condition.key,
      })
    }
  }
}
