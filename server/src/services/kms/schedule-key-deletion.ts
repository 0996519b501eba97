import { pendingDeletion } from '../../keys/multi-region.ts'
import { requireState } from '../../keys/usable.ts'
import { askedWithDaysUnused } from './key-last-usage.ts'
import type { Operation } from './operation.ts'

const DEFAULT_WINDOW_DAYS = 30

/**
 * Puts a key out of use at once and destroys it when the window is over. Replicas can be deleted each on its own, their
 * primary key after them.
 *
 * @see AWS KMS API Reference, ScheduleKeyDeletion
 */
export const scheduleKeyDeletion: Operation<'ScheduleKeyDeletion'> = async (
  request,
  { keys, keyUses, access, transition, now },
) => {
  const windowDays = request.PendingWindowInDays ?? DEFAULT_WINDOW_DAYS
  return transition(async (tx) => {
    const stored = await access.toManage(tx.db, request.KeyId, 'kms:ScheduleKeyDeletion', {
      ...askedWithDaysUnused(keyUses, tx.db, now),
      values: { 'kms:schedulekeydeletionpendingwindowindays': String(windowDays) },
    })
    requireState(stored.key, 'schedule deletion')
    const key = await keys.change(tx, stored, pendingDeletion(stored.key, windowDays, now()))
    return {
      KeyId: key.arn,
      ...(key.deletionAtMs !== undefined && { DeletionDate: new Date(key.deletionAtMs) }),
      KeyState: key.state,
      PendingWindowInDays: windowDays,
    }
  })
}
