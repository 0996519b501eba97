import { serviceEvent } from '../audit/service-event.ts'
import type { Clock } from '../clock.ts'
import type { StoredKey } from '../keys/key.ts'
import type { DueKey, Keys } from '../keys/keys.ts'
import type { Store } from '../store/store.ts'
import type { Log } from '../telemetry/log.ts'
import { keysUndone, runEach } from './due-entities.ts'
import type { TimerKind } from './timers.ts'

/** Destroys keys when their waiting time is over. */
export function keyDeletions(parts: { store: Store; keys: Keys; clock: Clock; log: Log }): TimerKind {
  const { store, keys, clock, log } = parts

  async function destroy(region: string, keyId: string): Promise<void> {
    await store.transition(async (tx) => {
      const stored = await keys.read(tx.db, region, keyId)
      if (stored === undefined || !isDue(stored)) {
        tx.unrecorded = 'another node deleted the key, its deletion was cancelled, or it is under quarantine'
        return
      }
      await keys.destroy(tx, stored)
      tx.record((position) => deletionRecord(stored, position))
    })
    log.info({ region, keyId }, 'a key was deleted, its waiting time being over')
  }

  /** A key under quarantine is kept: whoever scheduled its deletion may be the reason for the quarantine. */
  function isDue({ key }: StoredKey): boolean {
    return (
      key.state === 'PendingDeletion' &&
      key.quarantine === undefined &&
      key.deletionAtMs !== undefined &&
      key.deletionAtMs <= clock.now()
    )
  }

  /** @see AWS KMS Developer Guide, "DeleteKey" under "AWS KMS log entries": the service's own event */
  function deletionRecord({ key }: StoredKey, changePosition: number): { eventId: string; record: string } {
    return serviceEvent(key, {
      clockMs: clock.now(),
      operation: 'DeleteKey',
      response: { keyId: key.arn },
      changePosition,
    })
  }

  return {
    name: 'key deletions',
    isIrreversible: true,
    nextDue: (afterMs) => keys.nextDeletion(afterMs),
    async runDue(nowMs, isStopped) {
      const undone = await runEach<DueKey>(
        { page: (...page) => keys.dueDeletions(...page), run: ({ region, keyId }) => destroy(region, keyId) },
        nowMs,
        isStopped,
      )
      return keysUndone(undone, 'cannot be deleted although it is time')
    },
  }
}
