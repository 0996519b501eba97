import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, test } from 'node:test'
import type { KMS, SigningAlgorithmSpec } from '@aws-sdk/client-kms'
import { keysOf, keyTypes } from '../key-types.ts'
import { kmsClient } from '../kms-client.ts'
import { startServer, type ServerProcess } from '../server-process.ts'
import { openSsl } from './openssl.ts'

/** Debian's openssl knows neither Ed25519ph nor ML-DSA: see other-library.test.ts and test/vectors/. */
const isKnown = (algorithm: string) => algorithm !== 'ED25519_PH_SHA_512' && !algorithm.startsWith('ML_DSA')

let server: ServerProcess
let kms: KMS
before(async () => {
  server = await startServer()
  kms = kmsClient(server)
})
after(() => server.stop())

const openssl = openSsl()
const message = Buffer.from('what openssl is to verify, with a zero \0 and ünïcödé in it')

/** How openssl is told what AWS's name says. */
function facts(algorithm: SigningAlgorithmSpec): { hash: string; padding: readonly (readonly string[])[] } {
  const hash = `sha${algorithm.slice(-3)}`
  if (!algorithm.startsWith('RSASSA_PSS')) return { hash, padding: [] }
  // With `digest` openssl takes a salt of the length of the hash and no other.
  return { hash, padding: [['rsa_padding_mode:pss'], ['rsa_pss_saltlen:digest'], [`rsa_mgf1_md:${hash}`]] }
}

test("openssl verifies the signatures of every key that it knows, of the message and of its digest, and no other's", async () => {
  const keys = await keysOf(
    kms,
    keyTypes.filter(({ KeyUsage, algorithms }) => KeyUsage === 'SIGN_VERIFY' && algorithms.some(isKnown)),
  )
  let verified = 0
  for (const { id: KeyId, KeySpec, algorithms } of keys) {
    const { PublicKey } = await kms.getPublicKey({ KeyId })
    const der = openssl.put('public.der', PublicKey ?? Buffer.alloc(0))
    await openssl.run('pkey', '-pubin', '-inform', 'DER', '-in', der, '-out', 'public.pem')
    openssl.put('message', message)
    openssl.put('other', Buffer.concat([message, Buffer.of(0)]))
    for (const SigningAlgorithm of algorithms.filter(isKnown) as SigningAlgorithmSpec[]) {
      const what = `${KeySpec} ${SigningAlgorithm}`
      const signed = await kms.sign({ KeyId, SigningAlgorithm, Message: message, MessageType: 'RAW' })
      openssl.put('signature', signed.Signature ?? Buffer.alloc(0))
      if (SigningAlgorithm === 'ED25519_SHA_512') {
        const verify = [
          'pkeyutl',
          '-verify',
          '-pubin',
          '-inkey',
          'public.pem',
          '-rawin',
          '-sigfile',
          'signature',
        ]
        assert.match(await openssl.run(...verify, '-in', 'message'), /Signature Verified Successfully/, what)
        assert.notEqual((await openssl.tried(...verify, '-in', 'other')).code, 0, what)
        verified++
        continue
      }

      const { hash, padding } = facts(SigningAlgorithm)
      const dgst = ['dgst', `-${hash}`, '-verify', 'public.pem', '-signature', 'signature']
      const options = padding.flatMap(([option = '']) => ['-sigopt', option])
      assert.match(await openssl.run(...dgst, ...options, 'message'), /Verified OK/, what)
      assert.match((await openssl.tried(...dgst, ...options, 'other')).output, /Verification failure/, what)

      const digest = createHash(hash).update(message).digest()
      const ofDigest = await kms.sign({ KeyId, SigningAlgorithm, Message: digest, MessageType: 'DIGEST' })
      openssl.put('signature', ofDigest.Signature ?? Buffer.alloc(0))
      assert.match(await openssl.run(...dgst, ...options, 'message'), /Verified OK/, what)
      openssl.put('digest', digest)
      const keyOptions = [[`digest:${hash}`], ...padding].flatMap(([option = '']) => ['-pkeyopt', option])
      const pkeyutl = ['pkeyutl', '-verify', '-pubin', '-inkey', 'public.pem', '-sigfile', 'signature']
      const shown = await openssl.run(...pkeyutl, '-in', 'digest', ...keyOptions)
      assert.match(shown, /Signature Verified Successfully/, what)
      verified += 2
    }
  }
  // Six algorithms for each of three RSA keys, one for each of four curves, each twice; Ed25519 has no digest.
  assert.equal(verified, 2 * (3 * 6 + 4) + 1)
})

test('openssl reads every public key that it knows as what it is', async () => {
  const shows: Readonly<Record<string, RegExp>> = {
    RSA_2048: /^Public-Key: \(2048 bit\)\nModulus:[^]*Exponent: 65537 /m,
    RSA_3072: /^Public-Key: \(3072 bit\)\nModulus:[^]*Exponent: 65537 /m,
    RSA_4096: /^Public-Key: \(4096 bit\)\nModulus:[^]*Exponent: 65537 /m,
    ECC_NIST_P256: /NIST CURVE: P-256/,
    ECC_NIST_P384: /NIST CURVE: P-384/,
    ECC_NIST_P521: /NIST CURVE: P-521/,
    ECC_SECG_P256K1: /ASN1 OID: secp256k1/,
    ECC_NIST_EDWARDS25519: /^ED25519 Public-Key:/m,
  }
  const keys = await keysOf(
    kms,
    keyTypes.filter(({ KeySpec }) => KeySpec in shows),
  )
  for (const { id: KeyId, KeySpec, KeyUsage } of keys) {
    const { PublicKey } = await kms.getPublicKey({ KeyId })
    const der = openssl.put('public.der', PublicKey ?? Buffer.alloc(0))
    const read = ['pkey', '-pubin', '-inform', 'DER', '-in', der]
    const shown = await openssl.run(...read, '-noout', '-text', '-pubcheck')
    assert.match(shown, shows[KeySpec] as RegExp, `${KeySpec} ${KeyUsage}`)
    await openssl.run(...read, '-outform', 'DER', '-out', 'again.der')
    assert.deepEqual(openssl.take('again.der'), Buffer.from(PublicKey ?? []), KeySpec)
  }
  assert.equal(keys.length, 14)
})
