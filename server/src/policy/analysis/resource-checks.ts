import { parseArn } from '../../arn.ts'
import { commercialRegions } from '../../regions.ts'
import { arnCovers, hasWildcard, isIntricate, overlaps } from './pattern-sets.ts'
import type { ReviewedPolicy, StringNode } from './reviewed-policy.ts'
import { vocabularyOf } from './vocabulary/lookup.ts'

const partitions = ['aws', 'aws-cn', 'aws-us-gov']
/** Above this many entries pairs are not compared any more. */
const MOST_COMPARED = 200

/** What stands in Resource and NotResource. */
export function checkResources(policy: ReviewedPolicy): void {
  for (const statement of policy.statements) {
    for (const resource of [...statement.resources, ...statement.notResources]) {
      if (policy.isFull()) return
      checkResource(policy, resource)
    }
    checkRedundancy(policy, statement.resources)
    checkRedundancy(policy, statement.notResources)
  }
}

function checkResource(policy: ReviewedPolicy, resource: StringNode): void {
  const text = withoutVariables(resource.value)
  if (text === '*') return
  if (!overlaps(text, 'arn:*')) {
    policy.report('INVALID_ARN_PREFIX', resource, {})
    return
  }
  // A wildcard at the beginning may stand for any number of fields.
  if (!text.startsWith('arn:')) return
  const fields = text.split(':')
  if (fields.length < 6) {
    // A wildcard at the end may stand for the fields that are missing.
    if (!text.endsWith('*')) policy.report('MISSING_ARN_FIELD', resource, { fields: '6' })
    return
  }
  checkFields(policy, resource, text)
}

function checkFields(policy: ReviewedPolicy, resource: StringNode, text: string): void {
  const arn = parseArn(text)
  if (arn === undefined) return
  const { partition, service, region, accountId } = arn
  if (hasWildcard(service)) {
    policy.report('WILDCARD_IN_SERVICE_NAME', resource, {})
    return
  }
  if (/[A-Z]/.test(service) && vocabularyOf(service.toLowerCase()) !== undefined) {
    policy.report('INVALID_ARN_SERVICE_CASE', resource, { service })
    return
  }
  const vocabulary = vocabularyOf(service)
  if (vocabulary === undefined) return
  if (!hasWildcard(partition) && !partitions.includes(partition)) {
    policy.report('INVALID_PARTITION', resource, { service, partition, partitions: partitions.join(', ') })
  }
  checkRegion(policy, resource, service, region)
  checkAccount(policy, resource, arn.resource, accountId)
  const known = Object.values(vocabulary.resources).map((type) => type.arn)
  // The fields before were judged by themselves; here only the resource is.
  if (!isIntricate(arn.resource) && !known.some((pattern) => overlaps(resourcePart(pattern), arn.resource))) {
    policy.report('INVALID_ARN_RESOURCE', resource, {})
    return
  }
  if (policy.kind === 'key' && service !== 'kms') {
    policy.report('UNSUPPORTED_RESOURCE_ARN_IN_POLICY', resource, { resourceType: 'AWS::KMS::Key' })
  }
}

function checkRegion(policy: ReviewedPolicy, resource: StringNode, service: string, region: string): void {
  const global = service === 'iam' || service === 'sts'
  if (global) {
    if (region !== '' && region !== '*') policy.report('ARN_REGION_NOT_ALLOWED', resource, { service })
  } else if (region === '') {
    policy.report('MISSING_ARN_REGION', resource, { service })
  } else if (!isRegion(region)) policy.report('INVALID_ARN_REGION', resource, { region })
}

function checkAccount(policy: ReviewedPolicy, resource: StringNode, name: string, account: string): void {
  // IAM's own policies and templates have the account `aws`.
  if (account === '') policy.report('MISSING_ARN_ACCOUNT', resource, { resourceName: name })
  else if (account !== 'aws' && !hasWildcard(account) && !/^\d{12}$/.test(account)) {
    policy.report('INVALID_ARN_ACCOUNT', resource, { account })
  } else if (hasWildcard(account) && !/^[0-9*?]+$/.test(account)) {
    policy.report('INVALID_ARN_ACCOUNT', resource, { account })
  }
}

/** Whether a text is a Region, or a pattern of one. Regions of other partitions are taken by their form. */
export function isRegion(text: string): boolean {
  const pattern = text.toLowerCase()
  if (text !== pattern) return false
  if (commercialRegions.some((region) => overlaps(pattern, region))) return true
  return (
    /^(?:cn|us-gov|eusc|us-iso[a-z]*|eu-iso[a-z]*)-/.test(pattern) ||
    (hasWildcard(pattern) && overlaps(pattern, 'cn-*'))
  )
}

function resourcePart(arn: string): string {
  return arn.split(':').slice(5).join(':')
}

/** A variable may stand for anything. */
function withoutVariables(text: string): string {
  return text.replaceAll(/\$\{\s*([*?$])\s*\}/g, 'x').replaceAll(/\$\{[^{}]*\}/g, '*')
}

function checkRedundancy(policy: ReviewedPolicy, resources: readonly StringNode[]): void {
  if (resources.length > MOST_COMPARED || resources.some(({ value }) => isIntricate(value))) return
  const redundant = resources.filter(({ value }, i) =>
    resources.some(({ value: other }, j) => i !== j && (other === value ? j < i : arnCovers(other, value))),
  )
  if (redundant.length > 0) {
    policy.report('REDUNDANT_RESOURCE', redundant, { redundantResourceCount: String(redundant.length) })
  }
}
