/** A decision would take more work than one request may cost. */
export class EffortSpentError extends Error {
  override name = 'EffortSpentError'
}

/**
 * How much matching one decision may do, in steps of about two nanoseconds. Policies and the values that they are held
 * against may both be chosen by somebody who would like to keep us busy: thousands of patterns, eight thousand
 * characters. What people write stays below a hundredth of this.
 */
export const MOST_EFFORT = 500_000

// A decision is one synchronous call, so this is its own while it runs. Handing it down to each comparison instead
// would show in the time of a warm decision, which does hardly anything that is counted.
let left = Number.POSITIVE_INFINITY

/**
 * Runs what may take no more than this much effort.
 *
 * @throws EffortSpentError
 */
export function within<T>(effort: number, work: () => T): T {
  const before = left
  left = effort
  try {
    return work()
  } finally {
    left = before
  }
}

/** Counts work that is about to be done; outside of `within` nothing is counted. */
export function spend(steps: number): void {
  left -= steps
  if (left < 0) throw new EffortSpentError('the policies take too much effort to evaluate')
}
