import assert from 'node:assert/strict'
import { createPrivateKey, sign as signNatively } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import type { KMS } from '@aws-sdk/client-kms'
import type { SigningMaterial } from '../../server/src/crypto/material.ts'
import { kmsClient, newKey } from '../kms-client.ts'
import { engine, newMaterial } from '../material.ts'
import { hashMuOf, muOf } from '../ml-dsa-mu.ts'
import { assertRefused } from '../refusal.ts'
import { startServer, type ServerProcess } from '../server-process.ts'
import { hasHintsToChange, malformed, type ParameterSet } from './ml-dsa-signatures.ts'
import { assertAllRefused } from './refused-alike.ts'

let server: ServerProcess
let kms: KMS
before(async () => {
  server = await startServer()
  kms = kmsClient(server)
})
after(async () => {
  await server.stop()
  await engine.close()
})

const scheme = { type: 'ml-dsa' } as const
const message = Buffer.from('pay 10 to the bearer')

const parameterSets = [
  { parameterSet: 'ml-dsa-44', KeySpec: 'ML_DSA_44', publicKeyBytes: 1312 },
  { parameterSet: 'ml-dsa-65', KeySpec: 'ML_DSA_65', publicKeyBytes: 1952 },
  { parameterSet: 'ml-dsa-87', KeySpec: 'ML_DSA_87', publicKeyBytes: 2592 },
] as const

/** Signatures with few hints leave little to change; one in some has enough. */
async function signatureToChange(
  parameterSet: ParameterSet,
  sign: () => Promise<Uint8Array | undefined>,
): Promise<Buffer> {
  for (;;) {
    const signature = Buffer.from((await sign()) ?? [])
    if (hasHintsToChange(parameterSet, signature)) return signature
  }
}

for (const { parameterSet, KeySpec, publicKeyBytes } of parameterSets) {
  describe(parameterSet, () => {
    let material: SigningMaterial
    let bytes: Buffer
    let mu: Buffer
    const verdicts = async (signature: Buffer) => [
      await material.verify(scheme, 'message', message, signature),
      await material.verify(scheme, 'mu', mu, signature),
    ]
    before(async () => {
      ;({ material, bytes } = await newMaterial('sign', { type: 'ml-dsa', parameterSet }))
      mu = muOf(material.publicKey.subarray(-publicKeyBytes), message)
    })

    test('takes no signature of which anything was changed, hints that say the same included', async () => {
      const signature = await signatureToChange(parameterSet, () => material.sign(scheme, 'message', message))
      assert.deepEqual(await verdicts(signature), [true, true])
      for (const [what, candidate] of Object.entries(malformed(parameterSet, signature))) {
        assert.deepEqual(await verdicts(candidate), [false, false], what)
      }
      assert.deepEqual(await verdicts(Buffer.alloc(0)), [false, false])
      assert.deepEqual(await verdicts(Buffer.alloc(1_000_000)), [false, false])
      for (let index = 0; index < signature.length; index += 41) {
        const flipped = Buffer.from(signature)
        flipped[index] = (flipped[index] ?? 0) ^ (1 << (index & 7))
        assert.deepEqual(await verdicts(flipped), [false, false], `byte ${index}`)
      }
    })

    test('takes no signature with a context, of HashML-DSA, of another message or of another key', async () => {
      const key = createPrivateKey({ key: bytes, format: 'der', type: 'pkcs8' })
      const ofNothing = signNatively(null, message, { key, context: Buffer.alloc(0) })
      assert.deepEqual(await verdicts(ofNothing), [true, true])
      const ofContext = signNatively(null, message, { key, context: Buffer.of(0) })
      assert.deepEqual(await verdicts(ofContext), [false, false])

      const ofHash = hashMuOf(material.publicKey.subarray(-publicKeyBytes), message)
      const prehashed = await material.sign(scheme, 'mu', ofHash)
      assert.equal(await material.verify(scheme, 'mu', ofHash, prehashed), true)
      assert.deepEqual(await verdicts(prehashed), [false, false])

      const signature = await material.sign(scheme, 'mu', mu)
      assert.deepEqual(await verdicts(signature), [true, true])
      assert.equal(await material.verify(scheme, 'message', Buffer.from('pay 99'), signature), false)
      assert.equal(await material.verify(scheme, 'message', mu, signature), false)
      const { material: stranger } = await newMaterial('sign', { type: 'ml-dsa', parameterSet })
      assert.equal(await stranger.verify(scheme, 'mu', mu, signature), false)
      assert.equal(await stranger.verify(scheme, 'message', message, signature), false)
    })

    test('signs the same message in other bytes each time', async () => {
      const made = [
        await material.sign(scheme, 'message', message),
        await material.sign(scheme, 'message', message),
      ]
      const ofMu = [await material.sign(scheme, 'mu', mu), await material.sign(scheme, 'mu', mu)]
      assert.equal(new Set([...made, ...ofMu].map((signature) => signature.toString('hex'))).size, 4)
    })

    test(`Verify says the same of everything that is no signature of a key of ${KeySpec}`, async () => {
      const { id: KeyId } = await newKey(kms, { KeySpec, KeyUsage: 'SIGN_VERIFY' })
      const { PublicKey } = await kms.getPublicKey({ KeyId })
      const published = Buffer.from(PublicKey ?? []).subarray(-publicKeyBytes)
      const SigningAlgorithm = 'ML_DSA_SHAKE_256'
      const raw = { KeyId, SigningAlgorithm, Message: message, MessageType: 'RAW' } as const
      const external = {
        KeyId,
        SigningAlgorithm,
        Message: muOf(published, message),
        MessageType: 'EXTERNAL_MU',
      } as const
      for (const request of [raw, external]) {
        const signature = await signatureToChange(
          parameterSet,
          async () => (await kms.sign(request)).Signature,
        )
        for (const either of [raw, external]) {
          assert.equal((await kms.verify({ ...either, Signature: signature })).SignatureValid, true)
        }
        await assertAllRefused(
          malformed(parameterSet, signature),
          (candidate) => kms.verify({ ...request, Signature: candidate }),
          'KMSInvalidSignatureException',
          '',
        )
      }
    })
  })
}

