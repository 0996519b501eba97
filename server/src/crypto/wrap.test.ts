import assert from 'node:assert/strict'
import { createSecretKey } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { identityBytes, unwrapKey, WrapError, wrapKey } from './wrap.ts'

const kek = createSecretKey(Buffer.alloc(32, 1))
const identity = identityBytes('material', '1234abcd-12ab-34cd-56ef-1234567890ab', 3)
const plaintext = Buffer.from('0123456789abcdef0123456789abcdef')

test('what is wrapped unwraps with the same key and identity', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.uint8Array({ maxLength: 50 }), (bytes, bound) => {
      assert.deepEqual(unwrapKey(kek, wrapKey(kek, bytes, bound), bound), Buffer.from(bytes))
    }),
  )
})

test('every changed byte, another key, another identity and every cut fail with one and the same error', () => {
  const wrapped = wrapKey(kek, plaintext, identity)
  const messages = new Set<string>()
  const refused = (attempt: () => unknown) => {
    assert.throws(attempt, (error) => {
      assert.ok(error instanceof WrapError)
      assert.equal(error.cause, undefined)
      messages.add(error.message)
      return true
    })
  }
  for (let i = 0; i < wrapped.length; i++) {
    const changed = Buffer.from(wrapped)
    changed[i] = changed.readUInt8(i) ^ 1
    refused(() => unwrapKey(kek, changed, identity))
    refused(() => unwrapKey(kek, wrapped.subarray(0, i), identity))
  }
  refused(() => unwrapKey(createSecretKey(Buffer.alloc(32, 2)), wrapped, identity))
  refused(() => unwrapKey(kek, wrapped, identityBytes('material', '1234abcd-12ab-34cd-56ef-1234567890ab', 4)))
  refused(() => unwrapKey(kek, Buffer.concat([wrapped, Buffer.alloc(1)]), identity))
  assert.equal(messages.size, 1)
})

test('wrapping twice gives different bytes', () => {
  assert.notDeepEqual(wrapKey(kek, plaintext, identity), wrapKey(kek, plaintext, identity))
})

test('the stored form is version, nonce, body and tag', () => {
  const random = { bytes: (length: number) => Buffer.alloc(length, 0xab) }
  const wrapped = wrapKey(kek, plaintext, identity, random)
  assert.equal(wrapped.length, 1 + 12 + 32 + 16)
  assert.equal(wrapped.toString('hex', 0, 13), `01${'ab'.repeat(12)}`)
})

test('identities are written as documented', () => {
  assert.equal(identityBytes('ä').toString('hex'), '0100000002c3a4')
  assert.equal(identityBytes(258).toString('hex'), '02000000080000000000000102')
  assert.equal(identityBytes(-1).toString('hex'), '0200000008ffffffffffffffff')
  assert.equal(identityBytes(Uint8Array.of(9)).toString('hex'), '030000000109')
  assert.equal(identityBytes().length, 0)
})

test('integers of every size are written as 64-bit two’s complement', () => {
  fc.assert(
    fc.property(fc.maxSafeInteger(), (value) => {
      assert.equal(identityBytes(value).readBigInt64BE(5), BigInt(value))
    }),
  )
})

test('identities that differ never encode alike', () => {
  const part = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 3 }),
    fc.integer({ min: -2, max: 300 }),
    fc.uint8Array({ maxLength: 3 }),
    fc.constantFrom('', '1', 1, Uint8Array.of(0x31), '__proto__'),
  )
  const parts = fc.array(part, { maxLength: 4 })
  const written = (values: readonly unknown[]) =>
    JSON.stringify(
      values.map((value) => (value instanceof Uint8Array ? ['bytes', ...value] : [typeof value, value])),
    )
  fc.assert(
    fc.property(parts, parts, (a, b) => {
      const alike = identityBytes(...a).equals(identityBytes(...b))
      // JSON writes -0 as 0, and so does the encoding.
      assert.equal(alike, written(a) === written(b))
    }),
    { numRuns: 500 },
  )
  assert.notDeepEqual(identityBytes('ab', 'c'), identityBytes('a', 'bc'))
  assert.notDeepEqual(identityBytes('ab'), identityBytes('ab', ''))
})

test('what has no exact form is refused', () => {
  for (const value of [1.5, Number.NaN, Infinity, 2 ** 53])
    assert.throws(() => identityBytes(value), RangeError)
  assert.throws(() => identityBytes('\ud800'), RangeError)
})
