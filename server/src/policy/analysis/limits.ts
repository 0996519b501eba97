import { parseIpRange } from '../ip-range.ts'
import { operators, type OperatorUse } from '../operators.ts'

/** A condition, as far as it can limit who may come. */
export interface LimitingCondition {
  readonly operator: OperatorUse | undefined
  /** In lower case. */
  readonly lowerKey: string
  readonly values: readonly { readonly value: string }[]
}

/**
 * Whether conditions keep everybody out but callers of certain accounts, organizations or networks, or certain principals.
 * A yes is certain: what is open in any way, by a wildcard, a variable, IfExists or ForAllValues, limits nothing.
 *
 * @see AWS IAM User Guide, "Access Analyzer: resource types for external access", on public access
 */
export function isLimited(conditions: readonly LimitingCondition[]): boolean {
  return conditions.some(({ operator, lowerKey, values }) => {
    const isFixed = limitingKeys[lowerKey]
    if (isFixed === undefined || operator === undefined || values.length === 0) return false
    if (operator.ifExists || operator.set === 'ForAllValues' || operator.name === 'Null') return false
    const known = operators.get(operator.name)
    if (known === undefined || known.negated) return false
    return values.every(({ value }) => isFixed(value, known.wild))
  })
}

/** By key, whether a value of the policy means few enough callers; `wild` when its wildcards are such. */
const limitingKeys: Readonly<Record<string, (value: string, wild: boolean) => boolean>> = {
  'aws:principalorgid': isLiteral,
  'aws:principalorgpaths': (value, wild) => isLiteral(value, wild) || /^o-[a-z0-9]{10,32}\//.test(value),
  'aws:principalaccount': isLiteral,
  'aws:principalarn': isArnOfAccount,
  'aws:userid': (value, wild) => isLiteral(value, wild) || /^A(?:ROA|IDA)[A-Z0-9]{12,}:/.test(value),
  'aws:sourcearn': isArnOfAccount,
  'aws:sourceaccount': isLiteral,
  'aws:sourceorgid': isLiteral,
  'aws:sourceorgpaths': (value, wild) => isLiteral(value, wild) || /^o-[a-z0-9]{10,32}\//.test(value),
  'aws:sourceip': isNarrowRange,
  'aws:vpcsourceip': isNarrowRange,
  'aws:sourcevpc': isLiteral,
  'aws:sourcevpce': isLiteral,
  'kms:calleraccount': isLiteral,
}

function isLiteral(value: string, wild: boolean): boolean {
  return value !== '' && !value.includes('${') && !(wild && /[*?]/.test(value))
}

/** Everything up to the account is written out. */
function isArnOfAccount(value: string, wild: boolean): boolean {
  return isLiteral(value, wild) || /^arn:[a-z-]+:[a-z0-9-]+:[a-z0-9*?-]*:\d{12}:[^$]*$/.test(value)
}

/** Not half of the internet: at least 8 bits of an IPv4 range are fixed, 32 of an IPv6 one. */
function isNarrowRange(value: string): boolean {
  const range = parseIpRange(value)
  return range !== undefined && range.prefixBits >= (range.bytes.length === 4 ? 8 : 32)
}
