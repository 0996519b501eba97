import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { EncryptionAlgorithmSpec, KMS } from '@aws-sdk/client-kms'
import { keysOf, keyTypes } from '../key-types.ts'
import { kmsClient, newKey } from '../kms-client.ts'
import { assertRefused } from '../refusal.ts'
import { startServer, type ServerProcess } from '../server-process.ts'
import { openSsl } from './openssl.ts'

let server: ServerProcess
let kms: KMS
before(async () => {
  server = await startServer()
  kms = kmsClient(server)
})
after(() => server.stop())

const openssl = openSsl()

/** Puts the key's public half into public.pem. */
async function publish(KeyId: string): Promise<void> {
  const { PublicKey } = await kms.getPublicKey({ KeyId })
  const der = openssl.put('public.der', PublicKey ?? Buffer.alloc(0))
  await openssl.run('pkey', '-pubin', '-inform', 'DER', '-in', der, '-out', 'public.pem')
}

async function encryptedBy(message: Buffer, ...options: readonly string[]): Promise<Buffer> {
  openssl.put('message', message)
  const encrypt = [
    'pkeyutl',
    '-encrypt',
    '-pubin',
    '-inkey',
    'public.pem',
    '-in',
    'message',
    '-out',
    'encrypted',
  ]
  await openssl.run(...encrypt, ...options.flatMap((option) => ['-pkeyopt', option]))
  return openssl.take('encrypted')
}

test('what openssl encrypts to a public key with OAEP, Decrypt opens, up to the longest; with other hashes not', async () => {
  const keys = await keysOf(
    kms,
    keyTypes.filter(({ algorithms }) => algorithms.includes('RSAES_OAEP_SHA_1')),
  )
  assert.equal(keys.length, 3)
  for (const { id: KeyId, KeySpec } of keys) {
    await publish(KeyId)
    for (const [EncryptionAlgorithm, hash, hashBytes] of [
      ['RSAES_OAEP_SHA_1', 'sha1', 20],
      ['RSAES_OAEP_SHA_256', 'sha256', 32],
    ] as const satisfies [EncryptionAlgorithmSpec, string, number][]) {
      const most = Number(KeySpec.slice('RSA_'.length)) / 8 - 2 * hashBytes - 2
      const oaep = ['rsa_padding_mode:oaep', `rsa_oaep_md:${hash}`]
      for (const message of [Buffer.from('x'), Buffer.alloc(most, 7)]) {
        const CiphertextBlob = await encryptedBy(message, ...oaep, `rsa_mgf1_md:${hash}`)
        const opened = await kms.decrypt({ KeyId, EncryptionAlgorithm, CiphertextBlob })
        assert.deepEqual(Buffer.from(opened.Plaintext ?? []), message, `${KeySpec} ${hash}`)
      }
      const otherMask = await encryptedBy(
        Buffer.from('x'),
        ...oaep,
        `rsa_mgf1_md:${hash === 'sha1' ? 'sha256' : 'sha1'}`,
      )
      const labelled = await encryptedBy(
        Buffer.from('x'),
        ...oaep,
        `rsa_mgf1_md:${hash}`,
        'rsa_oaep_label:6c',
      )
      const pkcs1 = await encryptedBy(Buffer.from('x'), 'rsa_padding_mode:pkcs1')
      for (const CiphertextBlob of [otherMask, labelled, pkcs1]) {
        const decrypt = kms.decrypt({ KeyId, EncryptionAlgorithm, CiphertextBlob })
        await assertRefused(decrypt, 'InvalidCiphertextException', '')
      }
    }
  }
})

test('ReEncrypt takes what openssl encrypted to a key of KMS under a symmetric key', async () => {
  const { id: SourceKeyId } = await newKey(kms, { KeySpec: 'RSA_2048', KeyUsage: 'ENCRYPT_DECRYPT' })
  const { id: DestinationKeyId } = await newKey(kms)
  await publish(SourceKeyId)
  const message = Buffer.from('from outside')
  const moved = await kms.reEncrypt({
    CiphertextBlob: await encryptedBy(
      message,
      'rsa_padding_mode:oaep',
      'rsa_oaep_md:sha256',
      'rsa_mgf1_md:sha256',
    ),
    SourceKeyId,
    SourceEncryptionAlgorithm: 'RSAES_OAEP_SHA_256',
    DestinationKeyId,
  })
  const { Plaintext } = await kms.decrypt({ CiphertextBlob: moved.CiphertextBlob })
  assert.deepEqual(Buffer.from(Plaintext ?? []), message)
})

test('openssl and DeriveSharedSecret agree on the secret, the point compressed or not', async () => {
  for (const [KeySpec, curve] of [
    ['ECC_NIST_P256', 'P-256'],
    ['ECC_NIST_P384', 'P-384'],
    ['ECC_NIST_P521', 'P-521'],
  ] as const) {
    const { id: KeyId } = await newKey(kms, { KeySpec, KeyUsage: 'KEY_AGREEMENT' })
    await publish(KeyId)
    const generate = ['genpkey', '-algorithm', 'EC', '-pkeyopt', `ec_paramgen_curve:${curve}`]
    await openssl.run(...generate, '-out', 'peer.pem')
    await openssl.run('pkeyutl', '-derive', '-inkey', 'peer.pem', '-peerkey', 'public.pem', '-out', 'secret')
    for (const form of ['uncompressed', 'compressed']) {
      const write = ['pkey', '-in', 'peer.pem', '-pubout', '-outform', 'DER', '-out', 'peer.der']
      await openssl.run(...write, '-ec_conv_form', form)
      const derived = await kms.deriveSharedSecret({
        KeyId,
        KeyAgreementAlgorithm: 'ECDH',
        PublicKey: openssl.take('peer.der'),
      })
      assert.deepEqual(Buffer.from(derived.SharedSecret ?? []), openssl.take('secret'), `${curve} ${form}`)
    }
    const explicit = ['ec', '-in', 'peer.pem', '-pubout', '-outform', 'DER', '-param_enc', 'explicit']
    await openssl.run(...explicit, '-out', 'explicit.der')
    const PublicKey = openssl.take('explicit.der')
    await assertRefused(
      kms.deriveSharedSecret({ KeyId, KeyAgreementAlgorithm: 'ECDH', PublicKey }),
      'ValidationException',
      `PublicKey is not a valid DER-encoded public key for key spec ${KeySpec}.`,
    )
  }
})
