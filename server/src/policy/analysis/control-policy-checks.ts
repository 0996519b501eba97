import type { ReviewedCondition, ReviewedPolicy, ReviewedStatement } from './reviewed-policy.ts'

/**
 * The services whose resources resource control policies apply to (2026).
 * @see AWS Organizations User Guide, "List of AWS services that support RCPs"
 */
const controlledServices = new Set(
  (
    'aoss appconfig appstream autoscaling autoscaling-plans budgets clouddirectory cloudfront cloudsearch ' +
    'cloudtrail-data codeartifact codebuild codecommit codepipeline cognito-identity cognito-idp comprehend ' +
    'comprehendmedical compute-optimizer cost-optimization-hub dax dsql dynamodb ecr ecr-public events firehose ' +
    'fis fms gamelift health inspector-scan kendra kinesisvideo kms logs memorydb networkmonitor notifications ' +
    'opensearch pca-connector-ad personalize polly pricing resource-groups rolesanywhere s3 secretsmanager ' +
    'servicediscovery signin sqs sts support swf textract timestream-influxdb transcribe transfer translate ' +
    'wafv2 workspaces xray'
  ).split(' '),
)

/** What only a resource control policy may, or must not, say. */
export function checkControlPolicy(policy: ReviewedPolicy): void {
  if (policy.kind !== 'resource-control') return
  for (const statement of policy.statements) {
    checkElements(policy, statement)
    checkActions(policy, statement)
    if (statement.effect === 'Deny') checkCompanions(policy, statement)
  }
}

function checkElements(policy: ReviewedPolicy, statement: ReviewedStatement): void {
  const { node, principals } = statement
  for (const name of ['NotPrincipal', 'Principal']) {
    const wrong =
      name === 'NotPrincipal' ||
      principals.some(({ type, value }) => value !== '*' || !/^(?:\*|AWS)$/.test(type))
    if (node.members.has(name) && wrong) policy.report('RCP_SYNTAX_ERROR_PRINCIPAL', { name, of: node }, {})
  }
  if (node.members.has('NotAction')) {
    policy.report('RCP_SYNTAX_ERROR_NOTACTION', { name: 'NotAction', of: node }, {})
  }
  if (statement.effect === 'Allow' && !allowsEverything(statement))
    policy.report('RCP_SYNTAX_ERROR_ALLOW', node, {})
}

/** As RCPFullAWSAccess does, which AWS attaches first. */
function allowsEverything({ node, actions, resources, conditions }: ReviewedStatement): boolean {
  return (
    actions.length === 1 &&
    actions[0]?.value === '*' &&
    resources.length === 1 &&
    resources[0]?.value === '*' &&
    !node.members.has('NotResource') &&
    conditions.length === 0
  )
}

function checkActions(policy: ReviewedPolicy, statement: ReviewedStatement): void {
  if (statement.effect === 'Allow') return
  for (const action of statement.actions) {
    const service = action.value.split(':')[0]?.toLowerCase() ?? ''
    if (!controlledServices.has(service)) policy.report('RCP_SYNTAX_ERROR_ACTION', action, {})
  }
}

const principalKeys = /^aws:principal(?:arn|account|orgid|orgpaths|type|tag\/.+)$/
const sourceKeys = /^aws:source(?:account|orgid|orgpaths|arn)$/

/** A Deny that misses its companion conditions falls on services, or on people, that it does not mean. */
function checkCompanions(policy: ReviewedPolicy, { conditions }: ReviewedStatement): void {
  const mentions = (value: string): boolean =>
    conditions.some(
      (each) =>
        each.lowerKey === 'aws:principalisawsservice' &&
        each.values.length > 0 &&
        each.values.every((node) => node.value.toLowerCase() === value),
    )
  const nullChecked = conditions.some(
    ({ operator, lowerKey }) => operator?.name === 'Null' && /^aws:source(?:account|arn)$/.test(lowerKey),
  )
  for (const condition of conditions) {
    const { lowerKey, key, operator } = condition
    const place = placeOf(condition)
    if (principalKeys.test(lowerKey) && !mentions('false')) {
      policy.report('RCP_MISSING_RELATED_PRINCIPAL_CONDITION_KEY', place, { conditionKeyName: key })
    }
    if (!sourceKeys.test(lowerKey) || operator?.name === 'Null') continue
    if (!mentions('true')) {
      policy.report('RCP_MISSING_RELATED_SERVICE_PRINCIPAL_CONDITION_KEY', place, { conditionKeyName: key })
    } else if (!nullChecked) {
      policy.report('RCP_MISSING_SERVICE_CONDITION_KEY_NULL_CHECK', place, { conditionKeyName: key })
    }
  }
}

function placeOf({ key, block }: ReviewedCondition): { name: string; of: ReviewedCondition['block'] } {
  return { name: key, of: block }
}
