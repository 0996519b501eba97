import { formatArn, partitionOf } from '../arn.ts'

/** Who makes a request, once its signature has been verified. */
export interface Caller {
  readonly type: 'Root'
  readonly accountId: string
  readonly arn: string
  readonly principalId: string
  readonly accessKeyId: string
}

/** The root user of an account; its ARN has no Region, but the partition of the one it is used in. */
export function rootCaller(accountId: string, accessKeyId: string, region: string): Caller {
  return {
    type: 'Root',
    accountId,
    arn: formatArn({
      partition: partitionOf(region),
      service: 'iam',
      region: '',
      accountId,
      resource: 'root',
    }),
    principalId: accountId,
    accessKeyId,
  }
}
