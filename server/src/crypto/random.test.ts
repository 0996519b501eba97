import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemRandom } from './random.ts'

test('no random bytes are handed out twice, across many refills of the pool', () => {
  const seen = new Set<string>()
  for (let i = 0; i < 2000; i++) seen.add(systemRandom.bytes(32).toString('hex'))
  assert.equal(seen.size, 2000)
})

test('every length is answered whole, from within the pool and beyond it', () => {
  for (const length of [0, 1, 12, 511, 512, 513, 8191, 8192, 8193, 100_000]) {
    assert.equal(systemRandom.bytes(length).length, length)
  }
  assert.notDeepEqual(systemRandom.bytes(512), Buffer.alloc(512))
  assert.notDeepEqual(systemRandom.bytes(9000).subarray(8500), Buffer.alloc(500))
})

test('wiping what was handed out leaves what comes next alone', () => {
  const first = systemRandom.bytes(32)
  first.fill(0)
  const second = systemRandom.bytes(32)
  first.fill(255)
  assert.notDeepEqual(second, Buffer.alloc(32))
  assert.notDeepEqual(second, Buffer.alloc(32, 255))
})
