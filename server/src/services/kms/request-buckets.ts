import type { RatesOf } from './request-rates.ts'

/** What an account took of a quota in a Region. */
export interface Taken {
  readonly accountId: string
  readonly region: string
  /** The class's place among the classes. */
  readonly at: number
  readonly tokens: number
}

// A bucket holds what comes in a second, and at least what one request takes.
const BURST_MS = 1000
// Of sums of doubles that are some days of milliseconds.
const ROUNDING_MS = 0.001
const LOOKED_AT_FOR_ROOM = 16
// Of a second's rate; less than this is told the others later.
const WORTH_TELLING = 0.01
const MOST_OWED_SECONDS = 60

/**
 * Token buckets, one for each account, Region and class of requests. Of a bucket nothing is kept but when it will be full
 * again (the generic cell rate algorithm), so there is nothing to fill, and taking a token allocates nothing.
 *
 * How many there are is bounded. A bucket that is full is as good as none, so full ones make room; an account that was not
 * seen for a second has only such. Only when there is none among those that were made first does the last one looked at
 * go, with what its account took in this second.
 *
 * What other nodes took is owed here: a bucket fills by so much less, until it is paid, but never by less than its
 * share among those who take from it.
 */
export class RequestBuckets {
  readonly #accounts = new Map<string, Map<string, Buckets>>()
  readonly #ratesOf: RatesOf
  readonly #now: () => number
  readonly #limit: number
  #size = 0

  constructor(parts: {
    ratesOf: RatesOf
    /** Milliseconds, of a clock that is never set. */
    now: () => number
    /** How many accounts are kept, counted once for each Region. */
    limit?: number
  }) {
    this.#ratesOf = parts.ratesOf
    this.#now = parts.now
    this.#limit = parts.limit ?? 4096
  }

  /** Pairs of an account and a Region that have buckets. */
  get size(): number {
    return this.#size
  }

