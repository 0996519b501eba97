import { isLimited } from './limits.ts'
import type { ReviewedPolicy, ReviewedStatement } from './reviewed-policy.ts'

/** Statements that let in more than their author meant: everybody, services for anybody, callers who say anything. */
export function checkExposure(policy: ReviewedPolicy): void {
  for (const statement of policy.statements) {
    checkUntrustworthy(policy, statement)
    checkPairs(policy, statement)
    if (statement.effect !== 'Allow' || policy.kind === 'resource-control') continue
    checkEverybody(policy, statement)
    checkServices(policy, statement)
  }
}

function checkEverybody(policy: ReviewedPolicy, { principals, conditions }: ReviewedStatement): void {
  const everyone = principals.filter(({ type, value }) => value === '*' && (type === '*' || type === 'AWS'))
  if (everyone.length === 0 || isLimited(conditions)) return
  policy.report(
    'KW_PUBLIC_PRINCIPAL',
    everyone.map(({ node }) => node),
    {},
  )
}

const untrustworthyKeys = new Set(['aws:referer', 'aws:useragent'])

function checkUntrustworthy(policy: ReviewedPolicy, { conditions }: ReviewedStatement): void {
  for (const { lowerKey, key, block } of conditions) {
    if (untrustworthyKeys.has(lowerKey)) {
      policy.report('UNTRUSTWORTHY_CONDITION_KEY', { name: key, of: block }, { key })
    }
  }
}

/** A private address says something only within its VPC. */
function checkPairs(policy: ReviewedPolicy, { conditions }: ReviewedStatement): void {
  const keys = new Set(conditions.map(({ lowerKey }) => lowerKey))
  if (keys.has('aws:sourcevpc')) return
  for (const { lowerKey, key, block } of conditions) {
    if (lowerKey !== 'aws:vpcsourceip') continue
    policy.report(
      'MISSING_PAIRED_CONDITION_KEYS',
      { name: key, of: block },
      { conditionKeyName: key, recommendedKeys: 'aws:SourceVpc' },
    )
  }
}

const sourceKeys = new Set(['aws:sourcearn', 'aws:sourceaccount', 'aws:sourceorgid', 'aws:sourceorgpaths'])
/** Keys of callers with an account of their own; a service that acts for itself has none. */
const callerKeys =
  /^aws:(?:principalorgid|principalorgpaths|principaltag\/.+|username|multifactorauth(?:present|age))$/
/** What authors use in their place. */
const substituteKeys = new Set([
  'aws:referer',
  'aws:sourceip',
  'aws:sourcevpc',
  'aws:sourcevpce',
  'aws:useragent',
])

function checkServices(policy: ReviewedPolicy, statement: ReviewedStatement): void {
  const { principals, conditions } = statement
  const services = principals.filter(({ type }) => type === 'Service')
  if (services.length === 0) return
  if (services.length === principals.length) {
    const wrong = conditions.filter(
      ({ lowerKey, operator }) => callerKeys.test(lowerKey) && operator?.ifExists !== true,
    )
    if (wrong.length > 0) {
      policy.report(
        'UNSUPPORTED_CONDITION_KEY_FOR_SERVICE_PRINCIPAL',
        wrong.map(({ key, block }) => ({ name: key, of: block })),
        { conditionKeys: wrong.map(({ key }) => key).join(', ') },
      )
    }
  }
  // A role that a service assumes belongs to the account that passes it; the service names no source.
  if (policy.kind === 'trust') return
  if (conditions.some(({ lowerKey }) => sourceKeys.has(lowerKey))) return
  const substitute = conditions.find(({ lowerKey }) => substituteKeys.has(lowerKey))
  for (const { value, node } of services) {
    if (substitute === undefined) policy.report('RESTRICT_ACCESS_TO_SERVICE_PRINCIPAL', node, {})
    else {
      policy.report(
        'RECOMMENDED_CONDITION_KEY_FOR_SERVICE_PRINCIPAL',
        { name: substitute.key, of: substitute.block },
        { servicePrincipalPrefix: value, key: substitute.key },
      )
    }
  }
}
