import assert from 'node:assert/strict'
import { createSecretKey } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { deriveCounterHmacSha512, deriveKey } from './kdf.ts'

// Published figures are in test/vectors.

const key = createSecretKey(Buffer.alloc(32, 7))
const none = new Uint8Array(0)

test('the length asked for is part of what is derived, so a short key is not the beginning of a long one', () => {
  const short = deriveCounterHmacSha512(key, 'purpose', none, 32)
  const long = deriveCounterHmacSha512(key, 'purpose', none, 64)
  assert.notDeepEqual(short, long.subarray(0, 32))
})

test('different labels, contexts or parents give different keys, the same give the same', () => {
  fc.assert(
    fc.property(
      fc.tuple(fc.constantFrom('a', 'ab', 'b'), fc.uint8Array({ maxLength: 3 })),
      fc.tuple(fc.constantFrom('a', 'ab', 'b'), fc.uint8Array({ maxLength: 3 })),
      ([label, context], [otherLabel, otherContext]) => {
        const same = label === otherLabel && Buffer.compare(context, otherContext) === 0
        assert.equal(deriveKey(key, label, context).equals(deriveKey(key, otherLabel, otherContext)), same)
      },
    ),
  )
  assert.equal(deriveKey(key, 'a').equals(deriveKey(createSecretKey(Buffer.alloc(32, 8)), 'a')), false)
})

test('a label that could end early, and a length out of range, are refused', () => {
  for (const label of ['', 'a\0b', 'é', 'a\n', '\u0141']) {
    assert.throws(() => deriveCounterHmacSha512(key, label, none, 32), RangeError)
  }
  for (const length of [0, -1, 1.5, 8193, Number.NaN, 2 ** 31]) {
    assert.throws(() => deriveCounterHmacSha512(key, 'label', none, length), RangeError)
  }
})