  /** Takes tokens when there are as many. */
  take(accountId: string, region: string, at: number, tokens = 1): boolean {
    const buckets = this.#find(accountId, region) ?? this.#make(accountId, region)
    return buckets.take(at, tokens, this.#now())
  }

  /** Whether there are as many. */
  has(accountId: string, region: string, at: number, tokens = 1): boolean {
    const buckets = this.#find(accountId, region) ?? this.#make(accountId, region)
    return buckets.has(at, tokens, this.#now())
  }

  /** What was taken since it was last told, and is worth telling: the largest parts of their quotas first. */
  untold(limit: number): Taken[] {
    const found: { taken: Taken; buckets: Buckets; share: number }[] = []
    for (const [accountId, ofAccount] of this.#accounts) {
      for (const [region, buckets] of ofAccount) {
        for (const { at, tokens, share } of buckets.untold())
          found.push({ taken: { accountId, region, at, tokens }, buckets, share })
      }
    }
    if (found.length > limit) found.sort((one, other) => other.share - one.share)
    const told = found.slice(0, limit)
    for (const { taken, buckets } of told) buckets.told(taken.at)
    return told.map(({ taken }) => taken)
  }

  /** What another node took. An account that nobody asks for here gets no bucket by it. */
  takenElsewhere({ accountId, region, at, tokens }: Taken): void {
    this.#find(accountId, region)?.takenElsewhere(at, tokens)
  }

  /** Once in a second, after what others took: how fast the buckets fill until the next time. */
  settle(): void {
    for (const ofAccount of this.#accounts.values())
      for (const buckets of ofAccount.values()) buckets.settle()
  }

  #find(accountId: string, region: string): Buckets | undefined {
    return this.#accounts.get(accountId)?.get(region)
  }

  #make(accountId: string, region: string): Buckets {
    if (this.#size >= this.#limit) this.#makeRoom()
    const made = new Buckets(this.#ratesOf(accountId, region))
    const ofAccount = this.#accounts.get(accountId)
    if (ofAccount === undefined) this.#accounts.set(accountId, new Map([[region, made]]))
    else ofAccount.set(region, made)
    this.#size++
    return made
  }

  /** Looks at a few of those that were looked at longest ago, so that nobody waits for a look at all. */
  #makeRoom(): void {
    const now = this.#now()
    let looked = 0
    for (const [accountId, ofAccount] of this.#accounts) {
      this.#accounts.delete(accountId)
      looked++
      const isFull = ofAccount.values().every((buckets) => buckets.areFull(now))
      if (isFull || looked >= LOOKED_AT_FOR_ROOM) {
        this.#size -= ofAccount.size
        return
      }
      this.#accounts.set(accountId, ofAccount)
    }
  }
}

/** Those of one account in one Region. */
class Buckets {
  /** When each will be full again. */
  readonly #fullAt: Float64Array
  /** In how much time a token comes; 0 where there is no limit. */
  readonly #msPerToken: Float64Array
  readonly #rates: Float64Array
  readonly #untold: Float64Array
  #isTold = true
  #elsewhere: Elsewhere | undefined

  constructor(rates: Float64Array) {
    this.#rates = rates
    this.#msPerToken = rates.map((rate) => 1000 / rate)
    this.#fullAt = new Float64Array(rates.length)
    this.#untold = new Float64Array(rates.length)
  }

  has(at: number, tokens: number, now: number): boolean {
    const ms = tokens * (this.#msPerToken[at] as number)
    const missingMs = Math.max(0, (this.#fullAt[at] as number) - now) + ms
    return missingMs <= Math.max(BURST_MS, ms) + ROUNDING_MS
  }

  take(at: number, tokens: number, now: number): boolean {
    const ms = tokens * (this.#msPerToken[at] as number)
    if (ms === 0) return true
    const fullAt = Math.max(this.#fullAt[at] as number, now) + ms
    if (fullAt - now > Math.max(BURST_MS, ms) + ROUNDING_MS) return false
    this.#fullAt[at] = fullAt
    this.#untold[at] = (this.#untold[at] as number) + tokens
    this.#isTold = false
    return true
  }

  areFull(now: number): boolean {
    return this.#fullAt.every((fullAt) => fullAt <= now)
  }

  untold(): { at: number; tokens: number; share: number }[] {
    const found: { at: number; tokens: number; share: number }[] = []
    if (this.#isTold) return found
    this.#isTold = true
    for (let at = 0; at < this.#untold.length; at++) {
      const tokens = this.#untold[at] as number
      if (tokens === 0) continue
      const share = tokens / (this.#rates[at] as number)
      if (share >= WORTH_TELLING) found.push({ at, tokens, share })
      this.#isTold = false
    }
    return found
  }

  told(at: number): void {
    this.#untold[at] = 0
  }

  takenElsewhere(at: number, tokens: number): void {
    const rate = this.#rates[at]
    if (rate === undefined || rate === Infinity) return
    this.#elsewhere ??= {
      owed: new Float64Array(this.#rates.length),
      takers: new Float64Array(this.#rates.length),
      newTakers: new Float64Array(this.#rates.length),
    }
    const { owed, newTakers } = this.#elsewhere
    owed[at] = Math.min((owed[at] as number) + tokens, rate * MOST_OWED_SECONDS)
    newTakers[at] = (newTakers[at] as number) + 1
  }

  settle(): void {
    const elsewhere = this.#elsewhere
    if (elsewhere === undefined) return
    const { owed, takers, newTakers } = elsewhere
    let isQuiet = true
    for (let at = 0; at < owed.length; at++) {
      const rate = this.#rates[at] as number
      // A node that says nothing for one round may only be late.
      const before = takers[at] as number
      const now = (newTakers[at] as number) || (before > 0.25 ? before / 2 : 0)
      takers[at] = now
      newTakers[at] = 0
      const due = owed[at] as number
      if (due === 0) {
        this.#msPerToken[at] = 1000 / rate
        if (now > 0) isQuiet = false
        continue
      }
      isQuiet = false
      const sharers = Math.max(1, now)
      const paid = Math.min(due, (rate * sharers) / (sharers + 1))
      owed[at] = due - paid
      this.#msPerToken[at] = 1000 / (rate - paid)
    }
    if (isQuiet) this.#elsewhere = undefined
  }
}

/** What other nodes took, by class. */
interface Elsewhere {
  /** And was not paid yet. */
  readonly owed: Float64Array
  /** How many took of late; it fades. */
  readonly takers: Float64Array
  /** How many took since the last settling. */
  readonly newTakers: Float64Array
}
