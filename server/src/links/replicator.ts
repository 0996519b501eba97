import type { Clock } from '../clock.ts'
import type { Feed } from '../store/store.ts'
import type { LinkTotals } from '../telemetry/metrics.ts'
import type { Log } from '../telemetry/log.ts'
import type { Channels } from './channels.ts'
import { LinkUnreachable, type AskLink } from './link-client.ts'
import type { RegionLinks } from './region-links.ts'
import type { SetTeller } from './set-teller.ts'

/**
 * Tells every linked deployment what it does not know yet; one thing at a time each, all of them at once. Every process
 * of a deployment does this on its own, at once after each change: what two of them tell is told once, and nothing
 * waits for one that is gone.
 */
export interface Replicator {
  /** Begins, with what was left untold before. */
  begin(): void
  /** A deployment was heard from: it need not be waited for any longer. */
  wake(deploymentId: string): void
  /** Waits until nothing is under way. */
  idle(): Promise<void>
  stop(): Promise<void>
}

const BATCH = 50
const FIRST_RETRY_MS = 1_000
const LONGEST_RETRY_MS = 60_000
const GREET_AGAIN_MS = 60_000
const LOOK_ROUND_MS = 10_000

export function createReplicator(parts: {
  feed: Feed
  links: RegionLinks
  channels: Channels
  teller: SetTeller
  ask: AskLink
  clock: Clock
  log: Log
  onTotals?: (totals: LinkTotals) => void
}): Replicator {
  const { feed, links, channels, teller, ask, clock, log, onTotals = () => {} } = parts
  const now = () => clock.now()
  const running = new Map<string, Promise<void>>()
  /** Those of them for which something came up meanwhile. */
  const again = new Set<string>()
  /** Deployments that did not answer: when they are tried again, and how often they were. */
  const resting = new Map<string, { untilMs: number; failures: number; cancel: () => void }>()
  let stopped = false
  let cancelLook = () => {}
  let looking: Promise<void> = Promise.resolve()
  /** By this process: a deployment that hears it knows that it need not wait any longer. */
  const greeted = new Set<string>()
  /** Deployments that were heard from while they were being told. */
  const heard = new Set<string>()

  async function tellAll(deploymentId: string): Promise<void> {
    const link = await links.find(deploymentId)
    if (link === undefined) return
    heard.delete(deploymentId)
    try {
      const { seenAtMs = 0, failingSinceMs } = await links.state(deploymentId)
      const isNew = !greeted.has(deploymentId) || failingSinceMs !== undefined
      if (isNew || now() - seenAtMs >= GREET_AGAIN_MS) await ask(link, 'hello', {})
      greeted.add(deploymentId)
      await tellDue(deploymentId)
      resting.get(deploymentId)?.cancel()
      resting.delete(deploymentId)
    } catch (error) {
      if (stopped) return
      if (heard.delete(deploymentId)) {
        again.add(deploymentId)
        return
      }
      const failures = (resting.get(deploymentId)?.failures ?? 0) + 1
      const waitMs = Math.min(FIRST_RETRY_MS * 2 ** (failures - 1), LONGEST_RETRY_MS)
      const untilMs = now() + waitMs
      const cancel = clock.wakeAt(untilMs, () => {
        start(deploymentId)
      })
      resting.set(deploymentId, { untilMs, failures, cancel })
      if (error instanceof LinkUnreachable) await noteDelays(deploymentId, error.message)
      else log.error({ deploymentId, err: error }, 'a linked deployment could not be told of a key')
    }
  }

  async function tellDue(deploymentId: string): Promise<void> {
    const failed = new Set<string>()
    for (;;) {
      const page = await channels.due(now(), deploymentId, BATCH + failed.size)
      const due = page.filter((keyId) => !failed.has(keyId))
      for (const keyId of due) {
        if (stopped) return
        try {
          await teller.tell(keyId, deploymentId)
        } catch (error) {
          if (error instanceof LinkUnreachable) throw error
          // What is wrong with one set, a row that was edited for example, stands in the way of no other.
          log.error({ keyId, deploymentId, err: error }, 'a linked deployment could not be told of a key')
          failed.add(keyId)
        }
      }
      if (due.length === 0) return
    }
  }

  async function noteDelays(deploymentId: string, reason: string): Promise<void> {
    for (const keyId of await channels.due(now(), deploymentId, BATCH)) {
      try {
        await teller.noteDelay(keyId, deploymentId, reason)
      } catch (error) {
        log.error({ keyId, deploymentId, err: error }, 'a delay could not be noted')
      }
    }
  }

  function start(deploymentId: string): void {
    if (stopped) return
    if (running.has(deploymentId)) {
      again.add(deploymentId)
      return
    }
    const done = tellAll(deploymentId)
      .catch((error: unknown) => {
        log.error({ deploymentId, err: error }, 'a linked deployment could not be told of keys')
      })
      .finally(() => {
        running.delete(deploymentId)
        if (again.delete(deploymentId) && !isResting(deploymentId)) start(deploymentId)
      })
    running.set(deploymentId, done)
  }

  /** What is due only now, what another process left, and deployments that were not spoken with for a while. */
  async function lookRound(): Promise<void> {
    try {
      let [linked, unreachable] = [0, 0]
      for (const { deploymentId } of await links.list()) {
        const isDue = (await channels.due(now(), deploymentId, 1)).length > 0
        const { seenAtMs = 0, failingSinceMs } = await links.state(deploymentId)
        linked++
        if (failingSinceMs !== undefined) unreachable++
        const isSilent = !greeted.has(deploymentId) || Math.abs(now() - seenAtMs) >= GREET_AGAIN_MS
        if ((isDue || isSilent) && !isResting(deploymentId)) start(deploymentId)
      }
      onTotals({ linked, unreachable, ...(await channels.totals()) })
    } catch (error) {
      log.error({ err: error }, 'linked deployments could not be looked for')
    }
    if (!stopped) cancelLook = clock.wakeAt(now() + LOOK_ROUND_MS, look)
  }

  function look(): void {
    looking = lookRound()
  }

  function isResting(deploymentId: string): boolean {
    return (resting.get(deploymentId)?.untilMs ?? -Infinity) > now()
  }

  return {
    begin() {
      feed.onChange(({ kind, id }) => {
        if (kind === 'region-link' && !isResting(id)) start(id)
      })
      look()
    },

    wake(deploymentId) {
      if (running.has(deploymentId)) heard.add(deploymentId)
      const rest = resting.get(deploymentId)
      if (rest === undefined) return
      rest.cancel()
      resting.delete(deploymentId)
      start(deploymentId)
    },

    async idle() {
      await looking
      while (running.size > 0) await Promise.all(running.values())
    },

    async stop() {
      stopped = true
      cancelLook()
      await looking
      for (const { cancel } of resting.values()) cancel()
      await Promise.all(running.values())
    },
  }
}
