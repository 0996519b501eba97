import assert from 'node:assert/strict'
import { createSecretKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { openEnvelope, parseEnvelope, sealEnvelope } from '../../server/src/crypto/envelope.ts'
import { symmetricMaterial } from '../../server/src/crypto/symmetric-material.ts'

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

function casesOf(version: 1 | 2): readonly GoldenCase[] {
  const text = readFileSync(new URL(`ciphertext-v${version}.json`, import.meta.url), 'utf8')
  return (JSON.parse(text) as { cases: GoldenCase[] }).cases
}

const golden = { 1: casesOf(1), 2: casesOf(2) } as const

test('the golden files of versions 1 and 2 hold their six ciphertexts each', () => {
  assert.deepEqual([golden[1].length, golden[2].length], [6, 6])
})

test('the worked example of docs/ciphertext.md is the second golden ciphertext of version 2', () => {
  const page = readFileSync(new URL('../../docs/ciphertext.md', import.meta.url), 'utf8')
  const example = page.slice(page.indexOf('## Worked example'), page.indexOf('## An independent check'))
  const [, second] = golden[2]
  assert.ok(second)
  const { ciphertext, keyMaterial, keyId, materialId, salt, plaintext } = second
  const fields = [ciphertext.slice(166, 230), ciphertext.slice(230, -32), ciphertext.slice(-32)]
  for (const field of [keyMaterial, keyId, materialId, salt, plaintext, ...fields]) {
    assert.ok(example.includes(` ${field}`), field)
  }
})

for (const version of [1, 2] as const) {
  for (const one of golden[version]) {
    test(`a ciphertext of version ${version} opens: ${one.name}`, () => {
      const envelope = parseEnvelope(hex(one.ciphertext))
      assert.ok(envelope)
      assert.equal(envelope.version, version)
      assert.equal(envelope.keyId, one.keyId)
      assert.equal(envelope.materialId, one.materialId)
      const context = new Map(one.encryptionContext)
      const opened = openEnvelope(createSecretKey(hex(one.keyMaterial)), envelope, context)
      assert.equal(opened?.toString('hex'), one.plaintext)
    })

    test(`no byte of a ciphertext of version ${version} can be changed: ${one.name}`, () => {
      const key = createSecretKey(hex(one.keyMaterial))
      const bytes = hex(one.ciphertext)
      for (let at = 0; at < bytes.length; at++) {
        const changed = Buffer.from(bytes)
        changed[at] = (changed[at] as number) ^ 1
        const envelope = parseEnvelope(changed)
        const opened = envelope && openEnvelope(key, envelope, new Map(one.encryptionContext))
        assert.equal(opened, undefined, `byte ${at}`)
      }
    })
  }
}

for (const one of golden[2]) {
  test(`version 2 is sealed byte for byte: ${one.name}`, async () => {
    const random = { bytes: () => hex(one.salt) }
    const key = createSecretKey(hex(one.keyMaterial))
    const context = new Map(one.encryptionContext)
    const sealed = sealEnvelope(key, one, hex(one.plaintext), context, random)
    assert.equal(sealed.toString('hex'), one.ciphertext)
    const material = symmetricMaterial(one, key, random)
    assert.deepEqual(await material.seal(hex(one.plaintext), context), sealed)
  })
}
