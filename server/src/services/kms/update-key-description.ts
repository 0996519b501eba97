import { requireState } from '../../keys/usable.ts'
import type { Operation } from './operation.ts'

/** @see AWS KMS API Reference, UpdateKeyDescription */
export const updateKeyDescription: Operation<'UpdateKeyDescription'> = async (
  request,
  { keys, access, transition },
) =>
  transition(async (tx) => {
    const stored = await access.toManage(tx.db, request.KeyId, 'kms:UpdateKeyDescription')
    requireState(stored.key, 'change')
    await keys.change(tx, stored, { description: request.Description })
    return undefined
  })
