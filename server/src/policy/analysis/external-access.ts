import { readPrincipalValue } from '../principal-value.ts'
import type { ConditionEntry, PolicyDocument, Statement } from '../syntax.ts'
import { isLimited } from './limits.ts'
import { isFencedIn, limitsOf } from './public-access.ts'

/** Somebody of another account whom a resource's policy lets in. */
export interface ExternalAccess {
  /** Such as {AWS: '444455556666'}; `*` for everybody. */
  readonly principal: { readonly type: string; readonly value: string }
  readonly actions: readonly string[]
  /** By condition key, as the policy writes it. */
  readonly conditions: ReadonlyMap<string, string>
  readonly isPublic: boolean
  readonly statement: { readonly index: number; readonly sid?: string }
}

/**
 * Whom a resource policy lets in from outside the account that the resource belongs to. Services of AWS are not reported:
 * they come with their own condition keys, and validatePolicy speaks of those that are missing.
 *
 * @param accountOf whose account a unique id (AIDA…, AROA…) is of; one that is not among them is nobody's any more
 */
export function externalAccess(
  policy: PolicyDocument,
  accountId: string,
  accountOf: ReadonlyMap<string, string> = new Map(),
): readonly ExternalAccess[] {
  return policy.statements.flatMap((statement) => {
    const { effect, actions, notActions, conditions, index, sid } = statement
    if (effect !== 'Allow' || (actions ?? notActions) === undefined) return []
    if (isOwnAccountOnly(conditions, accountId)) return []
    return externalPrincipals(statement, accountId, accountOf).map((principal) => ({
      principal,
      actions: actions ?? (notActions ?? []).map((action) => `not ${action}`),
      conditions: new Map(conditions.map(({ key, values }) => [key, values.join(',')])),
      isPublic: principal.value === '*' && !isLimited(limitsOf(conditions)) && !isFencedIn(statement, policy),
      statement: { index, ...(sid === undefined ? {} : { sid }) },
    }))
  })
}

function externalPrincipals(
  { principal, notPrincipal }: Statement,
  accountId: string,
  accountOf: ReadonlyMap<string, string>,
): readonly { type: string; value: string }[] {
  if (notPrincipal !== undefined || principal?.everyone === true) return [{ type: 'AWS', value: '*' }]
  return (principal?.entries ?? []).filter(({ type, value }) => {
    if (type === 'Service') return false
    if (type !== 'AWS') return true
    const named = readPrincipalValue(value)
    if (named === undefined) return false
    if (named.type === 'unique-id') return (accountOf.get(named.id) ?? accountId) !== accountId
    return named.type === 'everyone' || named.accountId !== accountId
  })
}

const accountKeys = new Set(['aws:principalaccount', 'kms:calleraccount', 'aws:sourceaccount'])

/** Whether a condition lets in nobody but the account's own. */
function isOwnAccountOnly(conditions: readonly ConditionEntry[], accountId: string): boolean {
  return limitsOf(conditions).some((condition) => {
    if (!isLimited([condition])) return false
    const { lowerKey, values } = condition
    if (accountKeys.has(lowerKey)) return values.every(({ value }) => value === accountId)
    return lowerKey === 'aws:principalarn' && values.every(({ value }) => value.split(':')[4] === accountId)
  })
}
