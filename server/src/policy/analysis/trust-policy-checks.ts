import type { ReviewedPolicy, ReviewedPrincipal, ReviewedStatement } from './reviewed-policy.ts'

/** What only a role's trust policy may, or must not, say. */
export function checkTrustPolicy(policy: ReviewedPolicy): void {
  if (policy.kind !== 'trust') return
  for (const statement of policy.statements) {
    checkElements(policy, statement)
    checkFederated(policy, statement)
    checkRolesAnywhere(policy, statement)
    checkSessions(policy, statement)
  }
}

function checkElements(policy: ReviewedPolicy, { node, principals, effect }: ReviewedStatement): void {
  for (const name of ['Resource', 'NotResource']) {
    if (node.members.has(name))
      policy.report('ROLE_TRUST_POLICY_SYNTAX_ERROR_RESOURCE', { name, of: node }, {})
  }
  if (node.members.has('NotPrincipal')) {
    policy.report('ROLE_TRUST_POLICY_SYNTAX_ERROR_NOTPRINCIPAL', { name: 'NotPrincipal', of: node }, {})
  }
  const everyone = principals.find(({ type }) => type === '*')
  if (everyone !== undefined && effect === 'Allow') {
    policy.report('ROLE_TRUST_POLICY_UNSUPPORTED_WILDCARD_IN_PRINCIPAL', everyone.node, {})
  }
}

const samlProvider = /^arn:aws[a-z-]*:iam::\d{12}:saml-provider\/[^*?]+$/
const oidcProvider = /^arn:aws[a-z-]*:iam::\d{12}:oidc-provider\/([^*?]+)$/
const domainName = /^[a-z0-9-]+(?:\.[a-z0-9-]+)+$/i

function checkFederated(policy: ReviewedPolicy, statement: ReviewedStatement): void {
  const federated = statement.principals.filter(({ type }) => type === 'Federated')
  for (const { value, node } of federated) {
    if (!samlProvider.test(value) && !oidcProvider.test(value) && !domainName.test(value)) {
      policy.report('INVALID_FEDERATED_PRINCIPAL_SYNTAX_IN_ROLE_TRUST_POLICY', node, {})
    }
  }
  if (statement.effect !== 'Allow') return
  const providers = federated.flatMap(({ value }) => oidcProvider.exec(value)?.[1] ?? [])
  for (const action of statement.actions) {
    const fits = actionsOfFederation[action.value.toLowerCase()]
    const wrong = fits === undefined ? [] : statement.principals.filter((principal) => !fits(principal))
    if (wrong.length > 0) {
      const principalNames = wrong.map((principal) => principal.value).join(', ')
      policy.report('MISMATCHED_ACTION_FOR_PRINCIPAL', action, { actionName: action.value, principalNames })
    }
  }
  if (providers.length > 0) checkOidcConditions(policy, statement, providers)
}

const actionsOfFederation: Readonly<Record<string, (principal: ReviewedPrincipal) => boolean>> = {
  'sts:assumerolewithwebidentity': ({ type, value }) => type === 'Federated' && !samlProvider.test(value),
  'sts:assumerolewithsaml': ({ type, value }) => type === 'Federated' && samlProvider.test(value),
  'sts:assumerole': ({ type }) => type !== 'Federated',
}

const GITHUB = 'token.actions.githubusercontent.com'

function checkOidcConditions(
  policy: ReviewedPolicy,
  { conditions, principals, node }: ReviewedStatement,
  providers: readonly string[],
): void {
  const places = principals.filter(({ type }) => type === 'Federated').map((principal) => principal.node)
  const limits = (provider: string): boolean =>
    conditions.some(({ lowerKey }) => lowerKey.startsWith(`${provider.toLowerCase()}:`))
  if (!providers.some(limits)) policy.report('MISSING_CONDITION_KEY_FOR_OIDC_PRINCIPAL', places, {})
  for (const { lowerKey, key, operator, block } of conditions) {
    if (!lowerKey.endsWith(':aud') || !providers.some((each) => lowerKey === `${each.toLowerCase()}:aud`))
      continue
    const place = { name: key, of: block }
    if (operator?.set === 'ForAnyValue') policy.report('FORANYVALUE_WITH_AUDIENCE_CLAIM_TYPE', place, { key })
    else if (operator?.set === 'ForAllValues') {
      policy.report('CONFIRM_AUDIENCE_CLAIM_TYPE', place, { key, audienceType: 'audience' })
    }
  }
  if (!providers.includes(GITHUB)) return
  const subjects = conditions.filter(({ lowerKey }) => lowerKey === `${GITHUB}:sub`)
  if (subjects.length === 0) policy.report('MISSING_GITHUB_REPO_CONDITION_KEY', node, {})
  for (const { values } of subjects) {
    // `repo:owner/name:…` names the repository; what follows may be open.
    const open = values.filter(
      ({ value }) => /[*?]/.test(value) && !/^repo:[^*?:/]+\/[^*?:]+:[^*?]/.test(value),
    )
    if (open.length > 0) policy.report('SPECIFIC_GITHUB_REPO_AND_BRANCH_RECOMMENDED', open, {})
  }
}

const rolesAnywhereActions = ['sts:assumerole', 'sts:setsourceidentity', 'sts:tagsession']

function checkRolesAnywhere(
  policy: ReviewedPolicy,
  { effect, principals, actions }: ReviewedStatement,
): void {
  const service = principals.find(({ value }) => value === 'rolesanywhere.amazonaws.com')
  if (service === undefined || effect !== 'Allow' || actions.length === 0) return
  const given = new Set(actions.map(({ value }) => value.toLowerCase()))
  if (given.has('*') || given.has('sts:*') || rolesAnywhereActions.every((action) => given.has(action)))
    return
  policy.report('MISSING_ACTION_FOR_ROLES_ANYWHERE_TRUST_POLICY', service.node, {})
}

/** Whoever trusts a role trusts all of its sessions. */
function checkSessions(policy: ReviewedPolicy, { principals }: ReviewedStatement): void {
  const roles = new Map(
    principals.flatMap(({ value }) => {
      const [, account, path] = /^arn:aws[a-z-]*:iam::(\d{12}):role\/(.+)$/.exec(value) ?? []
      return account === undefined || path === undefined
        ? []
        : [[`${account}/${path.slice(path.lastIndexOf('/') + 1)}`, value] as const]
    }),
  )
  for (const { value, node } of principals) {
    const [, account, role] =
      /^arn:aws[a-z-]*:(?:sts|iam)::(\d{12}):assumed-role\/([^/]+)\//.exec(value) ?? []
    const parent = roles.get(`${account}/${role}`)
    if (parent === undefined) continue
    policy.report('REDUNDANT_PRINCIPAL_IN_ROLE_TRUST_POLICY', node, {
      redundant_principal: value,
      parent_role: parent,
    })
  }
}
