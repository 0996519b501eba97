import { DEFAULT_ROTATION_PERIOD_DAYS } from '../../keys/key-rotation.ts'
import { requireRotatable } from '../../keys/usable.ts'
import type { Operation } from './operation.ts'

/**
 * Has the key rotated by itself, or changes how often. The first rotation comes a period after this was first asked; a new
 * period counts from the same day, or from the last rotation, so one that is over already rotates the key at once.
 *
 * @see AWS KMS API Reference, EnableKeyRotation
 */
export const enableKeyRotation: Operation<'EnableKeyRotation'> = async (
  request,
  { keys, access, transition, now },
) => {
  const periodDays = request.RotationPeriodInDays ?? DEFAULT_ROTATION_PERIOD_DAYS
  return transition(async (tx) => {
    const stored = await access.toManage(tx.db, request.KeyId, 'kms:EnableKeyRotation', {
      values: { 'kms:rotationperiodindays': String(periodDays) },
    })
    requireRotatable(stored.key, 'AWS_KMS')
    const fromMs = stored.key.rotation?.fromMs ?? now()
    await keys.sets.share(tx, await keys.change(tx, stored, { rotation: { periodDays, fromMs } }))
    return undefined
  })
}
