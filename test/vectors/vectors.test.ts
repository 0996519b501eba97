import assert from 'node:assert/strict'
import { argon2Sync, createSecretKey } from 'node:crypto'
import { test } from 'node:test'
import { openAesGcm, sealAesGcm } from '../../server/src/crypto/aes-gcm.ts'
import { argon2id } from '../../server/src/crypto/argon2.ts'
import { deriveCounterHmacSha512, deriveFromFixedInput } from '../../server/src/crypto/kdf.ts'
import { signingKeyFromSeed, verifySeal } from '../../server/src/crypto/signing.ts'
import { codeOfStep, stepOf } from '../../server/src/identity/mfa-totp.ts'
import { cases, hex } from './cases.ts'

interface GcmCase {
  readonly key: string
  readonly nonce: string
  readonly additionalData: string
  readonly plaintext?: string
  readonly ciphertext: string
  readonly tag: string
  readonly fails?: true
}

const gcmFiles = [
  { file: 'gcm-specification/aes-256.json', count: 4, failing: 0 },
  { file: 'nist-cavp-gcm/encrypt-256.json', count: 75, failing: 0 },
  { file: 'nist-cavp-gcm/decrypt-256.json', count: 100, failing: 48 },
]

for (const { file, count, failing } of gcmFiles) {
  test(`AES-256-GCM seals and opens as ${file} says`, () => {
    let failed = 0
    for (const entry of cases<GcmCase>(file, count)) {
      const key = createSecretKey(hex(entry.key))
      const nonce = hex(entry.nonce)
      const additionalData = [hex(entry.additionalData)]
      const opened = openAesGcm(key, nonce, additionalData, hex(entry.ciphertext), hex(entry.tag))
      if (entry.plaintext === undefined) {
        assert.equal(opened, undefined)
        failed++
        continue
      }
      assert.equal(opened?.toString('hex'), entry.plaintext)
      const sealed = Buffer.alloc((entry.ciphertext.length + entry.tag.length) / 2)
      sealAesGcm(key, nonce, additionalData, hex(entry.plaintext), sealed, 0)
      assert.equal(sealed.toString('hex'), entry.ciphertext + entry.tag)
    }
    assert.equal(failed, failing)
  })
}

test('AES-256-GCM authenticates additional data in parts as it does in one piece', () => {
  for (const entry of cases<GcmCase>('gcm-specification/aes-256.json', 4).slice(3)) {
    const whole = hex(entry.additionalData)
    const parts = [whole.subarray(0, 7), whole.subarray(7, 7), whole.subarray(7)]
    const opened = openAesGcm(hex(entry.key), hex(entry.nonce), parts, hex(entry.ciphertext), hex(entry.tag))
    assert.equal(opened?.toString('hex'), entry.plaintext)
  }
})

test('SP 800-108 in counter mode derives what NIST CAVP says', () => {
  type Case = { lengthBits: number; key: string; fixedInput: string; output: string }
  for (const { lengthBits, key, fixedInput, output } of cases<Case>('nist-sp800-108/counter-hmac-sha512.json', 40)) {
    const derived = deriveFromFixedInput(createSecretKey(hex(key)), hex(fixedInput), lengthBits / 8)
    assert.equal(derived.toString('hex'), output)
  }
})

test('SP 800-108 with label, context and several blocks agrees with another implementation', () => {
  type Case = { key: string; label: string; context: string; lengthBytes: number; output: string }
  for (const entry of cases<Case>('independent-sp800-108/counter-hmac-sha512.json', 6)) {
    const key = createSecretKey(hex(entry.key))
    const derived = deriveCounterHmacSha512(key, entry.label, hex(entry.context), entry.lengthBytes)
    assert.equal(derived.toString('hex'), entry.output)
  }
})

test('Ed25519 signs and verifies as RFC 8032 says', () => {
  type Case = { secretKey: string; publicKey: string; message: string; signature: string }
  for (const entry of cases<Case>('rfc-8032/ed25519.json', 5)) {
    const key = signingKeyFromSeed(hex(entry.secretKey))
    assert.equal(key.publicKey.toString('hex'), entry.publicKey)
    assert.equal(key.sign(hex(entry.message)).toString('hex'), entry.signature)
    assert.equal(verifySeal(hex(entry.publicKey), hex(entry.message), hex(entry.signature)), true)
  }
})

interface Argon2Case {
  readonly password: string
  readonly salt: string
  readonly memoryKiB: number
  readonly passes: number
  readonly parallelism: number
  readonly tag: string
}

test('the runtime computes Argon2id as RFC 9106 says', () => {
  type Case = Argon2Case & { secret: string; associatedData: string }
  for (const entry of cases<Case>('rfc-9106/argon2id.json', 1)) {
    const tag = argon2Sync('argon2id', {
      message: hex(entry.password),
      nonce: hex(entry.salt),
      secret: hex(entry.secret),
      associatedData: hex(entry.associatedData),
      memory: entry.memoryKiB,
      passes: entry.passes,
      parallelism: entry.parallelism,
      tagLength: entry.tag.length / 2,
    })
    assert.equal(tag.toString('hex'), entry.tag)
  }
})

test('the Argon2 thread answers what the reference implementation computes', async () => {
  for (const entry of cases<Argon2Case>('argon2-command/argon2id.json', 3)) {
    const tag = await argon2id(hex(entry.password), hex(entry.salt), entry, entry.tag.length / 2)
    assert.equal(tag.toString('hex'), entry.tag)
  }
})

test('one-time passwords are those of RFC 4226', () => {
  type Case = { secret: string; counter: number; code: string }
  for (const { secret, counter, code } of cases<Case>('rfc-4226/hotp.json', 10)) {
    assert.equal(codeOfStep(hex(secret), counter), code)
  }
})

test('time-based one-time passwords are those of RFC 6238', () => {
  type Case = { secret: string; seconds: number; code: string }
  for (const { secret, seconds, code } of cases<Case>('rfc-6238/totp.json', 6)) {
    assert.equal(codeOfStep(hex(secret), stepOf(seconds * 1000), code.length), code)
  }
})
