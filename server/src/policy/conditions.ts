import { spend } from './effort.ts'
import type { Piece } from './glob.ts'
import type { ConditionEntry } from './syntax.ts'
import { NULL_OPERATOR, operators, readOperator, type Operator } from './operators.ts'
import { ambiguous, type ContextValue, type RequestContext } from './request.ts'
import { readTemplate } from './template.ts'

/** One key of one operator, ready to be held against a request. */
export type ConditionTest = (context: RequestContext) => boolean

export type Effect = 'Allow' | 'Deny'

/**
 * What AWS leaves open is read against the caller: a condition on a key that is ambiguous in the request is never
 * satisfied in an Allow and always in a Deny; and where a key with several values stands without a set operator,
 * all of them must satisfy an Allow and one is enough for a Deny.
 *
 * @see AWS IAM User Guide, "IAM JSON policy elements: Condition operators"; "Set operators for multivalued context keys"
 */
export function compileCondition(entry: ConditionEntry, effect: Effect, variables: boolean): ConditionTest {
  const use = readOperator(entry.operator)
  if (use === undefined) throw new TypeError(`no condition operator ${entry.operator}`)
  const key = entry.key.toLowerCase()
  const deny = effect === 'Deny'
  if (use.name === NULL_OPERATOR) return compileNull(entry, key, deny)
  const operator = operators.get(use.name)
  if (operator === undefined) throw new TypeError(`no condition operator ${use.name}`)
  const satisfies = compileValues(entry.values, operator, deny, variables)
  const whenAbsent = use.ifExists || use.set === 'ForAllValues' || (use.set === undefined && operator.negated)
  const every = use.set === undefined ? !deny : use.set === 'ForAllValues'

  return (context) => {
    const value = context.get(key)
    if (value === ambiguous) return deny
    if (isAbsent(value)) return whenAbsent
    if (typeof value === 'string') return satisfies(value, context)
    return every
      ? value.every((one) => satisfies(one, context))
      : value.some((one) => satisfies(one, context))
  }
}

function isAbsent(value: ContextValue | undefined): value is undefined {
  return value === undefined || (value.length === 0 && typeof value !== 'string')
}

function compileNull({ values }: ConditionEntry, key: string, deny: boolean): ConditionTest {
  const wanted = new Set(values.map((value) => value.toLowerCase()))
  return (context) => {
    const value = context.get(key)
    return value === ambiguous ? deny : wanted.has(String(isAbsent(value)))
  }
}

/** Whether one value of the request satisfies the operator: it matches one of the policy's values, or none when negated. */
function compileValues(
  values: readonly string[],
  operator: Operator,
  deny: boolean,
  variables: boolean,
): (value: string, context: RequestContext) => boolean {
  const { negated, wild } = operator
  const fixed: (readonly Piece[])[] = []
  const filled: ((value: string, context: RequestContext) => boolean)[] = []
  for (const text of values) {
    const template = readTemplate(text, { variables: variables && operator.variables, wild })
    if (template.fixed !== undefined) {
      fixed.push(template.fixed)
      continue
    }
    filled.push((value, context) => {
      const pieces = template.fill(context)
      // Satisfied in a Deny and not in an Allow, whichever way the operator turns it round.
      if (pieces === ambiguous) return deny !== negated
      // A variable without a value is like no value: equal to nothing.
      return pieces !== undefined && operator.compile([pieces])(value)
    })
  }
  const isFixed = operator.compile(fixed)
  return (value, context) => {
    spend(1 + (value.length >> 3))
    return (isFixed(value) || filled.some((test) => test(value, context))) !== negated
  }
}
