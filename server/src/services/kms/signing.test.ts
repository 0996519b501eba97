import assert from 'node:assert/strict'
import { test } from 'node:test'
import { namesOf, signingAlgorithms, type MessageType, type SigningAlgorithm } from '../../keys/algorithms.ts'
import { algorithmsOf, keySpecs } from '../../keys/specs.ts'
import { howSigned, requireDigestLength, signingAsked } from './signing.ts'

const types: readonly MessageType[] = ['RAW', 'DIGEST', 'EXTERNAL_MU']

function request(SigningAlgorithm: SigningAlgorithm, MessageType?: MessageType, length = 64) {
  return { SigningAlgorithm, ...(MessageType && { MessageType }), Message: Buffer.alloc(length) }
}

/** @see AWS KMS API Reference, Sign, MessageType; Developer Guide, "Key spec reference" */
function takes(algorithm: SigningAlgorithm, type: MessageType): boolean {
  // AWS takes digests with SM2 too: docs/api-coverage.md.
  if (algorithm === 'ED25519_SHA_512' || algorithm === 'SM2DSA') return type === 'RAW'
  if (algorithm === 'ED25519_PH_SHA_512') return type === 'DIGEST'
  if (algorithm === 'ML_DSA_SHAKE_256') return type !== 'DIGEST'
  return type !== 'EXTERNAL_MU'
}

test('every algorithm of every signing key takes the types of message that AWS gives it, and says so of others', () => {
  let asked = 0
  for (const spec of keySpecs) {
    for (const algorithm of algorithmsOf(spec, 'SIGN_VERIFY') as SigningAlgorithm[]) {
      for (const type of types) {
        asked += 1
        const how = () => howSigned(spec, request(algorithm, type))
        if (takes(algorithm, type)) {
          assert.equal(how().input, { RAW: 'message', DIGEST: 'digest', EXTERNAL_MU: 'mu' }[type])
          continue
        }
        const misfit =
          spec === 'ECC_NIST_EDWARDS25519' && type !== 'EXTERNAL_MU'
            ? `algorithm ${algorithm}`
            : `key spec ${spec}`
        assert.throws(how, {
          code: 'ValidationException',
          message: `Message type ${type} is incompatible with ${misfit}.`,
        })
      }
    }
  }
  assert.equal(asked, 3 * (3 * 6 + 4 + 2 + 3))
})

test('a digest has the length of the hash in the name of its algorithm, and μ has 64 bytes', () => {
  for (const algorithm of namesOf(signingAlgorithms)) {
    for (const type of types) {
      if (!takes(algorithm, type)) continue
      const bits = Number(/SHA_(\d+)$/.exec(algorithm)?.[1] ?? 512)
      for (const length of [1, 20, 28, 32, 48, 64, 65, 4096]) {
        const check = () => {
          requireDigestLength(request(algorithm, type, length))
        }
        if (type === 'RAW' || length === bits / 8) check()
        else {
          assert.throws(check, {
            code: 'ValidationException',
            message: `Digest is invalid length for algorithm ${algorithm}.`,
          })
        }
      }
    }
  }
})

test('a message of which nothing is said is taken as it is, by the algorithm and by policies', () => {
  assert.deepEqual(howSigned('ECC_NIST_P256', request('ECDSA_SHA_256')), {
    scheme: { type: 'ecdsa', hash: 'sha256' },
    input: 'message',
  })
  assert.deepEqual(signingAsked({ ...request('ECDSA_SHA_256'), GrantTokens: ['token'] }), {
    grantTokens: ['token'],
    values: { 'kms:messagetype': 'RAW', 'kms:signingalgorithm': 'ECDSA_SHA_256' },
  })
  assert.deepEqual(signingAsked(request('ECDSA_SHA_256', 'DIGEST')).values, {
    'kms:messagetype': 'DIGEST',
    'kms:signingalgorithm': 'ECDSA_SHA_256',
  })
})
