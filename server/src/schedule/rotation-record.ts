import { serviceEvent } from '../audit/service-event.ts'
import type { RotationType } from '../keys/key-rotation.ts'
import type { KmsKey } from '../keys/key.ts'

/** @see AWS KMS Developer Guide, "RotateKey" under "AWS KMS log entries": the service's own event, however a rotation began */
export function rotationRecord(facts: {
  before: KmsKey
  rotated: KmsKey
  rotationType: RotationType
  clockMs: number
  changePosition: number
}): { eventId: string; record: string } {
  const { before, rotated, rotationType, clockMs, changePosition } = facts
  return serviceEvent(rotated, {
    clockMs,
    operation: 'RotateKey',
    serviceEventDetails: {
      rotationType,
      keyOrigin: rotated.origin,
      ...(before.currentMaterialId !== undefined && { previousKeyMaterialId: before.currentMaterialId }),
      ...(rotated.currentMaterialId !== undefined && { currentKeyMaterialId: rotated.currentMaterialId }),
    },
    changePosition,
  })
}
