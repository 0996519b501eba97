/** The time, passed in so that tests can hold it. Nothing in the shipped command moves it. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number
  /** Calls back once, at or soon after `timeMs`; the returned function cancels. Never keeps the process alive. */
  wakeAt(timeMs: number, callback: () => void): () => void
}

// setTimeout holds at most 2^31-1 ms; a later time is reached in steps.
const LONGEST_TIMER_MS = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => Date.now(),
  wakeAt(timeMs, callback) {
    let timer: NodeJS.Timeout
    const arm = () => {
      const waitMs = timeMs - Date.now()
      timer =
        waitMs > LONGEST_TIMER_MS
          ? setTimeout(arm, LONGEST_TIMER_MS)
          : setTimeout(callback, Math.max(0, waitMs))
      timer.unref()
    }
    arm()
    return () => {
      clearTimeout(timer)
    }
  },
}
