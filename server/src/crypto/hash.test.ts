import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sha256Hex } from './hash.ts'

test('SHA-256 of "abc" and of nothing are the figures of FIPS 180-4', () => {
  assert.equal(sha256Hex('abc'), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
  assert.equal(
    sha256Hex(new Uint8Array(0)),
    'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  )
})

test('a string and its UTF-8 bytes have one hash', () => {
  assert.equal(sha256Hex('é'), sha256Hex(Buffer.from('é', 'utf8')))
})
