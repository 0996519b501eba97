import { serviceEvent } from '../audit/service-event.ts'
import type { KmsKey } from '../keys/key.ts'

/** What happened to a key by way of a link: an event of the service itself, in the journal. */
export function linkEvent(facts: {
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
  changePosition: number
  additional?: Readonly<Record<string, string>>
}): { eventId: string; record: string } {
  const { operation, key, deploymentId, clockMs, changePosition, additional } = facts
  return serviceEvent(key, {
    clockMs,
    operation,
    additional: { linkedDeployment: deploymentId, ...additional },
    changePosition,
  })
}
