import { requireState } from '../../keys/usable.ts'
import type { Operation } from './operation.ts'

/** @see AWS KMS API Reference, EnableKey */
export const enableKey: Operation<'EnableKey'> = async (request, { keys, access, transition }) =>
  transition(async (tx) => {
    const stored = await access.toManage(tx.db, request.KeyId, 'kms:EnableKey')
    requireState(stored.key, 'enable or disable')
    await keys.change(tx, stored, { state: 'Enabled' })
    return undefined
  })
