import { operationName } from '../../keys/key-use.ts'
import { lastUsageOf } from './key-last-usage.ts'
import type { Operation } from './operation.ts'

/**
 * When a key was last used with success, and for what. Empty when it was not since tracking began; whether that is all of
 * its life, the two dates tell.
 *
 * @see AWS KMS API Reference, GetKeyLastUsage
 */
export const getKeyLastUsage: Operation<'GetKeyLastUsage'> = async (request, { access, keyUses, store }) => {
  const { key } = await access.toManage(store.db, request.KeyId, 'kms:GetKeyLastUsage')
  const { use, trackedSinceMs } = await lastUsageOf(keyUses, store.db, key)
  return {
    KeyId: key.keyId,
    KeyLastUsage:
      use === undefined
        ? {}
        : {
            Operation: operationName(use.operation),
            Timestamp: new Date(use.usedAtMs),
            CloudTrailEventId: use.eventId,
            ...(use.requestId !== null && { KmsRequestId: use.requestId }),
          },
    TrackingStartDate: new Date(trackedSinceMs),
    KeyCreationDate: new Date(key.createdAtMs),
  }
}
