import { cloudTrailRecord } from '../audit/record.ts'
import type { Clock } from '../clock.ts'
import type { StoredKey } from '../keys/key.ts'
import type { DueDeletion, Keys } from '../keys/keys.ts'
import { CorruptRowError, type Store } from '../store/store.ts'
import type { Log } from '../telemetry/log.ts'

/** The timer of scheduled key deletions. */
export interface KeyDeletions {
  /** Waits for a run that is under way. */
  stop(): Promise<void>
}

const BATCH = 100
// A key on another node that this one was not told of is found as late.
const LONGEST_WAIT_MS = 60_000
// Health is red until the next run has succeeded, so a database that is back must soon be asked again.
const RETRY_MS = 2_000

/**
 * Destroys keys when their waiting time is over. The times are rows of the database, so they hold
 * over restarts, and a deletion that fell due while nothing ran is done at the start. Every node
 * runs this: each deletion is one transaction under a condition, so it happens once.
 */
export function startKeyDeletions(parts: {
  store: Store
  keys: Keys
  clock: Clock
  log: Log
  /** Told whether the last run succeeded. */
  onHealth: (ok: boolean, reason?: string) => void
}): KeyDeletions {
  const { store, keys, clock, log, onHealth } = parts
  let stopped = false
  let cancel = () => {}
  let running: Promise<void> | undefined
  let again = false

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
    try {
      const nowMs = clock.now()
      const corrupt = await deleteDue(nowMs)
      // What is due and cannot be deleted must not be tried without a pause, so only a later time counts.
      const next = await keys.nextDue(nowMs)
      if (corrupt === undefined) onHealth(true)
      else onHealth(false, corrupt)
      arm(Math.min(next ?? Infinity, clock.now() + LONGEST_WAIT_MS))
    } catch (error) {
      log.error({ err: error }, 'scheduled key deletions could not run')
      onHealth(false, 'scheduled key deletions could not run')
      arm(clock.now() + RETRY_MS)
    }
  }

  function arm(timeMs: number): void {
    cancel()
    if (!stopped) cancel = clock.wakeAt(timeMs, run)
  }

  /** Each key alone: a row that was edited keeps its own key from being deleted, and no other. */
  async function deleteDue(nowMs: number): Promise<string | undefined> {
    let first: DueDeletion | undefined
    let corrupt = 0
    let due: DueDeletion[] = []
    do {
      due = await keys.due(nowMs, BATCH, due.at(-1))
      for (const each of due) {
        if (stopped) break
        try {
          await destroy(each.region, each.keyId)
        } catch (error) {
          if (!(error instanceof CorruptRowError)) throw error
          first ??= each
          corrupt++
        }
      }
    } while (due.length === BATCH && !stopped)
    return first && notDeleted(corrupt, first)
  }

  async function destroy(region: string, keyId: string): Promise<void> {
    await store.transition(async (tx) => {
      const stored = await keys.read(tx.db, region, keyId)
      if (stored === undefined || !isDue(stored)) {
        tx.unrecorded = 'another node deleted the key, its deletion was cancelled, or it is under quarantine'
        return
      }
      await keys.destroy(tx, stored)
      tx.record((position) => deletionRecord(stored, position))
    })
  }

  /** A key under quarantine is kept: whoever scheduled its deletion may be the reason for the quarantine. */
  function isDue({ key }: StoredKey): boolean {
    return (
      key.state === 'PendingDeletion' &&
      key.quarantine === undefined &&
      key.deletionAtMs !== undefined &&
      key.deletionAtMs <= clock.now()
    )
  }

  function notDeleted(count: number, { region, keyId }: DueDeletion): string {
    const whose = count === 1 ? `key ${region}/${keyId}` : `${count} keys (the first is ${region}/${keyId})`
    return `${whose} cannot be deleted although it is time: not authentic in the database; restore a backup`
  }

  /** @see AWS KMS Developer Guide, "DeleteKey" under "AWS KMS log entries": the service's own event */
  function deletionRecord({ key }: StoredKey, changePosition: number): { eventId: string; record: string } {
    return cloudTrailRecord({
      clockMs: clock.now(),
      identity: { accountId: key.accountId, invokedBy: 'AWS Internal' },
      service: 'kms',
      operation: 'DeleteKey',
      region: key.region,
      accountId: key.accountId,
      sourceIp: 'AWS Internal',
      userAgent: 'AWS Internal',
      resources: [{ accountId: key.accountId, ARN: key.arn }],
      requestId: undefined,
      readOnly: false,
      changePosition,
      eventType: 'AwsServiceEvent',
    })
  }

  // A key that was just scheduled may be the next one due. (Later than the timer already armed, mostly:
  // one indexed look-up for each change of a key.)
  store.feed.onChange(({ kind }) => {
    if (kind === 'key') arm(clock.now())
  })
  run()
  return {
    async stop() {
      stopped = true
      cancel()
      await running
    },
  }
}
