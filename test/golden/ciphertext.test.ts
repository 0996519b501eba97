import assert from 'node:assert/strict'
import { createSecretKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { openEnvelope, parseEnvelope, sealEnvelope } from '../../server/src/crypto/envelope.ts'
import { inMemorySymmetricMaterial } from '../../server/src/crypto/material.ts'

interface GoldenCase {
  readonly name: string
  readonly keyMaterial: string
  readonly keyId: string
  readonly materialId: string
  readonly salt: string
  readonly encryptionContext: readonly [string, string][]
  readonly plaintext: string
  readonly ciphertext: string
}

const hex = (text: string) => Buffer.from(text, 'hex')

const { cases } = JSON.parse(readFileSync(new URL('ciphertext-v1.json', import.meta.url), 'utf8')) as {
  cases: GoldenCase[]
}

test('the golden file of version 1 holds its six ciphertexts', () => {
  assert.equal(cases.length, 6)
})

test('the worked example of docs/ciphertext.md is the second golden ciphertext', () => {
  const page = readFileSync(new URL('../../docs/ciphertext.md', import.meta.url), 'utf8')
  const example = page.slice(page.indexOf('## Worked example'), page.indexOf('## An independent check'))
  const golden = cases[1]
  assert.ok(golden)
  const { ciphertext, keyMaterial, keyId, materialId, salt, plaintext } = golden
  const fields = [ciphertext.slice(166, 230), ciphertext.slice(230, -32), ciphertext.slice(-32)]
  for (const field of [keyMaterial, keyId, materialId, salt, plaintext, ...fields]) {
    assert.ok(example.includes(` ${field}`), field)
  }
})

for (const golden of cases) {
  test(`a ciphertext of version 1 still opens: ${golden.name}`, () => {
    const envelope = parseEnvelope(hex(golden.ciphertext))
    assert.ok(envelope)
    assert.equal(envelope.keyId, golden.keyId)
    assert.equal(envelope.materialId, golden.materialId)
    const context = new Map(golden.encryptionContext)
    const opened = openEnvelope(createSecretKey(hex(golden.keyMaterial)), envelope, context)
    assert.equal(opened?.toString('hex'), golden.plaintext)
  })

  test(`version 1 is still sealed byte for byte: ${golden.name}`, async () => {
    const random = { bytes: () => hex(golden.salt) }
    const key = createSecretKey(hex(golden.keyMaterial))
    const context = new Map(golden.encryptionContext)
    const sealed = sealEnvelope(key, golden, hex(golden.plaintext), context, random)
    assert.equal(sealed.toString('hex'), golden.ciphertext)
    const material = inMemorySymmetricMaterial(golden, key, random)
    assert.deepEqual(await material.seal(hex(golden.plaintext), context), sealed)
  })
}
