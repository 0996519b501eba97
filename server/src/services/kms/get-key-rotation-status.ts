import { nextRotationMs } from '../../keys/key-rotation.ts'
import { isPendingDeletion } from '../../keys/usable.ts'
import type { Operation } from './operation.ts'

/**
 * Whether the key is rotated by itself, how often, and when next. Of asymmetric and HMAC keys, which are never rotated, the
 * answer is no and not an error: Terraform asks it of these too. A rotation on demand is over when its request is answered, but
 * for a key that linked deployments have replicas of: until all of them hold the new material.
 *
 * @see AWS KMS API Reference, GetKeyRotationStatus
 */
export const getKeyRotationStatus: Operation<'GetKeyRotationStatus'> = async (
  request,
  { access, keys, store },
) => {
  const { key } = await access.toManage(store.db, request.KeyId, 'kms:GetKeyRotationStatus')
  const { rotation } = key
  const pending = await keys.pendingRotation(store.db, key)
  const onDemand = pending?.type === 'ON_DEMAND' && {
    OnDemandRotationStartDate: new Date(pending.sinceMs),
  }
  // While a key waits for its deletion it is not rotated, and so AWS says; it is again when the deletion is cancelled.
  if (rotation === undefined || isPendingDeletion(key)) {
    return { KeyId: key.arn, KeyRotationEnabled: false, ...onDemand }
  }
  return {
    KeyId: key.arn,
    KeyRotationEnabled: true,
    RotationPeriodInDays: rotation.periodDays,
    NextRotationDate: new Date(nextRotationMs(rotation)),
    ...onDemand,
  }
}
