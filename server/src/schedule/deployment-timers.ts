import type { Clock } from '../clock.ts'
import type { Imports } from '../keys/imports.ts'
import type { Keys } from '../keys/keys.ts'
import type { Store } from '../store/store.ts'
import type { Log } from '../telemetry/log.ts'
import { keyDeletions } from './key-deletions.ts'
import { keyRotations } from './key-rotations.ts'
import { keySets } from './key-sets.ts'
import { materialExpiries } from './material-expiries.ts'
import { createTimerRunner } from './timer-runner.ts'
import { startTimers, type Timers } from './timers.ts'

/** Starts everything that happens in a deployment at a time of its own. */
export function startDeploymentTimers(parts: {
  store: Store
  keys: Keys
  imports: Imports
  clock: Clock
  log: Log
  /** Of this process among those of the deployment. */
  name: string
  jumpWaitMs: number
  onHealth: (ok: boolean, reason?: string) => void
}): Timers {
  const { store, keys, imports, clock, log, onHealth } = parts
  return startTimers({
    store,
    runner: createTimerRunner(parts),
    kinds: [
      keySets({ store, keys, clock, log }),
      keyDeletions({ store, keys, clock, log }),
      keyRotations({ store, keys, clock, log }),
      materialExpiries({ store, imports, clock, log }),
    ],
    clock,
    log,
    onHealth,
  })
}
