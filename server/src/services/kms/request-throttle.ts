import { KmsError } from '../../keys/kms-error.ts'
import type { Call } from '../call.ts'
import type { RequestBuckets } from './request-buckets.ts'
import { countingOf, quotaClasses, type Charge } from './request-quotas.ts'

/** Counts a request against the quotas of its caller's account. @throws KmsError ThrottlingException */
export type Admission = (
  request: Readonly<Record<string, unknown>>,
  call: Pick<Call, 'caller' | 'region'>,
) => void

/** Makes the admission of each operation. */
export type RequestThrottle = (operation: string) => Admission

export function createRequestThrottle(parts: {
  buckets: RequestBuckets
  /** A quota in a Region that is not served is nobody's, whatever a request says. */
  regions: ReadonlySet<string>
  /** Told the class of each request that is refused. */
  onThrottled: (quotaClass: string) => void
}): RequestThrottle {
  const { buckets, regions, onThrottled } = parts

  function refuse(at: number): never {
    onThrottled(quotaClasses[at] as string)
    throw new KmsError('ThrottlingException')
  }

  function takeBoth(accountId: string, region: string, first: Charge, second: Charge): void {
    const there = second.region ?? region
    if (!buckets.has(accountId, region, first.at, first.tokens)) refuse(first.at)
    if (regions.has(there) && !buckets.take(accountId, there, second.at, second.tokens)) refuse(second.at)
    buckets.take(accountId, region, first.at, first.tokens)
  }

  return (operation) => {
    const counting = countingOf(operation)
    if ('charge' in counting) {
      const { at, tokens } = counting.charge
      return (_, { caller, region }) => {
        if (!buckets.take(caller.accountId, region, at, tokens)) refuse(at)
      }
    }
    const { chargeOf, secondOf } = counting
    return (request, { caller, region }) => {
      const charge = chargeOf(request)
      const second = secondOf?.(request)
      if (second !== undefined && second !== charge) takeBoth(caller.accountId, region, charge, second)
      else if (!buckets.take(caller.accountId, region, charge.at, charge.tokens)) refuse(charge.at)
    }
  }
}
