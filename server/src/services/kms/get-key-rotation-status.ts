import { nextRotationMs } from '../../keys/key-rotation.ts'
import type { Operation } from './operation.ts'

/**
 * Whether the key is rotated by itself, how often, and when next. Of asymmetric and HMAC keys, which are never rotated, the
 * answer is no and not an error: Terraform asks it of these too. A rotation on demand is over when its request is answered.
 *
 * @see AWS KMS API Reference, GetKeyRotationStatus
 */
export const getKeyRotationStatus: Operation<'GetKeyRotationStatus'> = async (request, { access, store }) => {
  const { key } = await access.toManage(store.db, request.KeyId, 'kms:GetKeyRotationStatus')
  const { rotation } = key
  // While a key waits for its deletion it is not rotated, and so AWS says; it is again when the deletion is cancelled.
  if (rotation === undefined || key.state === 'PendingDeletion') {
    return { KeyId: key.arn, KeyRotationEnabled: false }
  }
  return {
    KeyId: key.arn,
    KeyRotationEnabled: true,
    RotationPeriodInDays: rotation.periodDays,
    NextRotationDate: new Date(nextRotationMs(rotation)),
  }
}
