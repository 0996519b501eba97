import { parseDateTime } from '../date-time.ts'
import { parseIpRange } from '../ip-range.ts'
import type { JsonScalar } from '../json.ts'
import { operators } from '../operators.ts'
import { canonicalRange } from './ip-text.ts'
import { hasWildcard } from './pattern-sets.ts'
import type { ReviewedCondition, ReviewedPolicy } from './reviewed-policy.ts'
import { isRegion } from './resource-checks.ts'
import { sensitiveKeys } from './vocabulary/global-keys.ts'
import { findKey } from './vocabulary/lookup.ts'
import type { KeyType } from './vocabulary/service-vocabulary.ts'

/** The operators of conditions, and what is compared with them. */
export function checkConditionValues(policy: ReviewedPolicy): void {
  for (const { conditions } of policy.statements) {
    for (const condition of conditions) {
      if (policy.isFull()) return
      checkOperator(policy, condition)
      checkEmptiness(policy, condition)
      if (condition.operator === undefined) continue
      checkTypes(policy, condition)
      checkKeyType(policy, condition)
      checkWildcards(policy, condition)
      for (const value of condition.values) {
        checkForOperator(policy, condition, value)
        checkForKey(policy, condition, value)
      }
      checkNumbers(policy, condition)
    }
  }
}

function place({ key, block }: ReviewedCondition): { name: string; of: ReviewedCondition['block'] } {
  return { name: key, of: block }
}

function checkOperator(policy: ReviewedPolicy, condition: ReviewedCondition): void {
  const { operator, operatorText, block } = condition
  if (operator?.name === 'Null' && operator.set !== undefined) policy.report('NULL_WITH_QUALIFIER', block, {})
  if (operator !== undefined) return
  if (/^(?:ForA(?:ll|ny)Values?:)?NullIfExists$/.test(operatorText))
    policy.report('NULL_WITH_IF_EXISTS', block, {})
  else policy.report('INVALID_CONDITION_OPERATOR', block, { operator: operatorText })
}

function checkEmptiness(policy: ReviewedPolicy, condition: ReviewedCondition): void {
  const { value, operator, key } = condition
  if (value.type !== 'array' || value.items.length > 0) return
  if (operator?.set === 'ForAllValues') policy.report('EMPTY_ARRAY_CONDITION_FORALLVALUES', value, { key })
  else if (operator?.set === 'ForAnyValue') policy.report('EMPTY_ARRAY_CONDITION_FORANYVALUE', value, { key })
  else if (operator?.ifExists === true) policy.report('EMPTY_ARRAY_CONDITION_IFEXISTS', value, { key })
  else policy.report('EMPTY_ARRAY_CONDITION', value, { key })
}

function checkTypes(policy: ReviewedPolicy, { value, values, operator }: ReviewedCondition): void {
  if (new Set(values.map(({ type }) => type)).size > 1)
    policy.report('INVALID_CONDITION_DATA_TYPE', value, {})
  const boolean = operator?.name === 'Bool' || operator?.name === 'Null'
  if (boolean && values.length > 1) policy.report('INVALID_CONDITION_MULTIPLE_BOOLEAN', value, {})
}

/** The operators that fit a key's type; the first is the one to recommend. */
const fitting: Readonly<Record<KeyType, readonly string[]>> = {
  String: ['String'],
  ArrayOfString: ['String'],
  ARN: ['Arn', 'String'],
  ArrayOfARN: ['Arn', 'String'],
  Bool: ['Bool'],
  Numeric: ['Numeric'],
  Date: ['Date'],
  IPAddress: ['IpAddress'],
}

/** The kind of an operator: `String` for StringNotLike. */
function operatorKind(name: string): string {
  return /^(?:String|Numeric|Date|Arn|Bool|Binary|IpAddress|Null)/.exec(name.replace(/^Not/, ''))?.[0] ?? name
}

function checkKeyType(policy: ReviewedPolicy, condition: ReviewedCondition): void {
  const { operator, operatorText, key, lowerKey, values } = condition
  const type = findKey(key)?.type
  if (operator === undefined || operator.name === 'Null' || type === undefined) return
  const kind = operatorKind(operator.name)
  const isArn = type === 'ARN' || type === 'ArrayOfARN'
  if (isArn && /^String(?:Not)?Like$/.test(operator.name) && values.some(({ value }) => hasWildcard(value))) {
    policy.report('STRING_LIKE_OPERATOR_WITH_ARN_CONDITION_KEYS', place(condition), {
      allowed: 'Arn',
      operator: operatorText,
      key,
    })
    return
  }
  // Seconds since the epoch are numbers as well.
  if (fitting[type].includes(kind) || (lowerKey === 'aws:epochtime' && kind === 'Numeric')) return
  // ARNs stand in keys that AWS calls strings: kms:GranteePrincipal and the like.
  if (kind === 'Arn' && lowerKey.endsWith('principal')) return
  policy.report('TYPE_MISMATCH', place(condition), {
    allowed: fitting[type][0] ?? type,
    operator: operatorText,
    key,
  })
}

function checkWildcards(policy: ReviewedPolicy, condition: ReviewedCondition): void {
  const { operator, operatorText, key, lowerKey, values } = condition
  if (operator === undefined) return
  const wild = operators.get(operator.name)?.wild === true
  const negated = operators.get(operator.name)?.negated === true
  if (!wild) {
    const suspicious = values.filter(({ value }) => hasWildcard(withoutEscapes(value)))
    if (operatorKind(operator.name) === 'String' && suspicious.length > 0) {
      policy.report('WILDCARD_WITHOUT_LIKE_OPERATOR', suspicious, {})
    }
    return
  }
  if (values.some(({ value }) => /^\*+$/.test(value))) {
    checkMatchAll(policy, condition, negated, { key, operator: operatorText, recommendedKey: key })
    return
  }
  for (const value of values) {
    if (sensitiveKeys.has(lowerKey) && hasWildcard(withoutEscapes(value.value))) {
      policy.report('WILDCARD_USAGE_TOO_PERMISSIVE', value, { key })
    }
  }
}

