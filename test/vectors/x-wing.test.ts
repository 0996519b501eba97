import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decapsulateXWing, encapsulateXWing, xWingPrivateKey } from '../../server/src/crypto/x-wing.ts'
import { cases, hex } from './cases.ts'

test('X-Wing makes the public keys of its draft from their seeds, and opens the ciphertexts there', () => {
  type Case = Record<'seed' | 'publicKey' | 'ciphertext' | 'sharedSecret', string>
  for (const entry of cases<Case>('xwing-draft/x-wing.json', 3)) {
    const privateKey = xWingPrivateKey(hex(entry.seed))
    assert.equal(privateKey.publicKey.bytes.toString('hex'), entry.publicKey)
    assert.equal(decapsulateXWing(privateKey, hex(entry.ciphertext))?.toString('hex'), entry.sharedSecret)
  }
})

test('X-Wing opens what it encapsulates, and with another key gives another secret', () => {
  const [one, other] = [xWingPrivateKey(Buffer.alloc(32, 1)), xWingPrivateKey(Buffer.alloc(32, 2))]
  const { secret, ciphertext } = encapsulateXWing(one.publicKey)
  assert.deepEqual(decapsulateXWing(one, ciphertext), secret)
  assert.notDeepEqual(decapsulateXWing(other, ciphertext), secret)
})

test('X-Wing refuses ciphertexts of another length, and points of small order', () => {
  const key = xWingPrivateKey(Buffer.alloc(32, 1))
  const { ciphertext } = encapsulateXWing(key.publicKey)
  assert.equal(decapsulateXWing(key, ciphertext.subarray(1)), undefined)
  assert.equal(decapsulateXWing(key, Buffer.concat([ciphertext, Buffer.alloc(1)])), undefined)
  ciphertext.fill(0, 1088)
  assert.equal(decapsulateXWing(key, ciphertext), undefined)
})
