import type { Clock } from '../clock.ts'
import type { StoredKey } from '../keys/key.ts'
import { nextRotationMs } from '../keys/key-rotation.ts'
import type { DueKey, Keys } from '../keys/keys.ts'
import type { Store, Transition } from '../store/store.ts'
import type { Log } from '../telemetry/log.ts'
import { keysUndone, runEach } from './due-entities.ts'
import { rotationRecord } from './rotation-record.ts'
import type { TimerKind } from './timers.ts'

const LOOK_AGAIN_MS = 300_000
const WAITS = 'linked deployments are to hold the new material first'

/** Gives keys new material when their rotation period is over. Nothing is lost by it, so it does not wait for anybody. */
export function keyRotations(parts: { store: Store; keys: Keys; clock: Clock; log: Log }): TimerKind {
  const { store, keys, clock, log } = parts

  async function rotate(region: string, keyId: string): Promise<void> {
    const found = await keys.read(store.db, region, keyId)
    if (found === undefined || !isDue(found)) return
    if ((await keys.pendingRotation(store.db, found.key)) !== undefined) {
      await store.transition(async (tx) => {
        tx.unrecorded = WAITS
        const stored = await keys.read(tx.db, region, keyId)
        if (stored !== undefined && isDue(stored)) await postpone(tx, stored)
      })
      return
    }
    const material = await keys.newMaterial(found.key.spec, found.key.accountId)
    try {
      const rotated = await store.transition(async (tx) => {
        const stored = await keys.read(tx.db, region, keyId)
        if (stored === undefined || !isDue(stored)) {
          tx.unrecorded = 'another node rotated the key, or it is no longer to be rotated'
          return false
        }
        const key = await keys.rotate(tx, stored, 'AUTOMATIC', material)
        if (key.currentMaterialId === stored.key.currentMaterialId) {
          tx.unrecorded = WAITS
          await postpone(tx, stored)
          return false
        }
        tx.record((changePosition) =>
          rotationRecord({
            before: stored.key,
            rotated: key,
            rotationType: 'AUTOMATIC',
            clockMs: clock.now(),
            changePosition,
          }),
        )
        return true
      })
      if (rotated) log.info({ region, keyId }, 'a key was rotated')
    } finally {
      material.fill(0)
    }
  }

  /** Each change of a key has the timers look at what is due: what waits for others must not be looked at each time. */
  async function postpone(tx: Transition, stored: StoredKey): Promise<void> {
    await keys.change(tx, stored, { rotationDueAtMs: clock.now() + LOOK_AGAIN_MS })
  }

  function isDue({ key }: StoredKey): boolean {
    return (
      key.state === 'Enabled' &&
      key.quarantine === undefined &&
      key.rotation !== undefined &&
      nextRotationMs(key.rotation) <= clock.now()
    )
  }

  return {
    name: 'key rotations',
    isIrreversible: false,
    nextDue: (afterMs) => keys.nextRotation(afterMs),
    async runDue(nowMs, isStopped) {
      const undone = await runEach<DueKey>(
        { page: (...page) => keys.dueRotations(...page), run: ({ region, keyId }) => rotate(region, keyId) },
        nowMs,
        isStopped,
      )
      return keysUndone(undone, 'cannot be rotated although it is time')
    },
  }
}
