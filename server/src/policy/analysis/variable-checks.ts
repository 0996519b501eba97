import type { JsonNode } from '../json.ts'
import { operators } from '../operators.ts'
import type { ReviewedPolicy } from './reviewed-policy.ts'
import { sensitiveKeys } from './vocabulary/global-keys.ts'

/** Policy variables: their form, and where they may stand. */
export function checkVariables(policy: ReviewedPolicy): void {
  for (const statement of policy.statements) {
    for (const place of [...statement.resources, ...statement.notResources]) checkUsable(policy, place)
    const unsupported = [
      ...statement.actions,
      ...statement.notActions,
      ...[...statement.principals, ...statement.notPrincipals].map(({ node }) => node),
    ]
    for (const place of unsupported) {
      const variable = firstVariable(place.value)
      if (variable !== undefined) policy.report('VARIABLE_UNSUPPORTED_IN_ELEMENT', place, { variable })
    }
    for (const { operator, lowerKey, key, values } of statement.conditions) {
      for (const value of values) {
        if (value.type !== 'string' || !value.value.includes('${')) continue
        const escapesOnly = firstVariable(value.value) === undefined
        if (operator !== undefined && operators.get(operator.name)?.variables !== true && !escapesOnly) {
          policy.report('INVALID_VARIABLE_FOR_OPERATOR', value, {})
          continue
        }
        checkUsable(policy, value)
        if (sensitiveKeys.has(lowerKey) && !escapesOnly) {
          policy.report('VARIABLE_USAGE_TOO_PERMISSIVE', value, { key })
        }
      }
    }
  }
}

function firstVariable(text: string): string | undefined {
  return /\$\{(?!\s*[*?$]\s*\})[^}]*\}?/.exec(text)?.[0]
}

function checkUsable(policy: ReviewedPolicy, place: JsonNode & { readonly value: string }): void {
  const { value } = place
  if (!value.includes('${')) return
  if (!policy.hasVariables) {
    policy.report('VARIABLE_UNSUPPORTED_IN_VERSION', place, {})
    return
  }
  for (let at = value.indexOf('${'); at !== -1;) {
    const next = value.indexOf('${', at + 2)
    const close = value.indexOf('}', at)
    if (close === -1 || (next !== -1 && next < close)) {
      policy.report('MISSING_BRACE_IN_VARIABLE', place, {})
      return
    }
    checkForm(policy, place, value.slice(at + 2, close))
    at = value.indexOf('${', close)
  }
}

function checkForm(policy: ReviewedPolicy, place: JsonNode, inner: string): void {
  const comma = inner.indexOf(',')
  const name = comma === -1 ? inner : inner.slice(0, comma)
  if (name.trim() === '') policy.report('EMPTY_VARIABLE', place, {})
  else if (/\s/.test(name.trim())) policy.report('UNSUPPORTED_SPACE_IN_VARIABLE', place, {})
  if (comma === -1) return
  const fallback = inner.slice(comma + 1).trim()
  if (!/^'[^]*'$/.test(fallback) || fallback.length < 2) policy.report('MISSING_QUOTE_IN_VARIABLE', place, {})
}
