import { requireNotPendingDeletion } from '../../keys/usable.ts'
import type { Operation } from './operation.ts'

const DEFAULT_WINDOW_DAYS = 30
const DAY_MS = 86_400_000

/**
 * Puts a key out of use at once and destroys it when the window is over.
 *
 * @see AWS KMS API Reference, ScheduleKeyDeletion
 */
export const scheduleKeyDeletion: Operation<'ScheduleKeyDeletion'> = async (
  request,
  { keys, access, transition, now },
) => {
  const windowDays = request.PendingWindowInDays ?? DEFAULT_WINDOW_DAYS
  return transition(async (tx) => {
    const stored = await access.toManage(tx.db, request.KeyId, 'kms:ScheduleKeyDeletion', {
      values: { 'kms:schedulekeydeletionpendingwindowindays': String(windowDays) },
    })
    requireNotPendingDeletion(stored.key)
    const atMs = now() + windowDays * DAY_MS
    const key = await keys.change(tx, stored, { state: 'PendingDeletion', deletion: { atMs, windowDays } })
    return {
      KeyId: key.arn,
      DeletionDate: new Date(atMs),
      KeyState: key.state,
      PendingWindowInDays: windowDays,
    }
  })
}
