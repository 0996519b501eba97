import { serviceEvent } from '../audit/service-event.ts'
import type { KmsKey } from '../keys/key.ts'
import type { Transition } from '../store/store.ts'

/** Records what happened to a key by way of a link: an event of the service itself. */
export function recordLinkEvent(
  tx: Transition,
  facts: {
    operation:
      | 'RotateKeyDelayed'
      | 'SynchronizeMultiRegionKey'
      | 'UpdatePrimaryRegion'
      | 'ReplicaRefused'
      | 'ReplicaDeleted'
      | 'MultiRegionKeyDiverged'
    key: Pick<KmsKey, 'accountId' | 'region' | 'arn'>
    deploymentId: string
    clockMs: number
    additional?: Readonly<Record<string, string>>
  },
): void {
  const { operation, key, deploymentId, clockMs, additional } = facts
  tx.record((changePosition) =>
    serviceEvent(key, {
      clockMs,
      operation,
      additional: { linkedDeployment: deploymentId, ...additional },
      changePosition,
    }),
  )
}
