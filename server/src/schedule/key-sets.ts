import { serviceEvent } from '../audit/service-event.ts'
import type { Clock } from '../clock.ts'
import type { KmsKey } from '../keys/key.ts'
import type { DueKey, Keys } from '../keys/keys.ts'
import { randomUuid } from '../random-uuid.ts'
import type { Store } from '../store/store.ts'
import type { Log } from '../telemetry/log.ts'
import { keysUndone, runEach } from './due-entities.ts'
import type { TimerKind } from './timers.ts'

/**
 * Completes what is under way with multi-Region keys: replicas get their material, and keys that exchange the parts of
 * primary and replica agree on it. That is due at once, and after a crash in between at the next start.
 */
export function keySets(parts: { store: Store; keys: Keys; clock: Clock; log: Log }): TimerKind {
  const { store, keys, clock, log } = parts

  async function settle(region: string, keyId: string): Promise<void> {
    const primary = await store.transition(async (tx) => {
      const settled = await keys.sets.settle(tx, region, keyId)
      if (settled === undefined) tx.unrecorded = 'the set of the key is in agreement'
      else tx.record((position) => synchronizationRecord(settled, clock.now(), position))
      return settled
    })
    if (primary !== undefined)
      log.info({ keyId }, 'the keys of a multi-Region set were brought into agreement')
  }

  return {
    name: 'key sets',
    isIrreversible: false,
    isAwaited: true,
    nextDue: (afterMs) => keys.nextSync(afterMs),
    async runDue(nowMs, isStopped) {
      const undone = await runEach<DueKey>(
        { page: (...page) => keys.dueSyncs(...page), run: ({ region, keyId }) => settle(region, keyId) },
        nowMs,
        isStopped,
      )
      return keysUndone(undone, 'cannot agree with the rest of the multi-Region set')
    },
  }
}

/** @see AWS KMS Developer Guide, "SynchronizeMultiRegionKey" under "AWS KMS log entries": of the primary key alone */
function synchronizationRecord(primary: KmsKey, clockMs: number, changePosition: number) {
  return serviceEvent(primary, {
    clockMs,
    operation: 'SynchronizeMultiRegionKey',
    response: { keyId: primary.arn },
    requestId: randomUuid(),
    changePosition,
    eventType: 'AwsApiCall',
  })
}
