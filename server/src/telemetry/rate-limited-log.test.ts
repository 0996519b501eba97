import assert from 'node:assert/strict'
import { test } from 'node:test'
import { heldClock } from '../testing/held-clock.ts'
import { createRateLimitedLog } from './rate-limited-log.ts'

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
