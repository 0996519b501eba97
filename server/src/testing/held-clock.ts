import type { Clock } from '../clock.ts'

/** A clock that stands still until it is moved. */
export interface HeldClock extends Clock {
  /** Moves on (or back), and calls what is due then. */
  advance(ms: number): void
}

export function heldClock(startMs = Date.parse('2026-11-20T10:00:00Z')): HeldClock {
  let nowMs = startMs
  const waiting = new Set<{ timeMs: number; callback: () => void }>()
  return {
    now: () => nowMs,
    wakeAt(timeMs, callback) {
      const timer = { timeMs, callback }
      waiting.add(timer)
      // What is due already is called in a later turn, as a real timer would.
      if (timeMs <= nowMs) {
        setImmediate(() => {
          if (waiting.delete(timer)) callback()
        })
      }
      return () => {
        waiting.delete(timer)
      }
    },
    advance(ms) {
      nowMs += ms
      for (const timer of Array.from(waiting)) {
        if (timer.timeMs <= nowMs && waiting.delete(timer)) timer.callback()
      }
    },
  }
}