const encapsulationSets = [
  { parameterSet: 'ml-kem-512', KeySpec: 'ML_KEM_512', ciphertextBytes: 768 },
  { parameterSet: 'ml-kem-768', KeySpec: 'ML_KEM_768', ciphertextBytes: 1088 },
  { parameterSet: 'ml-kem-1024', KeySpec: 'ML_KEM_1024', ciphertextBytes: 1568 },
] as const

for (const { parameterSet, KeySpec, ciphertextBytes } of encapsulationSets) {
  describe(parameterSet, () => {
    test('a ciphertext of which anything was changed gives another secret, each its own and always the same', async () => {
      const { material } = await newMaterial('encapsulate', { type: 'ml-kem', parameterSet })
      const { ciphertext, sharedSecret } = await material.encapsulate()
      assert.equal(ciphertext.length, ciphertextBytes)
      assert.deepEqual(await material.decapsulate(ciphertext), sharedSecret)

      const secrets = new Set([sharedSecret.toString('hex')])
      const changed = [Buffer.alloc(ciphertextBytes), Buffer.alloc(ciphertextBytes, 0xff)]
      for (let index = 0; index < ciphertextBytes; index += 7) {
        const flipped = Buffer.from(ciphertext)
        flipped[index] = (flipped[index] ?? 0) ^ (1 << (index & 7))
        changed.push(flipped)
      }
      for (const candidate of changed) {
        const secret = await material.decapsulate(candidate)
        assert.equal(secret?.length, 32)
        assert.deepEqual(await material.decapsulate(candidate), secret)
        secrets.add(secret.toString('hex'))
      }
      assert.equal(secrets.size, changed.length + 1)

      const { material: stranger } = await newMaterial('encapsulate', { type: 'ml-kem', parameterSet })
      const elsewhere = await stranger.decapsulate(ciphertext)
      assert.equal(elsewhere?.length, 32)
      assert.notDeepEqual(elsewhere, sharedSecret)
    })

    test('a ciphertext of another length gives nothing', async () => {
      const { material } = await newMaterial('encapsulate', { type: 'ml-kem', parameterSet })
      const { ciphertext } = await material.encapsulate()
      for (const length of [0, 1, 32, 768, 1088, 1568, ciphertextBytes - 1, ciphertextBytes + 1, 1_000_000]) {
        if (length === ciphertextBytes) continue
        const candidate = Buffer.concat([ciphertext, Buffer.alloc(1_000_000)]).subarray(0, length)
        assert.equal(await material.decapsulate(candidate), undefined, `${length} bytes`)
      }
    })

    test('Decapsulate answers a changed ciphertext like a right one, and refuses another length', async () => {
      const { id: KeyId } = await newKey(kms, { KeySpec, KeyUsage: 'ENCAPSULATE_DECAPSULATE' })
      const EncapsulationAlgorithm = 'ML_KEM'
      const made = await kms.encapsulate({ KeyId, EncapsulationAlgorithm })
      const ciphertext = Buffer.from(made.SharedSecretCiphertextBlob ?? [])
      const decapsulate = (SharedSecretCiphertextBlob: Uint8Array) =>
        kms.decapsulate({ KeyId, EncapsulationAlgorithm, SharedSecretCiphertextBlob })
      assert.deepEqual((await decapsulate(ciphertext)).SharedSecret, made.SharedSecret)

      const flipped = Buffer.from(ciphertext)
      flipped[0] = (flipped[0] ?? 0) ^ 1
      const answer = await decapsulate(flipped)
      assert.equal(answer.SharedSecret?.length, 32)
      assert.notDeepEqual(answer.SharedSecret, made.SharedSecret)
      assert.deepEqual((await decapsulate(flipped)).SharedSecret, answer.SharedSecret)

      await assertAllRefused(
        {
          'no byte': Buffer.alloc(0),
          'one byte': Buffer.of(0),
          'a byte missing': ciphertext.subarray(1),
          'a byte too many': Buffer.concat([ciphertext, Buffer.of(0)]),
          'twice itself': Buffer.concat([ciphertext, ciphertext]),
          'a secret': Buffer.from(made.SharedSecret ?? []),
          'half a megabyte': Buffer.alloc(500_000),
        },
        decapsulate,
        'InvalidCiphertextException',
        '',
      )
    })
  })
}

test('Decapsulate refuses the ciphertext of another parameter set', async () => {
  const EncapsulationAlgorithm = 'ML_KEM'
  const keys = await Promise.all(
    encapsulationSets.map(({ KeySpec }) => newKey(kms, { KeySpec, KeyUsage: 'ENCAPSULATE_DECAPSULATE' })),
  )
  for (const { id: from } of keys) {
    const { SharedSecretCiphertextBlob } = await kms.encapsulate({ KeyId: from, EncapsulationAlgorithm })
    for (const { id: KeyId } of keys) {
      if (KeyId === from) continue
      const decapsulate = kms.decapsulate({ KeyId, EncapsulationAlgorithm, SharedSecretCiphertextBlob })
      await assertRefused(decapsulate, 'InvalidCiphertextException', '')
    }
  }
})
