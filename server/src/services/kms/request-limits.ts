import type { Clock } from '../../clock.ts'
import type { Store } from '../../store/store.ts'
import type { Log } from '../../telemetry/log.ts'
import { createRateLimitedLog } from '../../telemetry/rate-limited-log.ts'
import { RequestBuckets } from './request-buckets.ts'
import type { RatesOf } from './request-rates.ts'
import { startRequestShares } from './request-shares.ts'
import { createRequestThrottle, type RequestThrottle } from './request-throttle.ts'

/** The request quotas of a running node. */
export interface RequestLimits {
  readonly throttle: RequestThrottle
  stop(): Promise<void>
}

export function startRequestLimits(parts: {
  ratesOf: RatesOf
  /** Those that the deployment serves. */
  regions: ReadonlySet<string>
  store: Store
  /** Of this process among those of the deployment. */
  node: string
  clock: Clock
  log: Log
  onThrottled: (quotaClass: string) => void
}): RequestLimits {
  const { ratesOf, regions, store, node, clock, log, onThrottled } = parts
  // Not the clock's time, which somebody may set.
  const buckets = new RequestBuckets({ ratesOf, now: () => performance.now() })
  const throttle = createRequestThrottle({ buckets, regions, onThrottled })
  // A deployment on SQLite has one node.
  if (store.engine === 'sqlite') return { throttle, stop: async () => {} }
  const limited = createRateLimitedLog(log, { clock })
  const onFailure = (err: unknown) => {
    limited.warn(
      'request quotas',
      { err },
      'the nodes cannot share the request quotas: each goes by what it knows',
    )
  }
  const shares = startRequestShares({ store, buckets, node, clock, onFailure })
  return { throttle, stop: () => shares.stop() }
}
