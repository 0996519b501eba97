import type { Clock } from '../clock.ts'
import type { Store } from '../store/store.ts'
import type { Log } from '../telemetry/log.ts'
import type { TimerRunner, Turn } from './timer-runner.ts'

/**
 * Something that happens to what is stored when its time has come. The times are columns of the rows that they are
 * about, so a time and what it is for cannot disagree, and both hold over restarts.
 */
export interface TimerKind {
  /** In the plural, for logs: `key deletions`. */
  readonly name: string
  readonly isIrreversible: boolean
  /** What somebody waits for: every process does it, whoever's turn it is. */
  readonly isAwaited?: true
  /**
   * Does everything that is due, each in a transaction under a condition, so that it happens once however many
   * processes try. Returns a sentence for the operator when something could not be done although it is time.
   */
  runDue(nowMs: number, isStopped: () => boolean): Promise<string | undefined>
  /** When the next one after that time is due. */
  nextDue(afterMs: number): Promise<number | undefined>
}

export interface Timers {
  /** Waits for a run that is under way. */
  stop(): Promise<void>
}

// What another node made due and this one was not told of is found as late.
const LONGEST_WAIT_MS = 60_000
// Health is red until the next run has succeeded, so a database that is back must soon be asked again.
const RETRY_MS = 2_000

/** Runs all timers of a deployment: one process does, another takes over when it is gone, and what is overdue is done at once. */
export function startTimers(parts: {
  store: Store
  runner: TimerRunner
  kinds: readonly TimerKind[]
  clock: Clock
  log: Log
  /** Told whether the last run succeeded. */
  onHealth: (ok: boolean, reason?: string) => void
}): Timers {
  const { store, runner, kinds, clock, log, onHealth } = parts
  let stopped = false
  let cancel = () => {}
  let running: Promise<void> | undefined
  let again = false
  /** What could not be done in the last run, by kind. */
  const told = new Map<string, string>()

  function run(): void {
    cancel()
    if (stopped) return
    if (running !== undefined) {
      again = true
      return
    }
    running = runOnce().finally(() => {
      running = undefined
      if (again) {
        again = false
        run()
      }
    })
  }

  async function runOnce(): Promise<void> {
    let turn: Turn
    try {
      turn = await runner.take()
    } catch (error) {
      const names = kinds.map(({ name }) => name).join(', ')
      log.error({ err: error }, `the timers could not run: ${names}`)
      onHealth(false, `the timers could not run: ${names}`)
      arm(clock.now() + RETRY_MS)
      return
    }
    const troubles: string[] = []
    let nextMs = clock.now() + LONGEST_WAIT_MS
    if (!turn.isOurs) nextMs = Math.min(nextMs, turn.askAgainAtMs)
    for (const kind of kinds) {
      if (stopped) break
      if (!turn.isOurs && kind.isAwaited !== true) continue
      const { trouble, againAtMs } = await runKind(kind, turn.isOurs ? turn.waitUntilMs : undefined)
      if (trouble !== undefined) troubles.push(trouble)
      nextMs = Math.min(nextMs, againAtMs)
    }
    if (troubles.length === 0) onHealth(true)
    else onHealth(false, troubles.join('; '))
    arm(nextMs)
  }

  /** One that fails keeps no other from running. */
  async function runKind(
    kind: TimerKind,
    waitUntilMs = -Infinity,
  ): Promise<{ trouble?: string | undefined; againAtMs: number }> {
    const nowMs = clock.now()
    if (kind.isIrreversible && nowMs < waitUntilMs) return { againAtMs: waitUntilMs }
    try {
      const trouble = await kind.runDue(nowMs, () => stopped)
      tell(kind, trouble)
      // What is due and cannot be done must not be tried without a pause, so only a later time counts.
      return { trouble, againAtMs: (await kind.nextDue(nowMs)) ?? Infinity }
    } catch (error) {
      const trouble = `the ${kind.name} could not be done`
      log.error({ err: error }, trouble)
      return { trouble, againAtMs: clock.now() + RETRY_MS }
    }
  }

  /** Once, and again when it is another. */
  function tell({ name }: TimerKind, trouble: string | undefined): void {
    if (trouble !== undefined && told.get(name) !== trouble) log.error(trouble)
    if (trouble === undefined) told.delete(name)
    else told.set(name, trouble)
  }

  function arm(timeMs: number): void {
    cancel()
    if (!stopped) cancel = clock.wakeAt(timeMs, run)
  }

  // A key that was just changed may be the next one due. (Later than the timer already armed, mostly: some indexed
  // look-ups for each change of a key.)
  store.feed.onChange(({ kind }) => {
    if (kind !== 'key') return
    // A run that is under way may be past what it is about, and arms the timer anew when it ends.
    if (running !== undefined) again = true
    else arm(clock.now())
  })
  run()
  return {
    async stop() {
      stopped = true
      cancel()
      await running
      try {
        await runner.release()
      } catch (error) {
        // Whoever comes next waits until the turn has run out.
        log.warn({ err: error }, 'the turn to run the timers could not be given back')
      }
    },
  }
}
