import { operators, readOperator } from '../operators.ts'
import type { ConditionEntry, PolicyDocument, Statement } from '../syntax.ts'
import { isLimited, type LimitingCondition } from './limits.ts'
import { surelyCovers } from './statement-scope.ts'

/**
 * The statements by which a resource policy or a trust policy may let in everybody; none when it surely does not.
 *
 * @see AWS IAM User Guide, "Resource types supported by IAM Access Analyzer", on public access
 */
export function publicStatements(policy: PolicyDocument): readonly Statement[] {
  return policy.statements.filter((statement) => {
    if (statement.effect !== 'Allow' || isWithoutEffect(statement, policy)) return false
    if (isLimited(limitsOf(statement.conditions))) return false
    return (namesEverybody(statement) && !isFencedIn(statement, policy)) || trustsOpenProvider(statement)
  })
}

/** Conditions in the form in which both readers of policies share the rules about what limits access. */
export function limitsOf(conditions: readonly ConditionEntry[]): LimitingCondition[] {
  return conditions.map(({ operator, key, values }) => ({
    operator: readOperator(operator),
    lowerKey: key.toLowerCase(),
    values: values.map((value) => ({ value })),
  }))
}

/** A key policy may have statements without actions or resources; they do nothing. */
function isWithoutEffect(
  { actions, notActions, resources, notResources }: Statement,
  { kind }: PolicyDocument,
): boolean {
  const acts = (actions ?? notActions) !== undefined
  const reaches = kind === 'trust' || (resources ?? notResources) !== undefined
  return !acts || !reaches || actions?.length === 0 || resources?.length === 0
}

function namesEverybody({ principal, notPrincipal }: Statement): boolean {
  return principal?.everyone === true || notPrincipal !== undefined
}

/** Whether a Deny keeps out whoever is not of certain accounts, organizations or networks, for all that is allowed. */
export function isFencedIn(statement: Statement, { statements }: PolicyDocument): boolean {
  const { actions = ['*'], resources = ['*'] } = statement
  return statements.some(
    (fence) =>
      fence.effect === 'Deny' &&
      fence.principal?.everyone === true &&
      isFence(fence.conditions) &&
      actions.every((action) => resources.every((resource) => surelyCovers(fence, action, resource))),
  )
}

/** One negated condition, such as StringNotEquals with aws:PrincipalOrgID: it denies whoever has another value, or none. */
function isFence(conditions: readonly ConditionEntry[]): boolean {
  const [only] = limitsOf(conditions)
  if (only === undefined || conditions.length !== 1 || only.operator === undefined) return false
  const { name, set } = only.operator
  if (set !== undefined || operators.get(name)?.negated !== true) return false
  const positive = name === 'NotIpAddress' ? 'IpAddress' : name.replace('Not', '')
  return isLimited([{ ...only, operator: { set: undefined, name: positive, ifExists: false } }])
}

/** Anybody can have an account with an identity provider: only what the token says of its subject keeps strangers out. */
function trustsOpenProvider({ principal, conditions }: Statement): boolean {
  const providers = principal?.entries.filter(({ type }) => type === 'Federated') ?? []
  return providers.some(({ value }) => {
    if (value.includes(':saml-provider/')) return false
    const provider = value
      .slice(value.indexOf('oidc-provider/') + 1)
      .replace(/^idc-provider\//, '')
      .toLowerCase()
    return !limitsOf(conditions).some(({ operator, lowerKey, values }) => {
      if (!lowerKey.startsWith(`${provider}:`) || lowerKey === `${provider}:aud`) return false
      if (operator === undefined || operator.ifExists || operator.set === 'ForAllValues') return false
      if (operators.get(operator.name)?.negated !== false) return false
      return (
        values.length > 0 &&
        values.every((each) => !/^[*?]/.test(each.value) && !each.value.startsWith('repo:*'))
      )
    })
  })
}
