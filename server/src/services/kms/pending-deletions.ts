import type { Journal } from '../../audit/journal.ts'
import { serviceEvent } from '../../audit/service-event.ts'
import type { KmsKey } from '../../keys/key.ts'
import type { RateLimitedLog } from '../../telemetry/rate-limited-log.ts'

/** A request that was refused because its key is pending deletion; its caller may use the key. */
export interface RefusedUse {
  readonly key: KmsKey
  readonly operation: string
  /** Of the record of the request. */
  readonly eventId: string
  readonly callerAccountId: string
}

/** Tells that somebody still needs a key which is about to be destroyed. */
export interface PendingDeletions {
  refused(use: RefusedUse): void
}

const EVENT_EVERY_MS = 3_600_000
const KEYS_REMEMBERED = 10_000

/**
 * Each refused use is counted, logged at a limited rate, and told by an event of the service in the journal of the key's
 * account: at once, and then at most once an hour for each key.
 */
export function createPendingDeletions(parts: {
  journal: Pick<Journal, 'append'>
  limited: RateLimitedLog
  count: () => void
  now: () => number
}): PendingDeletions {
  const { journal, limited, count, now } = parts
  const told = new Map<string, { readonly atMs: number; refusedSince: number }>()

  function tell(use: RefusedUse, refusedBefore: number): void {
    const { record } = eventRecord(use, refusedBefore, now())
    // The journal reports its own trouble, and the request has its record.
    journal.append({ record, isCurrent: () => true }).catch(() => {})
  }

  return {
    refused(use) {
      const { key, operation, eventId } = use
      count()
      limited.warn(
        'use of a key that is pending deletion',
        { region: key.region, keyId: key.keyId, operation, eventId, deletionDate: deletionDate(key) },
        'a key that is pending deletion is still needed: cancel its deletion, or find who uses it',
      )
      const last = told.get(key.arn)
      const nowMs = now()
      if (last !== undefined && nowMs - last.atMs < EVENT_EVERY_MS && nowMs >= last.atMs) {
        last.refusedSince += 1
        return
      }
      if (told.size >= KEYS_REMEMBERED) told.clear()
      told.set(key.arn, { atMs: nowMs, refusedSince: 0 })
      tell(use, last?.refusedSince ?? 0)
    },
  }
}

function eventRecord(
  { key, operation, eventId, callerAccountId }: RefusedUse,
  refusedBefore: number,
  clockMs: number,
) {
  return serviceEvent(key, {
    clockMs,
    // AWS has no such event.
    service: 'keywright',
    operation: 'PendingDeletionKeyUse',
    readOnly: true,
    additional: {
      keyState: key.state,
      deletionDate: deletionDate(key),
      refusedOperation: operation,
      refusedEventID: eventId,
      refusedAccountId: callerAccountId,
      refusedBefore,
    },
  })
}

/** A primary key that waits for its replicas to go has no date yet. */
function deletionDate({ deletionAtMs }: KmsKey): string | undefined {
  return deletionAtMs === undefined ? undefined : new Date(deletionAtMs).toISOString()
}
