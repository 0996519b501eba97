import type { Clock } from '../clock.ts'
import type { Feed } from './feed.ts'

const POLL_MS = 1000

/**
 * Applies what other nodes changed, once a second; the group commit of the journal asks more often
 * when there is traffic. A poll that fails also is how an idle node notices that its database is gone.
 *
 * @returns stops it
 */
export function followFeed(
  feed: Feed,
  { clock, onHealth }: { clock: Clock; onHealth?: ((ok: boolean, reason?: string) => void) | undefined },
): () => void {
  let stopped = false
  let healthy = true
  let cancel = () => undefined as void

  const poll = async () => {
    try {
      await feed.catchUp()
      if (!healthy && !stopped) onHealth?.(true)
      healthy = true
    } catch (error) {
      if (healthy && !stopped) onHealth?.(false, (error as Error).message)
      healthy = false
    }
    if (!stopped) arm()
  }
  const arm = () => {
    cancel = clock.wakeAt(clock.now() + POLL_MS, () => void poll())
  }
  arm()
  return () => {
    stopped = true
    cancel()
  }
}
