import { iamArn, partitionOf } from '../arn.ts'

/**
 * The policy of a key that was created without one: the account decides through IAM. AWS's layout,
 * since tools compare the text.
 *
 * @see AWS KMS Developer Guide, "Default key policy"
 */
export function defaultKeyPolicy(accountId: string, region: string): string {
  const root = iamArn({
    partition: partitionOf(region),
    accountId,
    resource: 'root',
  })
  return `{
  "Version" : "2012-10-17",
  "Id" : "key-default-1",
  "Statement" : [ {
    "Sid" : "Enable IAM User Permissions",
    "Effect" : "Allow",
    "Principal" : {
      "AWS" : "${root}"
    },
    "Action" : "kms:*",
    "Resource" : "*"
  } ]
}`
}
