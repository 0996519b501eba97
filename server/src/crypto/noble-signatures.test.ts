import assert from 'node:assert/strict'
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign,
  verify,
  type KeyObject,
} from 'node:crypto'
import { test } from 'node:test'
import { signWithNoble, verifyWithNoble } from './noble-signatures.ts'
import type { SignatureScheme } from './schemes.ts'

// OpenSSL says what is right: it signs and verifies the message, noble its hash.

const message = Buffer.from('a message')

const curves = [
  { namedCurve: 'prime256v1', hash: 'sha256' },
  { namedCurve: 'secp384r1', hash: 'sha384' },
  { namedCurve: 'secp521r1', hash: 'sha512' },
  { namedCurve: 'secp256k1', hash: 'sha256' },
] as const

for (const { namedCurve, hash } of curves) {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve })
  const scheme = { type: 'ecdsa', hash } as const
  const digest = createHash(hash).update(message).digest()

  test(`${namedCurve}: OpenSSL takes signatures of digests, and its signatures are taken`, () => {
    // Half of them have a high s, and some a short r or s.
    for (let i = 0; i < 20; i++) {
      assert.ok(verify(hash, message, publicKey, signWithNoble(privateKey, scheme, digest)))
      assert.ok(verifyWithNoble(publicKey, scheme, digest, sign(hash, message, privateKey)))
    }
  })

  test(`${namedCurve}: a digest signed twice has two nonces`, () => {
    const [first, second] = [
      signWithNoble(privateKey, scheme, digest),
      signWithNoble(privateKey, scheme, digest),
    ]
    assert.notDeepEqual(first, second)
  })

  test(`${namedCurve}: a digest of zeros is signed like any other`, () => {
    const zeros = Buffer.alloc(digest.length)
    assert.ok(verifyWithNoble(publicKey, scheme, zeros, signWithNoble(privateKey, scheme, zeros)))
  })
}

test('Ed25519ph signs as RFC 8032, section 7.3, has it', () => {
  const privateKey = createPrivateKey({
    key: Buffer.from('833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42', 'hex'),
    format: 'raw-private',
    asymmetricKeyType: 'ed25519',
  })
  const expected = Buffer.from(
    '98a70222f0b8121aa9d30f813d683f809e462b469c7ff87639499bb94e6dae41' +
      '31f85042463c2a355a2003d062adf5aaa10b8c61e636062aaad11c2a26083406',
    'hex',
  )
  const scheme: SignatureScheme = { type: 'ed25519ph' }
  assert.deepEqual(signWithNoble(privateKey, scheme, Buffer.from('abc')), expected)
  assert.ok(verifyWithNoble(createPublicKey(privateKey), scheme, Buffer.from('abc'), expected))
})

/** μ of a message with an empty context (FIPS 204, algorithm 2, line 10, and algorithm 7, line 6). */
function muOf(publicKey: KeyObject): Buffer {
  const shake256 = (bytes: Buffer) => createHash('shake256', { outputLength: 64 }).update(bytes).digest()
  const tr = shake256(publicKey.export({ format: 'raw-public' }))
  return shake256(Buffer.concat([tr, Buffer.of(0, 0), message]))
}

for (const parameterSet of ['ml-dsa-44', 'ml-dsa-65', 'ml-dsa-87'] as const) {
  test(`${parameterSet}: OpenSSL takes signatures of μ, and its signatures are taken`, () => {
    // The two have overloads of their own.
    const { privateKey, publicKey } = generateKeyPairSync(parameterSet as 'ml-dsa-44')
    const scheme: SignatureScheme = { type: 'ml-dsa' }
    const mu = muOf(publicKey)
    for (let i = 0; i < 3; i++) {
      assert.ok(verify(null, message, publicKey, signWithNoble(privateKey, scheme, mu)))
      assert.ok(verifyWithNoble(publicKey, scheme, mu, sign(null, message, privateKey)))
    }
    assert.ok(!verifyWithNoble(publicKey, scheme, Buffer.alloc(64), sign(null, message, privateKey)))
  })
}
