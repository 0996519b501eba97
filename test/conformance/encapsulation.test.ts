import assert from 'node:assert/strict'
import { createPublicKey, encapsulate, randomBytes } from 'node:crypto'
import { after, test } from 'node:test'
import { flipped } from '../flipped.ts'
import { keysOf, misuse, typesAround } from '../key-types.ts'
import { kmsClient, newKey } from '../kms-client.ts'
import { assertRefused } from '../refusal.ts'
import { startServer } from '../server-process.ts'

const server = await startServer()
const kms = kmsClient(server)
after(() => server.stop())
const keys = await keysOf(kms, typesAround('ENCAPSULATE_DECAPSULATE'))
const kemKeys = keys.filter((key) => key.KeyUsage === 'ENCAPSULATE_DECAPSULATE')

const EncapsulationAlgorithm = 'ML_KEM'
const ciphertextBytes: Record<string, number> = { ML_KEM_512: 768, ML_KEM_768: 1088, ML_KEM_1024: 1568 }

for (const { KeySpec, KeyUsage, id, arn } of kemKeys) {
  const decapsulate = async (SharedSecretCiphertextBlob: Uint8Array | undefined, KeyId = id) => {
    const answer = await kms.decapsulate({ KeyId, SharedSecretCiphertextBlob, EncapsulationAlgorithm })
    const { SharedSecret, $metadata: _, ...rest } = answer
    assert.deepEqual(rest, {
      KeyId: keys.find((key) => key.id === KeyId)?.arn ?? rest.KeyId,
      EncapsulationAlgorithm,
    })
    assert.equal(SharedSecret?.length, 32)
    return Buffer.from(SharedSecret)
  }

  test(`${KeySpec}: what Encapsulate gives, Decapsulate finds in the ciphertext`, async () => {
    const answers = [
      await kms.encapsulate({ KeyId: id, EncapsulationAlgorithm }),
      await kms.encapsulate({ KeyId: arn, EncapsulationAlgorithm }),
    ]
    for (const { SharedSecret, SharedSecretCiphertextBlob, $metadata: _, ...rest } of answers) {
      assert.deepEqual(rest, { KeyId: arn, EncapsulationAlgorithm })
      assert.equal(SharedSecret?.length, 32)
      assert.ok(SharedSecretCiphertextBlob?.length === ciphertextBytes[KeySpec])
      assert.deepEqual(await decapsulate(SharedSecretCiphertextBlob), Buffer.from(SharedSecret))
    }
    assert.notDeepEqual(answers[0]?.SharedSecret, answers[1]?.SharedSecret)
  })

  test(`${KeySpec}: a secret that was encapsulated elsewhere with the public key is found too`, async () => {
    const { PublicKey } = await kms.getPublicKey({ KeyId: id })
    const publicKey = createPublicKey({ key: Buffer.from(PublicKey ?? []), format: 'der', type: 'spki' })
    const { sharedKey, ciphertext } = encapsulate(publicKey)
    assert.deepEqual(await decapsulate(ciphertext), sharedKey)
  })

  test(`${KeySpec}: a ciphertext of another length is invalid, and any of the right length gives a secret`, async () => {
    const { SharedSecret, SharedSecretCiphertextBlob } = await kms.encapsulate({
      KeyId: id,
      EncapsulationAlgorithm,
    })
    const ciphertext = Buffer.from(SharedSecretCiphertextBlob ?? [])
    const lengths = [
      ...Object.values(ciphertextBytes),
      0,
      1,
      ciphertext.length - 1,
      ciphertext.length + 1,
      6145,
    ]
    for (const length of lengths) {
      if (length === ciphertext.length) continue
      const blob = Buffer.alloc(length)
      ciphertext.copy(blob)
      await assertRefused(
        kms.decapsulate({ KeyId: id, SharedSecretCiphertextBlob: blob, EncapsulationAlgorithm }),
        'InvalidCiphertextException',
        '',
      )
    }
    const secrets = new Set([Buffer.from(SharedSecret ?? []).toString('hex')])
    const others = [
      ...[0, 1, 500, ciphertext.length - 1].map((at) => flipped(ciphertext, at)),
      randomBytes(ciphertext.length),
      Buffer.alloc(ciphertext.length),
      Buffer.alloc(ciphertext.length, 0xff),
    ]
    for (const other of others) {
      const secret = await decapsulate(other)
      assert.deepEqual(await decapsulate(other), secret, 'the same ciphertext, the same secret')
      secrets.add(secret.toString('hex'))
    }
    const another = await newKey(kms, { KeySpec, KeyUsage })
    secrets.add((await decapsulate(ciphertext, another.id)).toString('hex'))
    assert.equal(secrets.size, 1 + others.length + 1)
  })
}

test('Encapsulate and Decapsulate refuse keys of another usage', async () => {
  const SharedSecretCiphertextBlob = Buffer.alloc(1088)
  for (const key of keys) {
    const request = { KeyId: key.id, EncapsulationAlgorithm } as const
    const calls = {
      Encapsulate: () => kms.encapsulate(request),
      Decapsulate: () => kms.decapsulate({ ...request, SharedSecretCiphertextBlob }),
    }
    for (const [operation, call] of Object.entries(calls)) {
      const use = {
        operation,
        KeyUsage: 'ENCAPSULATE_DECAPSULATE',
        algorithm: EncapsulationAlgorithm,
      } as const
      const text = misuse(key, use)
      if (text !== undefined) await assertRefused(call(), 'InvalidKeyUsageException', text)
    }
  }
})

test('there is one algorithm, and it has to be named', async () => {
  const KeyId = kemKeys[0]?.id
  await assertRefused(
    kms.encapsulate({ KeyId, EncapsulationAlgorithm: 'RSA_KEM' as 'ML_KEM' }),
    'ValidationException',
    "1 validation error detected: Value 'RSA_KEM' at 'encapsulationAlgorithm' failed to satisfy constraint: Member must satisfy enum value set: [ML_KEM]",
  )
  await assertRefused(
    kms.encapsulate({ KeyId, EncapsulationAlgorithm: undefined }),
    'ValidationException',
    "1 validation error detected: Value null at 'encapsulationAlgorithm' failed to satisfy constraint: Member must not be null",
  )
})
