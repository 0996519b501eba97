import assert from 'node:assert/strict'
import { createSecretKey } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { sealAesGcm } from './aes-gcm.ts'
import {
  ENVELOPE_OVERHEAD_BYTES,
  MAX_ENVELOPE_BYTES,
  openEnvelope,
  parseEnvelope,
  sealEnvelope,
} from './envelope.ts'
import { deriveCounterHmacSha512 } from './kdf.ts'
import { systemRandom } from './random.ts'

// Exact bytes are held by test/golden.

const key = createSecretKey(Buffer.alloc(32, 3))
const ids = { keyId: '1234abcd-12ab-34cd-56ef-1234567890ab', materialId: 'c4'.repeat(32) }
const none = new Map<string, string>()
const context = new Map([
  ['purpose', 'demo'],
  ['environment', 'test'],
])

function seal(plaintext: Uint8Array, encryptionContext: ReadonlyMap<string, string> = none): Buffer {
  return sealEnvelope(key, ids, plaintext, encryptionContext, systemRandom)
}

function open(
  ciphertext: Uint8Array,
  encryptionContext: ReadonlyMap<string, string> = none,
  kdfKey = key,
): Buffer | undefined {
  const envelope = parseEnvelope(ciphertext)
  return envelope && openEnvelope(kdfKey, envelope, encryptionContext)
}

test('what is sealed opens, with the ids it was sealed under', () => {
  const digits = (length: number) =>
    fc.uint8Array({ minLength: length, maxLength: length }).map((bytes) => Buffer.from(bytes).toString('hex'))
  const keyId = fc.oneof(
    fc.uuid(),
    digits(16).map((text) => `mrk-${text}`),
  )
  const pairs = fc.array(fc.tuple(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' })), {
    maxLength: 4,
  })
  fc.assert(
    fc.property(
      keyId,
      digits(32),
      fc.uint8Array({ maxLength: 300 }),
      pairs,
      (keyId, materialId, plaintext, list) => {
        const encryptionContext = new Map(list)
        const sealed = sealEnvelope(key, { keyId, materialId }, plaintext, encryptionContext, systemRandom)
        assert.equal(sealed.length, plaintext.length + ENVELOPE_OVERHEAD_BYTES)
        const envelope = parseEnvelope(sealed)
        assert.ok(envelope)
        assert.equal(envelope.keyId, keyId)
        assert.equal(envelope.materialId, materialId)
        assert.deepEqual(openEnvelope(key, envelope, encryptionContext), Buffer.from(plaintext))
      },
    ),
  )
})

test('changing any bit of any byte fails, always alike', () => {
  const sealed = seal(Buffer.from('a plaintext'), context)
  for (let i = 0; i < sealed.length; i++) {
    for (let bit = 0; bit < 8; bit++) {
      const changed = Buffer.from(sealed)
      changed[i] = changed.readUInt8(i) ^ (1 << bit)
      assert.equal(open(changed, context), undefined, `byte ${i}, bit ${bit}`)
    }
  }
  assert.equal(open(sealed, context)?.toString(), 'a plaintext')
})

test('a ciphertext that was cut or continued does not open', () => {
  const sealed = seal(Buffer.from('a plaintext'))
  for (let length = 0; length < sealed.length; length++)
    assert.equal(open(sealed.subarray(0, length)), undefined)
  assert.equal(open(Buffer.concat([sealed, Buffer.alloc(1)])), undefined)
})

test('arbitrary bytes never throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), fc.boolean(), (bytes, plausible) => {
      if (plausible) bytes.set([1, 1, 0].slice(0, bytes.length))
      assert.equal(open(bytes), undefined)
    }),
  )
})

test('another encryption context does not open, the same in another order does', () => {
  const sealed = seal(Buffer.from('a plaintext'), context)
  const others: [string, string][][] = [
    [],
    [['purpose', 'demo']],
    [...context, ['more', '']],
    [
      ['purpose', 'Demo'],
      ['environment', 'test'],
    ],
    [
      ['Purpose', 'demo'],
      ['environment', 'test'],
    ],
    [
      ['purpose', 'test'],
      ['environment', 'demo'],
    ],
    [
      ['purpos', 'edemo'],
      ['environment', 'test'],
    ],
  ]
  for (const other of others) assert.equal(open(sealed, new Map(other)), undefined)
  assert.equal(open(sealed, new Map([...context].reverse()))?.toString(), 'a plaintext')
})

