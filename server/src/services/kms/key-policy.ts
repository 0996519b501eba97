import { formatArn, partitionOf } from '../../arn.ts'
import { KmsError } from '../../keys/kms-error.ts'
import { MalformedPolicyError, requirePolicyDocument } from '../../policy/document.ts'

/** A KMS key has one policy, and this is its name. */
export const POLICY_NAME = 'default'

// The model allows 131,072 characters; the service's documented bound is this one.
const MAX_POLICY_BYTES = 32_768

/**
 * The policy of a key that was created without one: the account decides through IAM. AWS's layout,
 * since tools compare the text.
 *
 * @see AWS KMS Developer Guide, "Default key policy"
 */
export function defaultKeyPolicy(accountId: string, region: string): string {
  const root = formatArn({
    partition: partitionOf(region),
    service: 'iam',
    region: '',
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

/** @throws KmsError LimitExceededException, MalformedPolicyDocumentException */
export function requireKeyPolicy(policy: string): void {
  if (Buffer.byteLength(policy) > MAX_POLICY_BYTES) {
    throw new KmsError('LimitExceededException', `The key policy is larger than ${MAX_POLICY_BYTES} bytes.`)
  }
  try {
    requirePolicyDocument(policy)
  } catch (error) {
    if (error instanceof MalformedPolicyError)
      throw new KmsError('MalformedPolicyDocumentException', error.message)
    throw error
  }
}

/** There is no policy of any other name. */
export function requirePolicyName(name: string | undefined): void {
  if (name !== undefined && name !== POLICY_NAME)
    throw new KmsError('NotFoundException', 'No such policy exists')
}
