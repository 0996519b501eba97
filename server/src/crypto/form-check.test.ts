import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { createKeyEngine } from './in-process-engine.ts'
import { isOfForm } from './form-check.ts'
import type { KeyForm } from './key-form.ts'
import { systemRandom } from './random.ts'

const engine = createKeyEngine({ random: systemRandom })
after(() => engine.close())

const forms: readonly KeyForm[] = [
  { type: 'secret', lengthBytes: 32 },
  { type: 'secret', lengthBytes: 28 },
  { type: 'rsa', modulusBits: 2048 },
  { type: 'ec', namedCurve: 'prime256v1' },
  { type: 'ec', namedCurve: 'secp384r1' },
  { type: 'ed25519' },
  { type: 'ml-dsa', parameterSet: 'ml-dsa-44' },
  { type: 'ml-kem', parameterSet: 'ml-kem-512' },
  { type: 'ml-kem', parameterSet: 'ml-kem-768' },
]

test('new material is of its own form and of no other', async () => {
  for (const form of forms) {
    const bytes = await engine.generate(form, 'someone')
    for (const other of forms)
      assert.equal(isOfForm(other, bytes), other === form, JSON.stringify([form, other]))
    assert.equal(isOfForm(form, bytes.subarray(1)), false)
  }
})
