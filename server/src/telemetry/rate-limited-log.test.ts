import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRateLimitedLog } from './rate-limited-log.ts'

function heldClock() {
  let now = 1_000_000
  let due: { timeMs: number; callback: () => void }[] = []
  return {
    now: () => now,
    wakeAt(timeMs: number, callback: () => void) {
      const entry = { timeMs, callback }
      due.push(entry)
      return () => {
        due = due.filter((other) => other !== entry)
      }
    },
    advance(ms: number) {
      now += ms
      const ready = due.filter((entry) => entry.timeMs <= now)
      due = due.filter((entry) => entry.timeMs > now)
      for (const entry of ready) entry.callback()
    },
  }
}

test('each kind gets its lines a second, and what was left out is counted', () => {
  const clock = heldClock()
  const lines: string[] = []
  const log = createRateLimitedLog(
    {
      warn: (fields: string | Readonly<Record<string, unknown>>, message?: string) => {
        lines.push(`${message}:${JSON.stringify(fields)}`)
      },
    },
    { clock, perSecond: 2 },
  )
  for (let i = 0; i < 100; i++) log.warn('signature', { i }, 'refused')
  log.warn('parser', {}, 'broken')
  assert.deepEqual(lines, [
    'refused:{"kind":"signature","i":0}',
    'refused:{"kind":"signature","i":1}',
    'broken:{"kind":"parser"}',
  ])

  clock.advance(1000)
  assert.equal(lines[3], 'lines left out:{"kind":"signature","suppressed":98}')
  log.warn('signature', { i: 100 }, 'refused')
  assert.equal(lines.length, 5)
  clock.advance(1000)
  assert.equal(lines.length, 5)
})

test('a clock that is set back silences nothing', () => {
  const clock = heldClock()
  let lines = 0
  const log = createRateLimitedLog({ warn: () => void lines++ }, { clock, perSecond: 1 })
  log.warn('signature', {}, 'refused')
  clock.advance(-3_600_000)
  log.warn('signature', {}, 'refused')
  assert.equal(lines, 2)
})
