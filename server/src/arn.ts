/** The parts of `arn:partition:service:region:account:resource`; the resource may hold colons. */
export interface Arn {
  partition: string
  service: string
  region: string
  accountId: string
  resource: string
}

/** Splits an ARN; undefined when it has fewer than six parts or does not begin with `arn`. */
export function parseArn(text: string): Arn | undefined {
  const [arn, partition, service, region, accountId, ...resource] = text.split(':')
  if (arn !== 'arn' || !partition || !service || resource.length === 0) return undefined
  return {
    partition,
    service,
    region: region ?? '',
    accountId: accountId ?? '',
    resource: resource.join(':'),
  }
}

export function formatArn({ partition, service, region, accountId, resource }: Arn): string {
  return `arn:${partition}:${service}:${region}:${accountId}:${resource}`
}

/** The key id in the ARN of a KMS key; nothing is said of its form. */
export function keyIdOf({ resource }: Pick<Arn, 'resource'>): string | undefined {
  return resource.startsWith('key/') ? resource.slice('key/'.length) : undefined
}

/** An ARN of IAM, which is global: it has no Region. */
export function iamArn({ partition, accountId, resource }: Omit<Arn, 'service' | 'region'>): string {
  return formatArn({ partition, service: 'iam', region: '', accountId, resource })
}

/** The partition of a Region: `aws`, `aws-cn` or `aws-us-gov`. */
export function partitionOf(region: string): string {
  if (region.startsWith('cn-')) return 'aws-cn'
  if (region.startsWith('us-gov-')) return 'aws-us-gov'
  return 'aws'
}

/** Where requests to a global service of a Region's partition are scoped to. */
export function globalRegionOf(region: string): string {
  switch (partitionOf(region)) {
    case 'aws-cn':
      return 'cn-north-1'
    case 'aws-us-gov':
      return 'us-gov-west-1'
    default:
      return 'us-east-1'
  }
}

/** What the names of services end with in a Region. */
export function dnsSuffixOf(region: string): string {
  return partitionOf(region) === 'aws-cn' ? 'amazonaws.com.cn' : 'amazonaws.com'
}
