import assert from 'node:assert/strict'
import { once, EventEmitter } from 'node:events'
import { test } from 'node:test'
import { freshDataDir, openAt, quietLog } from '../deployment/testing/deployment-fixture.ts'
import type { OpenedDeployment } from '../deployment/open-deployment.ts'
import { heldClock, type HeldClock } from '../testing/held-clock.ts'
import { createTimerRunner } from './timer-runner.ts'
import { startTimers, type TimerKind } from './timers.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const JUMP_WAIT_MS = HOUR_MS

/** A kind that only counts its runs. */
function counter(name: string, isIrreversible: boolean): TimerKind & { runs: number } {
  const kind = {
    name,
    isIrreversible,
    runs: 0,
    runDue: () => {
      kind.runs++
      return Promise.resolve(undefined)
    },
    nextDue: () => Promise.resolve(undefined),
  }
  return kind
}

function process(opened: OpenedDeployment, clock: HeldClock, name: string) {
  const runs = new EventEmitter()
  const [deleting, rotating] = [counter('deletions', true), counter('rotations', false)]
  const { store } = opened
  const timers = startTimers({
    store,
    runner: createTimerRunner({ store, clock, log: quietLog, name, jumpWaitMs: JUMP_WAIT_MS }),
    kinds: [deleting, rotating],
    clock,
    log: quietLog,
    onHealth: (...said) => runs.emit('run', ...said),
  })
  const ran = () => once(runs, 'run')
  return {
    timers,
    deleting,
    rotating,
    ran,
    async advance(ms: number) {
      const next = ran()
      clock.advance(ms)
      await next
    },
  }
}

async function jumpsRecorded({ journal, journalReader }: OpenedDeployment): Promise<number> {
  await journal.close()
  let count = 0
  for (const chain of await journalReader.chains()) {
    for await (const line of journalReader.lines(chain)) {
      const { record } = JSON.parse(line.bytes.toString('utf8')) as { record: { eventName: string } }
      if (record.eventName === 'ClockJump') count++
    }
  }
  return count
}

test('what cannot be undone waits an hour when the clock jumps by more than a day, the rest does not; one record says so', async (t) => {
  const clock = heldClock()
  const { opened } = await openAt(freshDataDir(t), clock)
  t.after(() => opened.close())
  const one = process(opened, clock, 'one')
  await one.ran()
  assert.deepEqual([one.deleting.runs, one.rotating.runs], [1, 1])

  await one.advance(DAY_MS + 60_000)
  assert.deepEqual([one.deleting.runs, one.rotating.runs], [1, 2])
  await one.advance(JUMP_WAIT_MS - 1)
  assert.deepEqual([one.deleting.runs, one.rotating.runs], [1, 3])
  await one.advance(1)
  assert.deepEqual([one.deleting.runs, one.rotating.runs], [2, 4])
  await one.timers.stop()
  assert.equal(await jumpsRecorded(opened), 1)
})

test('less than a day is no jump, and a clock that is put right ends the wait that a wrong one began', async (t) => {
  const clock = heldClock()
  const { opened } = await openAt(freshDataDir(t), clock)
  t.after(() => opened.close())
  const one = process(opened, clock, 'one')
  await one.ran()
  await one.advance(DAY_MS)
  assert.equal(one.deleting.runs, 2)

  await one.advance(365 * DAY_MS)
  assert.equal(one.deleting.runs, 2)
  await one.timers.stop()
  clock.advance(-365 * DAY_MS)
  const again = process(opened, clock, 'again')
  await again.ran()
  assert.equal(again.deleting.runs, 1)
  await again.timers.stop()
})

test('one process of a deployment runs the timers; another takes over when it stops, or when it is gone', async (t) => {
  const clock = heldClock()
  const { opened } = await openAt(freshDataDir(t), clock)
  t.after(() => opened.close())
  const first = process(opened, clock, 'first')
  await first.ran()
  const second = process(opened, clock, 'second')
  await second.ran()
  assert.deepEqual([first.rotating.runs, second.rotating.runs], [1, 0])

  await first.timers.stop()
  await second.advance(60_000)
  assert.equal(second.rotating.runs, 1)

  // Gone without a word: its turn runs out.
  const third = process(opened, clock, 'third')
  await third.ran()
  assert.equal(third.rotating.runs, 0)
  await opened.store.transition(async (tx) => {
    tx.unrecorded = 'a test'
    await tx.db
      .updateTable('timer_runner')
      .set({ holder: 'gone', held_until: clock.now() + 90_000 })
      .execute()
  })
  await second.timers.stop()
  await third.advance(60_000)
  assert.equal(third.rotating.runs, 0)
  await third.advance(60_000)
  assert.equal(third.rotating.runs, 1)
  await third.timers.stop()
})

test('a kind that fails does not keep the others from running, is named, and is tried again soon', async (t) => {
  const clock = heldClock()
  const { opened } = await openAt(freshDataDir(t), clock)
  t.after(() => opened.close())
  const runs = new EventEmitter()
  const [before, after] = [counter('rotations', false), counter('deletions', true)]
  let isBroken = true
  const failing: TimerKind = {
    name: 'expiries',
    isIrreversible: false,
    runDue: () => (isBroken ? Promise.reject(new Error('broken')) : Promise.resolve(undefined)),
    nextDue: () => Promise.resolve(undefined),
  }
  const { store } = opened
  const timers = startTimers({
    store,
    runner: createTimerRunner({ store, clock, log: quietLog, name: 'one', jumpWaitMs: JUMP_WAIT_MS }),
    kinds: [before, failing, after],
    clock,
    log: quietLog,
    onHealth: (...said) => runs.emit('run', ...said),
  })
  const ran = () => once(runs, 'run') as Promise<[ok: boolean, reason?: string]>
  const [ok, reason] = await ran()
  assert.equal(ok, false)
  assert.match(reason ?? '', /expiries/)
  assert.deepEqual([before.runs, after.runs], [1, 1])
  isBroken = false
  const mended = ran()
  clock.advance(2_000)
  assert.equal((await mended)[0], true)
  assert.deepEqual([before.runs, after.runs], [2, 2])
  await timers.stop()
})
