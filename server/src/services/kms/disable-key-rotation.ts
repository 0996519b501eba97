import {
  requireAtRest,
  requireOrigin,
  requirePrimaryOrSingle,
  requireState,
  requireSymmetricEncryption,
} from '../../keys/usable.ts'
import type { Operation } from './operation.ts'

/** @see AWS KMS API Reference, DisableKeyRotation */
export const disableKeyRotation: Operation<'DisableKeyRotation'> = async (
  request,
  { keys, access, transition },
) =>
  transition(async (tx) => {
    const stored = await access.toManage(tx.db, request.KeyId, 'kms:DisableKeyRotation')
    requireAtRest(stored.key, 'rotation')
    requireSymmetricEncryption(stored.key)
    requireOrigin(stored.key, 'AWS_KMS')
    requirePrimaryOrSingle(stored.key)
    requireState(stored.key, 'rotation')
    await keys.sets.share(tx, await keys.change(tx, stored, { rotation: null }))
    return undefined
  })
