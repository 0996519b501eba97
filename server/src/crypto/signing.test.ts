import assert from 'node:assert/strict'
import { test } from 'node:test'
import { signingKeyFromSeed, verifySeal } from './signing.ts'

// The figures of RFC 8032 are in test/vectors.

const key = signingKeyFromSeed(Buffer.alloc(32, 9))
const message = Buffer.from('chain 1, sequence 7')
const signature = key.sign(message)

test('a seal verifies with its public key and message only', () => {
  assert.equal(verifySeal(key.publicKey, message, signature), true)
  assert.equal(verifySeal(key.publicKey, Buffer.from('chain 1, sequence 8'), signature), false)
  assert.equal(verifySeal(signingKeyFromSeed(Buffer.alloc(32, 8)).publicKey, message, signature), false)
  for (let i = 0; i < signature.length; i++) {
    const changed = Buffer.from(signature)
    changed[i] = changed.readUInt8(i) ^ 1
    assert.equal(verifySeal(key.publicKey, message, changed), false)
  }
})

test('what is not a key or a signature verifies nothing and does not throw', () => {
  assert.equal(verifySeal(Buffer.alloc(31), message, signature), false)
  assert.equal(verifySeal(Buffer.alloc(32, 255), message, signature), false)
  assert.equal(verifySeal(key.publicKey, message, signature.subarray(1)), false)
  assert.equal(verifySeal(key.publicKey, message, Buffer.alloc(0)), false)
})

test('the seed may be wiped once the key is made, and must have 32 bytes', () => {
  const seed = Buffer.alloc(32, 9)
  const made = signingKeyFromSeed(seed)
  seed.fill(0)
  assert.deepEqual(made.sign(message), signature)
  assert.throws(() => signingKeyFromSeed(Buffer.alloc(31)), RangeError)
})