/** A `*` by itself matches every value: all that is asked is whether the key is there. */
function checkMatchAll(
  policy: ReviewedPolicy,
  condition: ReviewedCondition,
  negated: boolean,
  values: { key: string; operator: string; recommendedKey: string },
): void {
  const { operator } = condition
  if (operator === undefined) return
  if (operator.set === undefined && !operator.ifExists) {
    policy.report(negated ? 'EQUIVALENT_TO_NULL_TRUE' : 'EQUIVALENT_TO_NULL_FALSE', place(condition), values)
  } else if (!negated && (operator.ifExists || operator.set === 'ForAllValues')) {
    policy.report('REDUNDANT_KEY_DUE_TO_WILDCARD_IN_CONDITION', place(condition), values)
  } else if (negated && operator.set === 'ForAnyValue' && !operator.ifExists) {
    policy.report('REDUNDANT_STATEMENT_DUE_TO_WILDCARD_IN_CONDITION', place(condition), values)
  }
}

function withoutEscapes(text: string): string {
  return text.replaceAll(/\$\{[^{}]*\}/g, '')
}

/** Whether a value is of the operator's type. */
function checkForOperator(policy: ReviewedPolicy, condition: ReviewedCondition, node: JsonScalar): void {
  const { operator, operatorText } = condition
  const text = node.value
  // What holds a variable was judged as such.
  if (operator === undefined || text.includes('${')) return
  switch (operatorKind(operator.name)) {
    case 'Bool':
    case 'Null':
      if (!/^(?:true|false)$/i.test(text))
        policy.report('TYPE_MISMATCH_BOOLEAN', node, { operator: operatorText })
      break
    case 'Numeric':
      if (!/^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?$/.test(text)) {
        policy.report('TYPE_MISMATCH_NUMBER', node, { operator: operatorText })
      }
      break
    case 'Date':
      if (parseDateTime(text) === undefined) policy.report('TYPE_MISMATCH_DATE', node, {})
      else if (!text.includes('-') && text.length !== 4)
        policy.report('INVALID_DATE_VALUE', node, { date: text })
      break
    case 'Binary':
      if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.length % 4 !== 0) {
        policy.report('TYPE_MISMATCH_STRING', node, { operator: operatorText })
      }
      break
    case 'IpAddress':
      checkIpRange(policy, operatorText, node)
      break
  }
}

function checkIpRange(policy: ReviewedPolicy, operator: string, node: JsonScalar): void {
  const range = parseIpRange(node.value)
  if (range === undefined) {
    policy.report('TYPE_MISMATCH_IP_RANGE', node, { operator })
    return
  }
  const addr = canonicalRange(range)
  if (addr !== undefined) policy.report('IMPROVE_IP_RANGE', node, { addr })
}

const regionKeys = new Set(['aws:requestedregion', 'kms:replicaregion', 'kms:primaryregion'])
const serviceKeys: Readonly<Record<string, readonly [RegExp, string]>> = {
  'kms:viaservice': [
    /^[a-z0-9*?-]+\.[a-z0-9*?-]+\.amazonaws\.com(?:\.cn)?$/,
    'service-name.AWS_region.amazonaws.com',
  ],
  'aws:calledvia': [/^[a-z0-9-]+\.amazonaws\.com(?:\.cn)?$/, 'service-name.amazonaws.com'],
  'iam:passedtoservice': [/^[a-z0-9*?.-]+\.amazonaws\.com(?:\.cn)?$/, 'service-name.amazonaws.com'],
}

/** Whether a value can be one of the key's. */
function checkForKey(
  policy: ReviewedPolicy,
  { operator, lowerKey }: ReviewedCondition,
  node: JsonScalar,
): void {
  const text = node.value
  if (operator === undefined || operator.name === 'Null' || text.includes('${')) return
  if (regionKeys.has(lowerKey) && !isRegion(text)) policy.report('INVALID_REGION', node, { region: text })
  const [form, expectedFormat = ''] = serviceKeys[lowerKey] ?? []
  if (form?.test(text) === false && !/^\*+$/.test(text)) {
    policy.report('INVALID_SERVICE_PRINCIPAL_FORMAT', node, { expectedFormat })
  }
  if (hasWildcard(text)) return
  if (lowerKey === 'aws:sourcevpc' && !/^vpc-(?:[0-9a-z]{8}|[0-9a-z]{17})$/.test(text)) {
    policy.report('INVALID_VPC_FORMAT', node, {})
  }
  if (lowerKey === 'aws:sourcevpce' && !/^vpce-(?:[0-9a-z]{8}|[0-9a-z]{17})$/.test(text)) {
    policy.report('INVALID_VPCE_FORMAT', node, {})
  }
}

/** Of several bounds on one side only the widest counts: values are alternatives. */
function checkNumbers(policy: ReviewedPolicy, condition: ReviewedCondition): void {
  const { operator, operatorText, key, value, values } = condition
  const direction = /^Numeric(Less|Greater)Than/.exec(operator?.name ?? '')?.[1]
  if (direction === undefined || values.length < 2) return
  const extreme = direction === 'Less' ? 'greatest' : 'least'
  policy.report('REDUNDANT_CONDITION_VALUE_NUM', value, { operator: operatorText, extreme, key })
}
