import type { Clock } from '../clock.ts'
import type { Log, LogFields } from './log.ts'

export interface RateLimitedLog {
  warn(kind: string, fields: LogFields, message: string): void
}

interface Window {
  startedMs: number
  lines: number
  suppressed: number
}

const WINDOW_MS = 1000

/**
 * At most `perSecond` lines a second of each kind, for what a stranger can cause at will (refused
 * signatures, broken requests). What was left out is counted, and told once the second is over.
 * Kinds are words of ours: each holds a little memory for ever.
 */
export function createRateLimitedLog(
  log: Pick<Log, 'warn'>,
  { clock, perSecond = 10 }: { readonly clock: Clock; readonly perSecond?: number },
): RateLimitedLog {
  const windows = new Map<string, Window>()
  return {
    warn(kind, fields, message) {
      const now = clock.now()
      let window = windows.get(kind)
      // A clock that was set back must not silence a kind until it has caught up.
      if (!window || now - window.startedMs >= WINDOW_MS || now < window.startedMs) {
        window = { startedMs: now, lines: 0, suppressed: 0 }
        windows.set(kind, window)
      }
      if (window.lines < perSecond) {
        window.lines++
        log.warn({ kind, ...fields }, message)
        return
      }
      if (window.suppressed++ > 0) return
      const full = window
      clock.wakeAt(full.startedMs + WINDOW_MS, () => {
        log.warn({ kind, suppressed: full.suppressed }, 'lines left out')
      })
    },
  }
}
