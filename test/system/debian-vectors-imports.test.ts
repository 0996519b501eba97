import assert from 'node:assert/strict'
import { test } from 'node:test'
import { unwrapKwp } from '../../server/src/crypto/import-wrapping.ts'
import { underAes } from '../wrap-material.ts'
import { bytesOf, fieldOf, vectorRecords, vectorText } from './debian-vectors.ts'

// What NIST's files say of the inner layer of wrapped material; those on the outer one, OAEP, are in debian-vectors-rsa.test.ts.

test('AES key wrap with padding: KWP_AD_256.txt opens to what it says, and what is to fail fails', () => {
  const text = vectorText('keywrap/kwtestvectors/KWP_AD_256.txt')
  const records = text.split(/^COUNT = \d+$/m).slice(1)
  let opened = 0
  for (const record of records) {
    const field = (name: string) =>
      Buffer.from(new RegExp(`^${name} = ([0-9a-f]*)`, 'm').exec(record)?.[1] ?? '', 'hex')
    const plaintext = unwrapKwp(field('K'), field('C'))
    if (/^FAIL/m.test(record)) assert.equal(plaintext, undefined)
    else {
      assert.deepEqual(plaintext, field('P'))
      opened++
    }
  }
  assert.equal(records.length, 500)
  assert.equal(opened, 400)
})

test('AES key wrap with padding: KWP_AE_256.txt is what the tests of imports wrap, and opens', () => {
  const records = vectorRecords('keywrap/kwtestvectors/KWP_AE_256.txt', 'C')
  assert.equal(records.length, 500)
  for (const record of records) {
    const [key, plaintext] = [bytesOf(record, 'K'), bytesOf(record, 'P')]
    assert.equal(underAes(key, plaintext).toString('hex'), fieldOf(record, 'C'))
    assert.deepEqual(unwrapKwp(key, bytesOf(record, 'C')), plaintext)
  }
})
