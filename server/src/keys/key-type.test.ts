import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isSymmetricEncryption, keyType } from './key-type.ts'
import { factsOf, keySpecs, type KeyUsage } from './specs.ts'

test('a key is symmetric, asymmetric or for HMAC by its spec, and only the first has encryption contexts', () => {
  for (const spec of keySpecs) {
    const expected =
      spec === 'SYMMETRIC_DEFAULT' ? 'symmetric' : spec.startsWith('HMAC') ? 'HMAC' : 'asymmetric'
    for (const usage of Object.keys(factsOf(spec).usages) as KeyUsage[]) {
      assert.equal(keyType({ spec, usage }), expected, spec)
      assert.equal(isSymmetricEncryption({ spec, usage }), expected === 'symmetric', spec)
    }
  }
})
