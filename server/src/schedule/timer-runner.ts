import { cloudTrailRecord } from '../audit/record.ts'
import type { Clock } from '../clock.ts'
import type { Store } from '../store/store.ts'
import type { Transition } from '../store/transition.ts'
import type { Log } from '../telemetry/log.ts'

/** What a process may do now. */
export type Turn =
  | { readonly isOurs: false; readonly askAgainAtMs: number }
  | {
      readonly isOurs: true
      /** Until then nothing is done that cannot be undone. */
      readonly waitUntilMs: number | undefined
    }

export interface TimerRunner {
  /** Takes or keeps the turn, and compares the clock with the time that was last recorded. */
  take(): Promise<Turn>
  /** Lets another process take over at once. */
  release(): Promise<void>
}

const HOLD_MS = 150_000
const RECORD_AGAIN_MS = 50_000
const DAY_MS = 86_400_000

/**
 * One process of a deployment runs the timers, so that the others need not try. That only saves work: each effect is a
 * transaction under a condition of its own, and two processes that both believe that it is their turn do no harm.
 *
 * The time of the last run stands in the database. When the clock is more than a day past it, either nothing ran for so
 * long or the clock is wrong; nobody can tell which, so what cannot be undone waits until somebody has had the time to look.
 */
export function createTimerRunner(parts: {
  store: Store
  clock: Clock
  log: Log
  /** Of this process. */
  name: string
  /** How long irreversible actions wait after a jump of the clock. */
  jumpWaitMs: number
}): TimerRunner {
  const { store, clock, log, name, jumpWaitMs } = parts

  async function take(): Promise<Turn> {
    return await store.transition(async (tx) => {
      tx.unrecorded = 'whose turn it is to run the timers'
      const row = await tx.db.selectFrom('timer_runner').selectAll().where('id', '=', 1).executeTakeFirst()
      if (row === undefined) throw new Error('the row of table timer_runner is missing')
      const nowMs = clock.now()
      const heldUntilMs = row.held_until ?? 0
      const isAnothers = row.holder !== null && row.holder !== name && heldUntilMs > nowMs
      // A time further ahead than anybody holds a turn was written by a clock that was wrong.
      if (isAnothers && heldUntilMs <= nowMs + HOLD_MS) return { isOurs: false, askAgainAtMs: heldUntilMs }

      const sinceMs = row.seen_at === null ? 0 : nowMs - row.seen_at
      const waitUntilMs = sinceMs > DAY_MS ? nowMs + jumpWaitMs : stillToWait(row.wait_until, nowMs)
      const isFresh = row.holder === name && sinceMs >= 0 && sinceMs < RECORD_AGAIN_MS
      if (!isFresh || waitUntilMs !== (row.wait_until ?? undefined)) {
        await tx.db
          .updateTable('timer_runner')
          .set({
            holder: name,
            held_until: nowMs + HOLD_MS,
            seen_at: nowMs,
            wait_until: waitUntilMs ?? null,
          })
          .where('id', '=', 1)
          .execute()
      }
      if (sinceMs > DAY_MS) sayThatTheClockJumped(tx, nowMs, sinceMs)
      return { isOurs: true, waitUntilMs }
    })
  }

  /** Of a wait that a clock ahead of its time began there is nothing left once the clock is right again. */
  function stillToWait(untilMs: number | null, nowMs: number): number | undefined {
    return untilMs !== null && untilMs > nowMs && untilMs <= nowMs + jumpWaitMs ? untilMs : undefined
  }

  function sayThatTheClockJumped(tx: Transition, nowMs: number, sinceMs: number): void {
    const hours = Math.floor(sinceMs / 3_600_000)
    const minutes = Math.ceil(jumpWaitMs / 60_000)
    log.warn(
      { sinceMs, jumpWaitMs },
      `the clock is ${hours} hours past the last time that was recorded: what cannot be undone, such as deleting keys, ` +
        `waits ${minutes} minutes; if the clock is wrong, stop this server before they are over`,
    )
    tx.record((changePosition) =>
      cloudTrailRecord({
        clockMs: nowMs,
        identity: { type: 'AWSService', invokedBy: 'keywright' },
        service: 'keywright',
        operation: 'ClockJump',
        region: undefined,
        accountId: undefined,
        sourceIp: 'localhost',
        userAgent: 'keywright',
        requestId: undefined,
        readOnly: true,
        changePosition,
        additional: { hoursSinceLastRun: hours, waitMinutes: minutes },
        eventType: 'AwsServiceEvent',
      }),
    )
  }

  async function release(): Promise<void> {
    await store.transition(async (tx) => {
      tx.unrecorded = 'another process may run the timers'
      await tx.db
        .updateTable('timer_runner')
        .set({ holder: null, held_until: null })
        .where('id', '=', 1)
        .where('holder', '=', name)
        .execute()
    })
  }

  return { take, release }
}
