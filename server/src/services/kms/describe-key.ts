import { keyMetadata } from './key-metadata.ts'
import type { Operation } from './operation.ts'

/** @see AWS KMS API Reference, DescribeKey */
export const describeKey: Operation<'DescribeKey'> = async (request, { access }) => {
  const asked = { grantTokens: request.GrantTokens }
  return { KeyMetadata: keyMetadata(await access.toDescribe(request.KeyId, 'kms:DescribeKey', asked)) }
}
