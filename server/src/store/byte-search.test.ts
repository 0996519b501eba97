import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { PIECE_BYTES, searchFor } from './byte-search.ts'

test('what is wanted is found wherever it stands, and what is not wanted is not', () => {
  const wanted = Array.from({ length: 300 }, () => randomBytes(61))
  const search = searchFor(wanted)
  const hay = randomBytes(100_000)
  assert.equal(search.isIn(hay), false)
  for (const each of [wanted[0], wanted[150], wanted[299]] as Buffer[]) {
    for (const at of [0, 1, 4095, hay.length - each.length]) {
      const filled = Buffer.from(hay)
      each.copy(filled, at)
      assert.equal(search.isIn(filled), true)
      assert.equal(search.isIn(filled.subarray(0, at + PIECE_BYTES - 1)), false)
    }
  }
})

test('a copy of which a part was written over is found by what is left', () => {
  const wanted = randomBytes(61)
  const search = searchFor([wanted])
  const broken = Buffer.concat([randomBytes(50), wanted.subarray(20, 20 + 2 * PIECE_BYTES), randomBytes(50)])
  assert.equal(search.isIn(broken), true)
})

test('what is shorter than a piece is looked for by nobody', () => {
  assert.equal(searchFor([Buffer.from('short')]).isIn(Buffer.from('a short text')), false)
  assert.equal(searchFor([]).isIn(randomBytes(100)), false)
})
