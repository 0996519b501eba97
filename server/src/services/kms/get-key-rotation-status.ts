import type { Operation } from './operation.ts'

/**
 * Whether the key's material is rotated by itself. Rotation cannot be switched on yet, so the answer is that it is off; tools
 * ask this of every key that they manage. Of asymmetric and HMAC keys, which are never rotated, it always is: Terraform asks
 * it of these too.
 *
 * @see AWS KMS API Reference, GetKeyRotationStatus
 */
export const getKeyRotationStatus: Operation<'GetKeyRotationStatus'> = async (request, { access, store }) => {
  const { key } = await access.toManage(store.db, request.KeyId, 'kms:GetKeyRotationStatus')
  return { KeyId: key.arn, KeyRotationEnabled: false }
}
