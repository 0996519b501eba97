import assert from 'node:assert/strict'
import { createSecretKey } from 'node:crypto'
import { test } from 'node:test'
import { deriveSigningKey, SigningKeyCache, signingKeysOf } from './signing-keys.ts'

const secret = createSecretKey(Buffer.from('AWS4wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY'))

test('the signing key is the one of the published example', () => {
  // AWS General Reference, "Signature Version 4 signing process", task 3.
  const key = deriveSigningKey(secret, '20150830', 'us-east-1', 'iam')
  assert.equal(
    key.export().toString('hex'),
    'c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9',
  )
})

test('a key is derived once for each day, region and service', () => {
  const cache = new SigningKeyCache(secret)
  const key = cache.signingKey('20150830', 'us-east-1', 'kms')
  assert.equal(cache.signingKey('20150830', 'us-east-1', 'kms'), key)
  assert.ok(!cache.signingKey('20150830', 'us-east-1', 'sts').equals(key))
  assert.ok(!cache.signingKey('20150830', 'eu-west-1', 'kms').equals(key))
  assert.ok(!cache.signingKey('20150831', 'us-east-1', 'kms').equals(key))
})

test('keys of two days are kept, and an earlier day displaces neither', () => {
  const cache = new SigningKeyCache(secret)
  const first = cache.signingKey('20150830', 'us-east-1', 'kms')
  const second = cache.signingKey('20150831', 'us-east-1', 'kms')
  assert.equal(cache.signingKey('20150830', 'us-east-1', 'kms'), first)
  const third = cache.signingKey('20150901', 'us-east-1', 'kms')
  const again = cache.signingKey('20150830', 'us-east-1', 'kms')
  assert.notEqual(again, first)
  assert.ok(again.equals(first))
  assert.equal(cache.signingKey('20150831', 'us-east-1', 'kms'), second)
  assert.equal(cache.signingKey('20150901', 'us-east-1', 'kms'), third)
})

test('of more scopes than exist the newest are kept', () => {
  const cache = new SigningKeyCache(secret)
  const keys = Array.from({ length: 257 }, (_, i) => cache.signingKey('20150830', `r${i}`, 'kms'))
  assert.equal(cache.signingKey('20150830', 'r1', 'kms'), keys[1])
  assert.equal(cache.signingKey('20150830', 'r256', 'kms'), keys[256])
  assert.notEqual(cache.signingKey('20150830', 'r0', 'kms'), keys[0])
})

test('the cache of a secret lives with the object that holds it', () => {
  assert.equal(signingKeysOf(secret), signingKeysOf(secret))
  assert.notEqual(signingKeysOf(secret), signingKeysOf(createSecretKey(secret.export())))
})
