import assert from 'node:assert/strict'
import { hash as hashOf, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { encodePss, verifyPss } from './emsa-pss.ts'

const digest = hashOf('sha256', 'message', 'buffer')
const salt = Buffer.alloc(32, 5)
const LENGTH_BYTES = 256

test('what is encoded is valid for its digest and for no other', () => {
  for (const [hash, bytes] of [
    ['sha256', 32],
    ['sha384', 48],
    ['sha512', 64],
  ] as const) {
    for (const lengthBytes of [256, 384, 512]) {
      const own = hashOf(hash, 'message', 'buffer')
      const encoded = encodePss(hash, own, randomBytes(bytes), lengthBytes)
      assert.equal(encoded.length, lengthBytes)
      assert.ok(verifyPss(hash, own, encoded))
      assert.ok(!verifyPss(hash, hashOf(hash, 'another', 'buffer'), encoded))
    }
  }
})

test('no bit of an encoding can be changed', () => {
  const encoded = encodePss('sha256', digest, salt, LENGTH_BYTES)
  for (let bit = 0; bit < LENGTH_BYTES * 8; bit++) {
    const changed = Buffer.from(encoded)
    const at = bit >> 3
    changed[at] = (changed[at] as number) ^ (1 << (bit & 7))
    assert.ok(!verifyPss('sha256', digest, changed), `bit ${bit}`)
  }
})

test('a salt that is shorter or longer than the hash is not valid', () => {
  for (const saltBytes of [0, 20, 31, 33, 64]) {
    const encoded = encodePss('sha256', digest, Buffer.alloc(saltBytes, 5), LENGTH_BYTES)
    assert.ok(!verifyPss('sha256', digest, encoded), `${saltBytes} bytes`)
  }
})
