import { awsRate, placeOf, quotaClasses } from './request-quotas.ts'

/** The request quotas that the operator has set. */
export interface RequestRatesSetting {
  /** Whether AWS's figures hold where nothing else is said; without them there is no limit. */
  readonly aws: boolean
  /** What is said, in its order: of two that are about the same the later one holds. */
  readonly own: readonly OwnRates[]
}

interface OwnRates {
  /** Absent: of every account. */
  readonly accountId?: string | undefined
  /** Absent: in every Region. */
  readonly region?: string | undefined
  /** By class, requests per second; `Infinity` is no limit. */
  readonly rates: ReadonlyMap<string, number>
}

/** By the place of a class in `quotaClasses`: requests per second. */
export type RatesOf = (accountId: string, region: string) => Float64Array

/** A class of requests that there is not. */
export class UnknownQuotaClassError extends Error {
  override name = 'UnknownQuotaClassError'
  readonly quotaClass: string
  constructor(quotaClass: string) {
    super(`there is no class ${quotaClass} of requests`)
    this.quotaClass = quotaClass
  }
}

/** @throws UnknownQuotaClassError */
export function requestRates({ aws, own }: RequestRatesSetting): RatesOf {
  const ownByPlace = own.map(({ accountId, region, rates }) => ({
    accountId,
    region,
    rates: [...rates].map(([name, rate]) => {
      const at = placeOf(name)
      if (at === undefined) throw new UnknownQuotaClassError(name)
      return { at, rate }
    }),
  }))
  return (accountId, region) => {
    const all = Float64Array.from(quotaClasses, (name) => (aws ? awsRate(name, region) : Infinity))
    for (const said of ownByPlace) {
      if (said.accountId !== undefined && said.accountId !== accountId) continue
      if (said.region !== undefined && said.region !== region) continue
      for (const { at, rate } of said.rates) all[at] = rate
    }
    return all
  }
}