test('a ciphertext with an authentic tag and another commitment does not open', () => {
  const forged = seal(Buffer.from('a plaintext'))
  const header = forged.subarray(0, 83)
  const derived = deriveCounterHmacSha512(key, 'keywright/ciphertext/2/aes-256-gcm', header, 64)
  const sealAgain = () => {
    const additionalData = [forged.subarray(0, 115), Buffer.alloc(4)]
    const nonce = forged.subarray(51, 63)
    sealAesGcm(derived.subarray(0, 32), nonce, additionalData, Buffer.from('a plaintext'), forged, 115)
  }
  sealAgain()
  assert.equal(open(forged)?.toString(), 'a plaintext')
  forged[83] = forged.readUInt8(83) ^ 1
  sealAgain()
  assert.equal(open(forged), undefined)
})

test('other key material does not open', () => {
  assert.equal(open(seal(Buffer.from('a plaintext')), none, createSecretKey(Buffer.alloc(32, 4))), undefined)
})

test('salt, commitment, body and tag of two ciphertexts of one key cannot be exchanged', () => {
  const one = seal(Buffer.from('a plaintext'))
  const two = seal(Buffer.from('b plaintext'))
  for (const border of [83, 115, one.length - 16]) {
    assert.equal(open(Buffer.concat([one.subarray(0, border), two.subarray(border)])), undefined)
  }
})

test('one plaintext sealed twice gives two ciphertexts that share only version and ids', () => {
  const one = seal(Buffer.alloc(32))
  const two = seal(Buffer.alloc(32))
  assert.deepEqual(one.subarray(0, 51), two.subarray(0, 51))
  for (const [from, to] of [
    [51, 83],
    [83, 115],
    [115, 147],
    [147, 163],
  ]) {
    assert.notDeepEqual(one.subarray(from, to), two.subarray(from, to))
  }
})

test('the longest ciphertext is 6144 bytes, sealing and opening', () => {
  const longest = MAX_ENVELOPE_BYTES - ENVELOPE_OVERHEAD_BYTES
  const sealed = seal(Buffer.alloc(longest, 5))
  assert.equal(sealed.length, 6144)
  assert.deepEqual(open(sealed), Buffer.alloc(longest, 5))
  assert.throws(() => seal(Buffer.alloc(longest + 1)), RangeError)
  assert.equal(parseEnvelope(Buffer.concat([sealed, Buffer.alloc(1)])), undefined)
  assert.equal(open(seal(Buffer.alloc(0)))?.length, 0)
})

test('unknown versions, suites and forms of the key id are not parsed', () => {
  const sealed = seal(Buffer.from('a plaintext'))
  for (const [at, known] of [
    [0, [1, 2]],
    [1, [1]],
    [2, [0, 1]],
  ] as const) {
    for (let value = 0; value < 256; value++) {
      const changed = Buffer.from(sealed)
      changed[at] = value
      assert.equal(
        parseEnvelope(changed) !== undefined,
        known.some((one) => one === value),
      )
    }
  }
})

test('a ciphertext inside a larger buffer is read from where it begins', () => {
  const sealed = seal(Buffer.from('a plaintext'))
  const larger = new Uint8Array(sealed.length + 20)
  larger.set(sealed, 7)
  assert.equal(open(larger.subarray(7, 7 + sealed.length))?.toString(), 'a plaintext')
})

test('ids of another form are never written into a header', () => {
  const wrong = [
    { ...ids, keyId: ids.keyId.toUpperCase() },
    { ...ids, keyId: `mrk-${'0'.repeat(31)}` },
    { ...ids, keyId: 'alias/name' },
    { ...ids, keyId: `${ids.keyId}\n` },
    { ...ids, materialId: 'C4'.repeat(32) },
    { ...ids, materialId: 'c4'.repeat(31) },
  ]
  for (const each of wrong) {
    assert.throws(() => sealEnvelope(key, each, Buffer.alloc(1), none, systemRandom), RangeError)
  }
})
