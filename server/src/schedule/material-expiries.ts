import { serviceEvent } from '../audit/service-event.ts'
import type { Clock } from '../clock.ts'
import { dueExpiries, nextExpiry, type DueMaterial } from '../keys/due-material.ts'
import type { Imports } from '../keys/imports.ts'
import type { KmsKey } from '../keys/key.ts'
import type { Store } from '../store/store.ts'
import type { Log } from '../telemetry/log.ts'
import { runEach } from './due-entities.ts'
import type { TimerKind } from './timers.ts'

/**
 * Takes imported material away when it expires. Its owner promised so, and has it: of a key under quarantine too. That a key
 * is not used with material that has expired does not wait for this.
 */
export function materialExpiries(parts: {
  store: Store
  imports: Imports
  clock: Clock
  log: Log
}): TimerKind {
  const { store, imports, clock, log } = parts

  async function expire(due: DueMaterial): Promise<void> {
    const key = await store.transition(async (tx) => {
      const expired = await imports.material.expire(tx, due)
      if (expired === undefined)
        tx.unrecorded = 'another node took the material away, or its time has changed'
      else tx.record((position) => expiryRecord(expired, due.materialId, clock.now(), position))
      return expired
    })
    if (key === undefined) return
    const { region, keyId, materialId } = due
    log.info({ region, keyId, materialId }, 'imported key material has expired and was deleted')
  }

  return {
    name: 'material expiries',
    isIrreversible: true,
    nextDue: (afterMs) => nextExpiry(store, afterMs),
    async runDue(nowMs, isStopped) {
      const undone = await runEach<DueMaterial>(
        { page: (...page) => dueExpiries(store, ...page), run: expire },
        nowMs,
        isStopped,
      )
      if (undone === undefined) return undefined
      const { first, count, reason } = undone
      const key = `${first.region}/${first.keyId}`
      const whose =
        count === 1
          ? `the material of key ${key}`
          : `${count} pieces of material (the first is of key ${key})`
      return `${whose} cannot be deleted although it has expired: ${reason}`
    },
  }
}

/** @see AWS KMS Developer Guide, "DeleteExpiredKeyMaterial" under "AWS KMS log entries": the service's own event */
function expiryRecord(key: KmsKey, keyMaterialId: string, clockMs: number, changePosition: number) {
  return serviceEvent(key, {
    clockMs,
    operation: 'DeleteExpiredKeyMaterial',
    serviceEventDetails: { keyId: key.keyId, keyMaterialId },
    changePosition,
  })
}
