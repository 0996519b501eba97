import { randomInt } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { DatabaseError, StaleVersionError } from './store-errors.ts'

const ATTEMPTS = 12
// A version that stays stale was read before the transaction, and will not become current.
const STALE_ATTEMPTS = 4
const FIRST_PAUSE_MS = 2
const LONGEST_PAUSE_MS = 200

/**
 * Runs a whole transaction again while it loses against another one. The pause doubles, and is random
 * below its bound so that two losers do not meet again. What commits is never run again; neither is a
 * commit whose outcome is unknown.
 *
 * @param transaction is told which attempt this is, from 1
 */
export async function rerun<T>(transaction: (attempt: number) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await transaction(attempt)
    } catch (error) {
      if (attempt >= attemptsAfter(error)) throw error
    }
    const boundMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** attempt)
    await delay(randomInt(boundMs))
  }
}

function attemptsAfter(error: unknown): number {
  if (error instanceof StaleVersionError) return STALE_ATTEMPTS
  const lost = error instanceof DatabaseError && (error.kind === 'conflict' || error.kind === 'busy')
  return lost ? ATTEMPTS : 1
}
