import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KmsKey } from '../../keys/key.ts'
import { createRateLimitedLog } from '../../telemetry/rate-limited-log.ts'
import { heldClock } from '../../testing/held-clock.ts'
import { createPendingDeletions } from './pending-deletions.ts'

const HOUR_MS = 3_600_000

function rig() {
  const clock = heldClock()
  const events: Record<string, unknown>[] = []
  const lines: string[] = []
  const warn = (_: unknown, text?: string) => {
    lines.push(text ?? '')
  }
  let counted = 0
  const pending = createPendingDeletions({
    journal: {
      append: ({ record }) => {
        events.push(
          (JSON.parse(record) as { additionalEventData: Record<string, unknown> }).additionalEventData,
        )
        return Promise.resolve('durable')
      },
    },
    limited: createRateLimitedLog({ warn }, { clock, perSecond: 2 }),
    count: () => {
      counted += 1
    },
    now: () => clock.now(),
  })
  const refuse = (keyId: string, eventId = 'event') => {
    const key = {
      keyId,
      arn: `arn:aws:kms:us-east-1:111122223333:key/${keyId}`,
      accountId: '111122223333',
      region: 'us-east-1',
      state: 'PendingReplicaDeletion',
      deletionAtMs: undefined,
    } as KmsKey
    pending.refused({ key, operation: 'Decrypt', eventId, callerAccountId: '444455556666' })
  }
  return { clock, events, lines, refuse, counted: () => counted }
}

test('each refused use is counted, the log is limited, and the journal gets one event an hour for each key', () => {
  const { clock, counted, events, lines, refuse } = rig()
  refuse('one', 'first')
  for (let i = 0; i < 99; i += 1) refuse('one')
  refuse('other')
  assert.equal(counted(), 101)
  assert.equal(lines.length, 2)
  assert.deepEqual(
    events.map(({ refusedEventID, refusedBefore }) => [refusedEventID, refusedBefore]),
    [
      ['first', 0],
      ['event', 0],
    ],
  )
  clock.advance(HOUR_MS - 1)
  refuse('one')
  assert.equal(events.length, 2)
  clock.advance(1)
  refuse('one', 'an hour later')
  assert.deepEqual(events.at(-1), {
    keyState: 'PendingReplicaDeletion',
    refusedOperation: 'Decrypt',
    refusedEventID: 'an hour later',
    refusedAccountId: '444455556666',
    refusedBefore: 100,
  })
})

test('a clock that is set back does not silence a key', () => {
  const { clock, events, refuse } = rig()
  refuse('one')
  clock.advance(-24 * HOUR_MS)
  refuse('one')
  assert.equal(events.length, 2)
})

test('however many keys are asked for, what is remembered of them stays bounded', () => {
  const { events, refuse } = rig()
  for (let key = 0; key < 10_001; key += 1) refuse(`key-${key}`)
  assert.equal(events.length, 10_001)
  // Forgotten together with all others, so told again.
  refuse('key-0')
  assert.equal(events.length, 10_002)
})
