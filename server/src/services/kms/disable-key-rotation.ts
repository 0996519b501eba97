import { requireRotatable } from '../../keys/usable.ts'
import type { Operation } from './operation.ts'

/** @see AWS KMS API Reference, DisableKeyRotation */
export const disableKeyRotation: Operation<'DisableKeyRotation'> = async (
  request,
  { keys, access, transition },
) =>
  transition(async (tx) => {
    const stored = await access.toManage(tx.db, request.KeyId, 'kms:DisableKeyRotation')
    requireRotatable(stored.key, 'AWS_KMS')
    await keys.sets.share(tx, await keys.change(tx, stored, { rotation: null }))
    return undefined
  })
