import assert from 'node:assert/strict'
import { test } from 'node:test'
import { randomUuid } from './random-uuid.ts'

test('UUIDs are of version 4, all different, and every digit that may vary does', () => {
  const uuids = Array.from({ length: 2000 }, randomUuid)
  for (const uuid of uuids) {
    assert.match(uuid, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  }
  assert.equal(new Set(uuids).size, uuids.length)
  // That one of sixteen digits is missing at one of the places in 2000 has a probability below 10^-52.
  const seen = Array.from({ length: 36 }, (_, at) => new Set(uuids.map((uuid) => uuid[at])).size)
  const groups = [8, 4, 4, 4, 12].map((length) => Array.from({ length }, () => 16))
  ;(groups[2] as number[])[0] = 1
  ;(groups[3] as number[])[0] = 4
  assert.deepEqual(
    seen,
    groups.flatMap((group, i) => (i === 0 ? group : [1, ...group])),
  )
})
