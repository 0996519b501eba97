import { TooManyWaiting } from './material.ts'

export interface TurnLimits {
  /** How much of one owner's work may wait. */
  readonly ofOwner: number
  /** How much may wait in all; who has nothing waiting is always let in. */
  readonly inAll: number
}

/**
 * Work that waits, bounded. Owners take turns: whoever asks for a thousand things delays another owner's first by one of
 * them. What one owner asks for is done in its order.
 */
export class Turns<Work> {
  readonly #limits: TurnLimits
  // In the order of turns: an owner whose turn it was goes to the end.
  readonly #waiting = new Map<string, Work[]>()
  #size = 0

  constructor(limits: TurnLimits) {
    this.#limits = limits
  }

  get size(): number {
    return this.#size
  }

  /** @throws TooManyWaiting */
  add(owner: string, work: Work): void {
    const own = this.#waiting.get(owner)
    // Otherwise a few owners who fill all the room would keep out everybody else.
    if (own === undefined) this.#waiting.set(owner, [work])
    else if (own.length >= this.#limits.ofOwner || this.#size >= this.#limits.inAll)
      throw new TooManyWaiting()
    else own.push(work)
    this.#size++
  }

  /** Takes out what comes next. */
  next(): Work | undefined {
    for (const [owner, own] of this.#waiting) {
      const work = own.shift()
      this.#waiting.delete(owner)
      if (own.length > 0) this.#waiting.set(owner, own)
      this.#size--
      return work
    }
    return undefined
  }
}
