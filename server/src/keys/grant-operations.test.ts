import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  actionBit,
  fitsKey,
  grantOperations,
  hasEncryptionContext,
  operationBits,
} from './grant-operations.ts'
import { factsOf, keySpecs, type KeyUsage } from './specs.ts'

const onAnyKey = ['CreateGrant', 'DescribeKey', 'RetireGrant']
const moving = ['Decrypt', 'Encrypt', 'ReEncryptFrom', 'ReEncryptTo']
const pairs = ['GenerateDataKeyPair', 'GenerateDataKeyPairWithoutPlaintext']

/** @see AWS KMS Developer Guide, "Grants in AWS KMS", and the key types of each operation */
const grantable: Record<string, readonly string[]> = {
  symmetric: [...moving, 'GenerateDataKey', 'GenerateDataKeyWithoutPlaintext', ...pairs],
  ENCRYPT_DECRYPT: [...moving, 'GetPublicKey'],
  SIGN_VERIFY: ['GetPublicKey', 'Sign', 'Verify'],
  KEY_AGREEMENT: ['DeriveSharedSecret', 'GetPublicKey'],
  ENCAPSULATE_DECAPSULATE: ['Decapsulate', 'Encapsulate', 'GetPublicKey'],
  GENERATE_VERIFY_MAC: ['GenerateMac', 'VerifyMac'],
}

test('a key of every spec and usage can be granted what AWS lets its kind do, and nothing else', () => {
  for (const spec of keySpecs) {
    for (const usage of Object.keys(factsOf(spec).usages) as KeyUsage[]) {
      const kind = spec === 'SYMMETRIC_DEFAULT' ? 'symmetric' : usage
      const fitting = grantOperations.filter((operation) => fitsKey(operation, { spec, usage }))
      assert.deepEqual(
        fitting.toSorted(),
        [...onAnyKey, ...(grantable[kind] ?? [])].toSorted(),
        `${spec} ${usage}`,
      )
    }
  }
})

test('each operation has a bit of its own, and what cannot be granted has none', () => {
  assert.equal(grantOperations.length, 19)
  assert.equal(operationBits(grantOperations), 2 ** grantOperations.length - 1)
  assert.equal(actionBit('kms:PutKeyPolicy'), 0)
})

test('constraints on the encryption context bind what symmetric keys do', () => {
  const bound = grantOperations.filter((operation) => hasEncryptionContext(`kms:${operation}`))
  assert.deepEqual(bound.toSorted(), [...(grantable['symmetric'] ?? [])].toSorted())
})
