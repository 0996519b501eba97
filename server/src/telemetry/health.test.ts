import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createHealth } from './health.ts'

test('one failing component turns the report red, with its reason and since when, until it recovers', () => {
  let now = Date.UTC(2026, 10, 22)
  const health = createHealth({ clock: { now: () => now } })
  health.setAccepting(true)
  assert.deepEqual(health.report(), { ok: true, ready: true, components: {} })

  health.recover('store')
  health.fail('journal', 'no space left on device')
  now += 60_000
  health.fail('journal', 'still no space left on device')
  const red = health.report()
  assert.equal(red.ok, false)
  assert.equal(red.ready, false)
  assert.deepEqual(red.components, {
    store: { ok: true },
    journal: { ok: false, reason: 'still no space left on device', since: '2026-11-22T00:00:00.000Z' },
  })

  health.recover('journal')
  assert.equal(health.report().ok, true)
})

test('a service that has not started or is stopping is healthy and not ready', () => {
  const health = createHealth({ clock: { now: () => 0 } })
  assert.deepEqual(health.report(), { ok: true, ready: false, components: {} })
  health.setAccepting(true)
  assert.equal(health.report().ready, true)
  health.setAccepting(false)
  assert.equal(health.report().ready, false)
})

test('a change of state is logged once', () => {
  const lines: string[] = []
  const log = {
    info: (_: unknown, message: string) => void lines.push(message),
    error: (_: unknown, message: string) => void lines.push(message),
  }
  const health = createHealth({ clock: { now: () => 0 }, log })
  health.fail('journal', 'full')
  health.fail('journal', 'full')
  health.recover('journal')
  health.recover('journal')
  assert.deepEqual(lines, ['failing', 'recovered'])
})

test('a warning keeps its time while it stands, and takes no server out of service', () => {
  const clock = { now: () => Date.parse('2026-11-20T10:00:00Z') }
  const health = createHealth({ clock })
  health.setAccepting(true)
  health.warn('region links', 'one')
  clock.now = () => Date.parse('2026-11-20T11:00:00Z')
  health.warn('region links', 'two')
  const { ok, ready, components } = health.report()
  assert.deepEqual([ok, ready], [true, true])
  assert.deepEqual(components['region links'], {
    ok: true,
    warning: 'two',
    since: '2026-11-20T10:00:00.000Z',
  })
  health.recover('region links')
  assert.deepEqual(health.report().components['region links'], { ok: true })
})
