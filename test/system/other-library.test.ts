import assert from 'node:assert/strict'
import { createPrivateKey, createPublicKey, verify as verifyNatively } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import type { KMS } from '@aws-sdk/client-kms'
import { ml_dsa44, ml_dsa65, ml_dsa87 } from '@noble/post-quantum/ml-dsa.js'
import { ml_kem1024, ml_kem512, ml_kem768 } from '@noble/post-quantum/ml-kem.js'
import { kmsClient, newKey } from '../kms-client.ts'
import { muOf } from '../ml-dsa-mu.ts'
import { startServer, type ServerProcess } from '../server-process.ts'

/**
 * ML-DSA and ML-KEM, which openssl knows from 3.5 on and Debian 12's does not. What the server does with the OpenSSL of its
 * runtime is checked with noble-post-quantum here; ML-DSA of μ, which it does with noble, with the runtime's OpenSSL.
 */

let server: ServerProcess
let kms: KMS
before(async () => {
  server = await startServer()
  kms = kmsClient(server)
})
after(() => server.stop())

const blob = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? [])
const message = Buffer.from('what another library is to verify')

describe('ML-DSA', () => {
  for (const [KeySpec, noble] of [
    ['ML_DSA_44', ml_dsa44],
    ['ML_DSA_65', ml_dsa65],
    ['ML_DSA_87', ml_dsa87],
  ] as const) {
    test(`signatures of ${KeySpec}, of the message and of its μ, are verified by both libraries`, async () => {
      const { id: KeyId } = await newKey(kms, { KeySpec, KeyUsage: 'SIGN_VERIFY' })
      const spki = blob((await kms.getPublicKey({ KeyId })).PublicKey)
      const bytes = new Uint8Array(spki.subarray(-(noble.lengths.publicKey as number)))
      const publicKey = createPublicKey({ key: spki, format: 'der', type: 'spki' })
      const SigningAlgorithm = 'ML_DSA_SHAKE_256'
      const mu = muOf(bytes, message)
      for (const request of [
        { KeyId, SigningAlgorithm, Message: message, MessageType: 'RAW' },
        { KeyId, SigningAlgorithm, Message: mu, MessageType: 'EXTERNAL_MU' },
      ] as const) {
        const signature = blob((await kms.sign(request)).Signature)
        assert.equal(signature.length, noble.lengths.signature)
        assert.equal(noble.verify(signature, message, bytes), true)
        assert.equal(noble.internal.verify(signature, mu, bytes, { externalMu: true }), true)
        assert.equal(verifyNatively(null, message, publicKey, signature), true)
        assert.equal(noble.verify(signature, Buffer.from('another message'), bytes), false)
        assert.equal(verifyNatively(null, Buffer.from('another message'), publicKey, signature), false)
      }
    })
  }
})

describe('ML-KEM', () => {
  for (const [KeySpec, noble] of [
    ['ML_KEM_512', ml_kem512],
    ['ML_KEM_768', ml_kem768],
    ['ML_KEM_1024', ml_kem1024],
  ] as const) {
    const publicKeyIn = (spki: Buffer) => new Uint8Array(spki.subarray(-(noble.lengths.publicKey as number)))

    test(`what noble encapsulates to a key of ${KeySpec}, Decapsulate opens`, async () => {
      const { id: KeyId } = await newKey(kms, { KeySpec, KeyUsage: 'ENCAPSULATE_DECAPSULATE' })
      const spki = blob((await kms.getPublicKey({ KeyId })).PublicKey)
      const { cipherText, sharedSecret } = noble.encapsulate(publicKeyIn(spki))
      const request = { KeyId, EncapsulationAlgorithm: 'ML_KEM' } as const
      const opened = await kms.decapsulate({ ...request, SharedSecretCiphertextBlob: cipherText })
      assert.deepEqual(blob(opened.SharedSecret), Buffer.from(sharedSecret))
    })

    test(`noble makes the public key of a data key pair of ${KeySpec} from its seed, and opens what is encapsulated to it`, async () => {
      const { id: KeyId } = await newKey(kms)
      const pair = await kms.generateDataKeyPair({ KeyId, KeyPairSpec: KeySpec })
      const pkcs8 = blob(pair.PrivateKeyPlaintext)
      // RFC 9935, section 6: the seed in a context tag, and nothing else.
      assert.equal(pkcs8.length, 86)
      assert.deepEqual(pkcs8.subarray(-66, -64), Buffer.of(0x80, 64))
      const { publicKey, secretKey } = noble.keygen(new Uint8Array(pkcs8.subarray(-64)))
      assert.deepEqual(Buffer.from(publicKey), Buffer.from(publicKeyIn(blob(pair.PublicKey))))

      const { cipherText, sharedSecret } = noble.encapsulate(publicKey)
      assert.deepEqual(noble.decapsulate(cipherText, secretKey), sharedSecret)
      const read = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' })
      const spki = createPublicKey(read).export({ type: 'spki', format: 'der' })
      assert.deepEqual(spki, blob(pair.PublicKey))
    })
  }
})
