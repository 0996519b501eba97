import { ON_DEMAND_ROTATIONS_PER_KEY, nextRotationMs } from '../../keys/key-rotation.ts'
import type { KmsKey } from '../../keys/key.ts'
import { KmsError } from '../../keys/kms-error.ts'
import { requireRotatable } from '../../keys/usable.ts'
import { rotationRecord } from '../../schedule/rotation-record.ts'
import type { Operation } from './operation.ts'

// AWS does not begin one when an automatic one begins so soon.
const NEAR_AUTOMATIC_MS = 20 * 60_000

/**
 * Gives the key new material now, whether or not it is rotated by itself; when that happens next does not change. At AWS it
 * happens some time after the answer, here before. A key with imported material takes what was imported for this.
 *
 * @see AWS KMS API Reference, RotateKeyOnDemand
 */
export const rotateKeyOnDemand: Operation<'RotateKeyOnDemand'> = async (
  request,
  { keys, imports, access, store, transition, now },
) => {
  const { key: asked } = await access.toManage(store.db, request.KeyId, 'kms:RotateKeyOnDemand')
  requireRotatable(asked, 'AWS_KMS', 'EXTERNAL')
  const material =
    asked.origin === 'EXTERNAL' ? undefined : await keys.newMaterial(asked.spec, asked.accountId)
  return transition(async (tx) => {
    const stored = await access.toManage(tx.db, request.KeyId, 'kms:RotateKeyOnDemand')
    const { key } = stored
    requireRotatable(key, 'AWS_KMS', 'EXTERNAL')
    requireNoneNear(key, now())
    if ((await keys.pendingRotation(tx.db, key)) !== undefined) throw rotationUnderWay(key)
    const versions = await keys.versions(tx.db, key)
    const used = versions.filter(({ rotation }) => rotation?.type === 'ON_DEMAND').length
    if (used >= ON_DEMAND_ROTATIONS_PER_KEY) {
      throw new KmsError(
        'LimitExceededException',
        'The on-demand rotations limit has been reached for the given keyId. No more on-demand rotations can be performed ' +
          `for this key: ${key.arn}`,
      )
    }
    const rotated =
      material === undefined
        ? await imports.material.rotate(tx, stored)
        : await keys.rotate(tx, stored, 'ON_DEMAND', material)
    // With linked deployments it is not over yet, and recorded when it is.
    if (rotated.currentMaterialId !== key.currentMaterialId) {
      const facts = { before: key, rotated, rotationType: 'ON_DEMAND', clockMs: now() } as const
      tx.record((changePosition) => rotationRecord({ ...facts, changePosition }))
    }
    return { KeyId: key.arn }
  }).finally(() => {
    material?.fill(0)
  })
}

function rotationUnderWay({ arn }: KmsKey): KmsError {
  return new KmsError('ConflictException', `A rotation of ${arn} is in progress.`)
}

function requireNoneNear({ arn, rotation }: KmsKey, nowMs: number): void {
  if (rotation === undefined || nextRotationMs(rotation) - nowMs > NEAR_AUTOMATIC_MS) return
  throw new KmsError(
    'ConflictException',
    `An automatic rotation of ${arn} is in progress or will begin within the next 20 minutes.`,
  )
}
