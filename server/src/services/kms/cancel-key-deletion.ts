import { requirePendingDeletion } from '../../keys/usable.ts'
import type { Operation } from './operation.ts'

/**
 * Keeps a key that was to be deleted. It stays disabled until it is enabled.
 *
 * @see AWS KMS API Reference, CancelKeyDeletion
 */
export const cancelKeyDeletion: Operation<'CancelKeyDeletion'> = async (
  request,
  { keys, access, transition },
) =>
  transition(async (tx) => {
    const stored = await access.toManage(tx.db, request.KeyId, 'kms:CancelKeyDeletion')
    requirePendingDeletion(stored.key)
    const key = await keys.change(tx, stored, { state: 'Disabled', deletion: null })
    return { KeyId: key.arn }
  })
