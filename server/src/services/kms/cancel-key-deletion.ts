import { requireState } from '../../keys/usable.ts'
import type { Operation } from './operation.ts'

/**
 * Keeps a key that was to be deleted. It stays disabled until it is enabled; one whose imported material went meanwhile waits
 * for that.
 *
 * @see AWS KMS API Reference, CancelKeyDeletion
 */
export const cancelKeyDeletion: Operation<'CancelKeyDeletion'> = async (
  request,
  { keys, imports, access, transition },
) =>
  transition(async (tx) => {
    const stored = await access.toManage(tx.db, request.KeyId, 'kms:CancelKeyDeletion')
    requireState(stored.key, 'cancel deletion')
    const isWhole = stored.key.origin === 'AWS_KMS' || (await imports.material.isComplete(tx, stored.key))
    const key = await keys.change(tx, stored, {
      state: isWhole ? 'Disabled' : 'PendingImport',
      deletion: null,
    })
    return { KeyId: key.arn }
  })
