import { EventEmitter, once } from 'node:events'
import type { OpenedDeployment } from '../../deployment/open-deployment.ts'
import { quietLog } from '../../deployment/testing/deployment-fixture.ts'
import type { HeldClock } from '../../testing/held-clock.ts'
import { startDeploymentTimers } from '../deployment-timers.ts'

const STEP_MS = 20 * 3_600_000

export interface TimersAtWork {
  /** Resolves when their next run has ended, with what it says of its health. */
  ran(): Promise<[ok: boolean, reason?: string]>
  /** Lets time pass, with a run at least every twenty hours, as a server that is up has them. */
  pass(ms: number): Promise<void>
  stop(): Promise<void>
}

/** Starts the timers of one process. */
export function timersAtWork(
  { store, keys, imports }: OpenedDeployment,
  clock: HeldClock,
  { name = 'test', jumpWaitMs = 3_600_000 } = {},
): TimersAtWork {
  const runs = new EventEmitter()
  const started = startDeploymentTimers({
    store,
    keys,
    imports,
    clock,
    log: quietLog,
    name,
    jumpWaitMs,
    onHealth: (...said) => runs.emit('run', ...said),
  })
  const ran = () => once(runs, 'run') as Promise<[ok: boolean, reason?: string]>
  return {
    ran,
    async pass(ms) {
      for (let leftMs = ms; leftMs > 0; leftMs -= STEP_MS) {
        const next = ran()
        clock.advance(Math.min(leftMs, STEP_MS))
        await next
      }
    },
    stop: () => started.stop(),
  }
}
