/** A number of places; whoever finds none free waits for one in turn, until it gives up. */
export interface Places {
  /**
   * Resolves with what gives the place back; calling that twice does nothing more.
   *
   * @returns undefined at once when too many are waiting already, or when `signal` is aborted first
   */
  take(signal: AbortSignal): Promise<(() => void) | undefined>
}

const MOST_WAITING = 64

export function places(count: number): Places {
  let free = count
  const waiting = new Set<() => void>()

  function giver(): () => void {
    let held = true
    return () => {
      if (!held) return
      held = false
      const next = waiting.values().next().value
      if (next === undefined) free++
      else next()
    }
  }

  return {
    take(signal) {
      if (signal.aborted || (free === 0 && waiting.size >= MOST_WAITING)) return Promise.resolve(undefined)
      if (free > 0) {
        free--
        return Promise.resolve(giver())
      }
      return new Promise((resolve) => {
        const onPlace = () => {
          waiting.delete(onPlace)
          signal.removeEventListener('abort', onAbort)
          resolve(giver())
        }
        const onAbort = () => {
          waiting.delete(onPlace)
          resolve(undefined)
        }
        waiting.add(onPlace)
        signal.addEventListener('abort', onAbort, { once: true })
      })
    },
  }
}
