import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { DataKeyPairSpec, KMS } from '@aws-sdk/client-kms'
import { kmsClient, newKey } from '../kms-client.ts'
import { startServer, type ServerProcess } from '../server-process.ts'
import { openSsl } from './openssl.ts'

let server: ServerProcess
let kms: KMS
let KeyId: string
before(async () => {
  server = await startServer()
  kms = kmsClient(server)
  ;({ id: KeyId } = await newKey(kms))
})
after(() => server.stop())

const openssl = openSsl()
const blob = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? [])

/** What openssl says of the private key. Debian's knows no ML-KEM: see other-library.test.ts. */
const shows: Readonly<Partial<Record<DataKeyPairSpec, RegExp>>> = {
  RSA_2048: /Private-Key: \(2048 bit, 2 primes\)[^]*publicExponent: 65537 /,
  RSA_3072: /Private-Key: \(3072 bit, 2 primes\)[^]*publicExponent: 65537 /,
  RSA_4096: /Private-Key: \(4096 bit, 2 primes\)[^]*publicExponent: 65537 /,
  ECC_NIST_P256: /NIST CURVE: P-256/,
  ECC_NIST_P384: /NIST CURVE: P-384/,
  ECC_NIST_P521: /NIST CURVE: P-521/,
  ECC_SECG_P256K1: /ASN1 OID: secp256k1/,
  ECC_NIST_EDWARDS25519: /^ED25519 Private-Key:/m,
}

for (const [KeyPairSpec, shown] of Object.entries(shows) as [DataKeyPairSpec, RegExp][]) {
  test(`openssl reads a data key pair of ${KeyPairSpec}, finds it sound and makes its public key from the private one`, async () => {
    const pair = await kms.generateDataKeyPair({ KeyId, KeyPairSpec })
    const der = openssl.put('private.der', blob(pair.PrivateKeyPlaintext))
    const read = ['pkey', '-inform', 'DER', '-in', der]
    const text = await openssl.run(...read, '-noout', '-text', '-check')
    assert.match(text, shown)
    assert.match(text, /Key is valid/)
    await openssl.run(...read, '-pubout', '-outform', 'DER', '-out', 'public.der')
    assert.deepEqual(openssl.take('public.der'), blob(pair.PublicKey))

    const opened = await kms.decrypt({ CiphertextBlob: pair.PrivateKeyCiphertextBlob })
    assert.deepEqual(blob(opened.Plaintext), blob(pair.PrivateKeyPlaintext))
  })
}

test('a pair without its plaintext is one that openssl signs with once Decrypt has opened it', async () => {
  const pair = await kms.generateDataKeyPairWithoutPlaintext({ KeyId, KeyPairSpec: 'ECC_NIST_P256' })
  const { Plaintext } = await kms.decrypt({ CiphertextBlob: pair.PrivateKeyCiphertextBlob })
  const privateKey = openssl.put('private.der', blob(Plaintext))
  const publicKey = openssl.put('public.der', blob(pair.PublicKey))
  const message = openssl.put('message', Buffer.from('signed elsewhere'))
  await openssl.run('pkey', '-inform', 'DER', '-in', privateKey, '-out', 'private.pem')
  await openssl.run('pkey', '-pubin', '-inform', 'DER', '-in', publicKey, '-out', 'public.pem')
  await openssl.run('dgst', '-sha256', '-sign', 'private.pem', '-out', 'signature', message)
  const verify = ['dgst', '-sha256', '-verify', 'public.pem', '-signature', 'signature', message]
  assert.match(await openssl.run(...verify), /Verified OK/)
})

test('no two data key pairs are the same', async () => {
  const seen = new Set<string>()
  const specs: readonly DataKeyPairSpec[] = [
    'RSA_2048',
    'ECC_NIST_P256',
    'ECC_NIST_EDWARDS25519',
    'ML_KEM_512',
  ]
  for (const KeyPairSpec of specs) {
    const pairs = await Promise.all(
      Array.from({ length: 6 }, () => kms.generateDataKeyPair({ KeyId, KeyPairSpec })),
    )
    for (const { PublicKey } of pairs) seen.add(blob(PublicKey).toString('hex'))
  }
  assert.equal(seen.size, 6 * specs.length)
})
