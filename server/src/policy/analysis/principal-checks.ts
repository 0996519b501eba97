import { readPrincipalValue } from '../principal-value.ts'
import { hasWildcard } from './pattern-sets.ts'
import {
  itemsOf,
  member,
  type ReviewedPolicy,
  type ReviewedPrincipal,
  type ReviewedStatement,
} from './reviewed-policy.ts'

const principalTypes = new Set(['AWS', 'Service', 'Federated', 'CanonicalUser'])
const servicePrincipal =
  /^[a-z0-9-]+(?:\.[a-z0-9-]+)*\.(?:amazonaws\.com(?:\.cn)?|amazon\.com|aws\.internal)$/
const elements = ['Principal', 'NotPrincipal'] as const

/** What stands in Principal and NotPrincipal, in the kinds of policies that have them. */
export function checkPrincipals(policy: ReviewedPolicy): void {
  for (const statement of policy.statements) {
    switch (policy.kind) {
      case 'identity':
        refusePrincipals(policy, statement)
        break
      case 'service-control':
        for (const name of elements) {
          if (statement.node.members.has(name)) {
            policy.report('SCP_SYNTAX_ERROR_PRINCIPAL', { name, of: statement.node }, {})
          }
        }
        break
      default:
        checkElements(policy, statement)
    }
  }
}

function refusePrincipals(policy: ReviewedPolicy, { node }: ReviewedStatement): void {
  for (const name of elements) {
    if (node.members.has(name)) {
      policy.report('UNSUPPORTED_PRINCIPAL', { name, of: node }, { policy_type: 'IDENTITY_POLICY' })
    }
  }
}

function checkElements(policy: ReviewedPolicy, statement: ReviewedStatement): void {
  const { node } = statement
  if (!elements.some((name) => node.members.has(name))) policy.report('MISSING_PRINCIPAL', node, {})
  for (const name of elements) {
    const element = member(node, name)
    if (element === undefined) continue
    if (element.type === 'string') {
      if (element.value !== '*') policy.report('INVALID_PRINCIPAL_FORMAT', element, {})
    } else if (element.type !== 'object') policy.report('INVALID_PRINCIPAL_FORMAT', element, {})
    else if (element.members.size === 0) policy.report('EMPTY_OBJECT_PRINCIPAL', element, {})
    else {
      for (const [type, value] of element.members) {
        if (!principalTypes.has(type)) {
          policy.report('INVALID_PRINCIPAL_KEY', { name: type, of: element }, { 'principal-key': type })
        }
        if (value.type === 'array' && value.items.length === 0)
          policy.report('EMPTY_ARRAY_PRINCIPAL', value, {})
        for (const item of itemsOf(value)) {
          if (item.type !== 'string') policy.report('DATA_TYPE_MISMATCH', item, { data_type: 'string' })
        }
      }
    }
  }
  for (const principal of [...statement.principals, ...statement.notPrincipals])
    checkPrincipal(policy, principal)
  checkWho(policy, statement)
}

function checkPrincipal(policy: ReviewedPolicy, { type, value, node }: ReviewedPrincipal): void {
  if (type === '*') return
  if (hasWildcard(value) && value !== '*' && !value.includes('${')) {
    policy.report('UNSUPPORTED_WILDCARD_IN_PRINCIPAL', node, { principal_key: type })
    return
  }
  if (type === 'Service') {
    if (value === '*') policy.report('UNSUPPORTED_WILDCARD_IN_PRINCIPAL', node, { principal_key: type })
    else if (!servicePrincipal.test(value)) {
      policy.report('INVALID_SERVICE_PRINCIPAL_FORMAT', node, {
        expectedFormat: 'service-name.amazonaws.com',
      })
    }
  }
  if (type === 'Federated' && policy.kind !== 'trust')
    policy.report('FEDERATED_PRINCIPAL_NOT_SUPPORTED', node, {})
  if (type === 'AWS' && value !== '*') checkAwsPrincipal(policy, value, node)
}

function checkAwsPrincipal(policy: ReviewedPolicy, value: string, node: ReviewedPrincipal['node']): void {
  if (/^AROA[A-Z0-9]{12,}/.test(value)) policy.report('INVALID_ROLE_REFERENCE', node, { roleid: value })
  else if (/^AIDA[A-Z0-9]{12,}/.test(value)) policy.report('INVALID_USER_REFERENCE', node, { userid: value })
  else if (readPrincipalValue(value) === undefined) policy.report('INVALID_PRINCIPAL_FORMAT', node, {})
}

/** Who is meant, as a whole. */
function checkWho(policy: ReviewedPolicy, statement: ReviewedStatement): void {
  const { node, effect } = statement
  const notPrincipal = { name: 'NotPrincipal', of: node }
  if (!node.members.has('NotPrincipal') || policy.kind === 'resource-control' || policy.kind === 'trust')
    return
  if (effect === 'Allow') policy.report('ALLOW_WITH_NOT_PRINCIPAL', notPrincipal, {})
  if (effect === 'Deny') policy.report('KW_DENY_WITH_NOT_PRINCIPAL', notPrincipal, {})
}
