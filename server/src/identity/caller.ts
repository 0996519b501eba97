import { iamArn, partitionOf } from '../arn.ts'
import type { SessionFacts } from './session.ts'

/** Who makes a request, once its signature has been verified. */
export interface Caller {
  readonly type: 'Root' | 'IAMUser' | 'AssumedRole' | 'WebIdentityUser' | 'AWSService'
  readonly accountId: string
  /** Of the root user, the user, or the role session. */
  readonly arn: string
  /** The account id of a root user, AIDA… of a user, AROA…:session of a role session, the name of a service. */
  readonly principalId: string
  readonly accessKeyId: string
  /** Of a user. */
  readonly userName?: string
  /** Of temporary credentials. */
  readonly session?: SessionFacts
}

/** The root user of an account; its ARN has no Region, but the partition of the one it is used in. */
export function rootCaller(accountId: string, accessKeyId: string, region: string): Caller {
  return {
    type: 'Root',
    accountId,
    arn: iamArn({
      partition: partitionOf(region),
      accountId,
      resource: 'root',
    }),
    principalId: accountId,
    accessKeyId,
  }
}
