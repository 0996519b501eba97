import { requireNotPendingDeletion } from '../../keys/usable.ts'
import type { Operation } from './operation.ts'

/** @see AWS KMS API Reference, DisableKey */
export const disableKey: Operation<'DisableKey'> = async (request, { keys, access, transition }) =>
  transition(async (tx) => {
    const stored = await access.toManage(tx.db, request.KeyId, 'kms:DisableKey')
    requireNotPendingDeletion(stored.key)
    await keys.change(tx, stored, { state: 'Disabled' })
    return undefined
  })
