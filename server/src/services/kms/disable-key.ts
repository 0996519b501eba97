import { requireState } from '../../keys/usable.ts'
import { askedWithDaysUnused } from './key-last-usage.ts'
import type { Operation } from './operation.ts'

/** @see AWS KMS API Reference, DisableKey */
export const disableKey: Operation<'DisableKey'> = async (
  request,
  { keys, keyUses, access, transition, now },
) =>
  transition(async (tx) => {
    const stored = await access.toManage(
      tx.db,
      request.KeyId,
      'kms:DisableKey',
      askedWithDaysUnused(keyUses, tx.db, now),
    )
    requireState(stored.key, 'enable or disable')
    await keys.change(tx, stored, { state: 'Disabled' })
    return undefined
  })
