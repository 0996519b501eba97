import { cloudTrailRecord } from '../audit/record.ts'
import type { Clock } from '../clock.ts'
import type { KmsKey, StoredKey } from '../keys/key.ts'
import { nextRotationMs } from '../keys/key-rotation.ts'
import type { DueKey, Keys } from '../keys/keys.ts'
import type { Store } from '../store/store.ts'
import type { Log } from '../telemetry/log.ts'
import { runEach } from './due-entities.ts'
import type { TimerKind } from './timers.ts'

/** Gives keys new material when their rotation period is over. Nothing is lost by it, so it does not wait for anybody. */
export function keyRotations(parts: { store: Store; keys: Keys; clock: Clock; log: Log }): TimerKind {
  const { store, keys, clock, log } = parts

  async function rotate(region: string, keyId: string): Promise<void> {
    const found = await keys.read(store.db, region, keyId)
    if (found === undefined || !isDue(found)) return
    const material = await keys.newMaterial(found.key.spec, found.key.accountId)
    try {
      const rotated = await store.transition(async (tx) => {
        const stored = await keys.read(tx.db, region, keyId)
        if (stored === undefined || !isDue(stored)) {
          tx.unrecorded = 'another node rotated the key, or it is no longer to be rotated'
          return false
        }
        const key = await keys.rotate(tx, stored, 'AUTOMATIC', material)
        tx.record((position) => rotationRecord(key, clock.now(), position))
        return true
      })
      if (rotated) log.info({ region, keyId }, 'a key was rotated')
    } finally {
      material.fill(0)
    }
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
      if (undone === undefined) return undefined
      const { first, count } = undone
      const key = `${first.region}/${first.keyId}`
      const whose = count === 1 ? `key ${key}` : `${count} keys (the first is ${key})`
      return `${whose} cannot be rotated although it is time: not authentic in the database; restore a backup`
    },
  }
}

/** @see AWS KMS Developer Guide, "RotateKey" under "AWS KMS log entries": the service's own event */
function rotationRecord({ accountId, region, arn }: KmsKey, clockMs: number, changePosition: number) {
  return cloudTrailRecord({
    clockMs,
    identity: { accountId, invokedBy: 'AWS Internal' },
    service: 'kms',
    operation: 'RotateKey',
    region,
    accountId,
    sourceIp: 'AWS Internal',
    userAgent: 'AWS Internal',
    resources: [{ accountId, ARN: arn }],
    requestId: undefined,
    readOnly: false,
    additional: { rotationType: 'AUTOMATIC' },
    changePosition,
    eventType: 'AwsServiceEvent',
  })
}
