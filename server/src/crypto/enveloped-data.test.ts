import assert from 'node:assert/strict'
import { createPublicKey } from 'node:crypto'
import { test } from 'node:test'
import { envelopedDataOf, newEnclave } from './attestation/testing/enclave.ts'
import { envelopedData } from './enveloped-data.ts'
import { systemRandom } from './random.ts'

const enclave = newEnclave()
const recipientOf = ({ privateKey, publicKey }: typeof enclave) => ({
  key: createPublicKey(privateKey),
  spki: publicKey,
})
const recipient = recipientOf(enclave)

test('what is sealed for a key opens with its private key, whatever its length', () => {
  for (const length of [0, 1, 15, 16, 17, 32, 1024, 4096]) {
    const plaintext = systemRandom.bytes(length)
    assert.deepEqual(enclave.open(envelopedData(plaintext, recipient, systemRandom)), plaintext)
  }
})

test('keys of 3072 and 4096 bits open theirs, and the largest plaintext stays within what an answer may hold', () => {
  for (const modulusLength of [3072, 4096]) {
    const larger = newEnclave(modulusLength)
    const sealed = envelopedData(Buffer.alloc(4096, 1), recipientOf(larger), systemRandom)
    assert.ok(sealed.length <= 6144)
    assert.deepEqual(larger.open(sealed), Buffer.alloc(4096, 1))
  }
})

test('it has the bytes of what AWS KMS answers, but for identifier, keys and content', () => {
  const sealed = envelopedData(Buffer.alloc(32), recipient, systemRandom)
  const { keyIdentifier, encryptedKey, iv, content } = envelopedDataOf(sealed)
  const form = sealed
    .toString('hex')
    .replace(encryptedKey.toString('hex'), '<key>')
    .replace(iv.toString('hex'), '<iv>')
    .replace(content.toString('hex'), '<content>')
    .replace(keyIdentifier.toString('hex'), '<identifier>')
  assert.equal(
    form,
    '308006092a864886f70d010703a0803080020102' +
      '3182016b30820167020102' +
      '8020<identifier>' +
      '303c06092a864886f70d010107302fa00f300d06096086480165030402010500' +
      'a11c301a06092a864886f70d010108300d06096086480165030402010500' +
      '04820100<key>' +
      '308006092a864886f70d010701301d060960864801650304012a0410<iv>' +
      'a0800430<content>' +
      '00000000000000000000',
  )
})

test('no two have a key, an initialization vector or a content in common', () => {
  const parts = Array.from({ length: 20 }, () =>
    envelopedDataOf(envelopedData(Buffer.alloc(16), recipient, systemRandom)),
  )
  for (const name of ['encryptedKey', 'iv', 'content'] as const) {
    assert.equal(new Set(parts.map((part) => part[name].toString('hex'))).size, parts.length)
  }
})

test('another key opens nothing', () => {
  assert.throws(() => newEnclave().open(envelopedData(Buffer.alloc(16), recipient, systemRandom)))
})
