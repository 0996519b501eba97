import assert from 'node:assert/strict'
import { createSecretKey, generateKeyPairSync, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { systemRandom } from '../crypto/random.ts'
import { makeImportToken, readImportToken } from './import-token.ts'
import { KmsError } from './kms-error.ts'

const key = createSecretKey(randomBytes(32))
const target = { accountId: '111122223333', region: 'us-east-1', keyId: 'a-key' }
const pkcs8 = { type: 'pkcs8', format: 'der' } as const
const privateKey = generateKeyPairSync('rsa', { modulusLength: 4096 }).privateKey.export(pkcs8)
const content = { algorithm: 'RSA_AES_KEY_WRAP_SHA_256', expiresAtMs: 2_000, privateKey } as const
const token = makeImportToken(key, systemRandom, target, content)

const is = (name: string) => (error: unknown) => error instanceof KmsError && error.code === name

test('a token gives back what it holds, for the key that it was made for', () => {
  const { scheme, wrappingKey } = readImportToken(key, token, target, 1_999)
  assert.deepEqual(scheme, { type: 'oaep-aes-kwp', hash: 'sha256' })
  assert.deepEqual(wrappingKey.export(pkcs8), privateKey)
})

test('the longest token is not longer than AWS lets one be, and shows nothing of what it holds', () => {
  assert.ok(token.length < 6144, `${token.length} bytes`)
  for (let at = 0; at < privateKey.length - 16; at += 8) {
    assert.equal(token.includes(privateKey.subarray(at, at + 16)), false)
  }
  for (const known of [target.keyId, target.accountId, target.region, content.algorithm]) {
    assert.equal(token.includes(known), false, known)
  }
})

test('a token is good until its time, to the millisecond', () => {
  assert.ok(readImportToken(key, token, target, 0))
  for (const nowMs of [2_000, 2_001, Number.MAX_SAFE_INTEGER]) {
    assert.throws(() => readImportToken(key, token, target, nowMs), is('ExpiredImportTokenException'))
  }
})

test('a token says nothing of another key, of the same key in another Region or account, or under another key of the deployment', () => {
  const others = [
    { ...target, keyId: 'another' },
    { ...target, region: 'us-east-2' },
    { ...target, accountId: '444455556666' },
  ]
  for (const other of others) {
    // Whatever its time: nobody is told of another key's token that it was one.
    for (const nowMs of [0, 5_000]) {
      assert.throws(() => readImportToken(key, token, other, nowMs), is('InvalidImportTokenException'))
    }
  }
  const another = createSecretKey(randomBytes(32))
  assert.throws(() => readImportToken(another, token, target, 0), is('InvalidImportTokenException'))
})

test('a token that was altered anywhere, cut, made longer or made up is refused, always alike', () => {
  const altered = Array.from({ length: token.length }, (_, at) => {
    const bytes = Buffer.from(token)
    bytes[at] = (bytes[at] as number) ^ (1 << (at % 8))
    return bytes
  })
  const cut = [0, 1, 2, 29, 30, 60, token.length - 1].map((length) => token.subarray(0, length))
  const made = [
    Buffer.concat([token, Buffer.alloc(1)]),
    randomBytes(6144),
    Buffer.alloc(6144, 1),
    Buffer.of(1),
  ]
  const texts = new Set<string>()
  for (const bytes of [...altered, ...cut, ...made]) {
    assert.throws(
      () => readImportToken(key, bytes, target, 0),
      (error) => {
        texts.add((error as KmsError).message)
        return is('InvalidImportTokenException')(error)
      },
    )
  }
  assert.equal(texts.size, 1)
})

test('no two tokens are the same', () => {
  assert.notDeepEqual(makeImportToken(key, systemRandom, target, content), token)
})
