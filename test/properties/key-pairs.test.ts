import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { EncryptionAlgorithmSpec, MacAlgorithmSpec, SigningAlgorithmSpec } from '@aws-sdk/client-kms'
import fc from 'fast-check'
import { keysOf, keyTypes } from '../key-types.ts'
import { kmsClient, newKey } from '../kms-client.ts'
import { startServer } from '../server-process.ts'
import { send } from '../signed-request.ts'

const server = await startServer()
const kms = kmsClient(server)
after(() => server.stop())
// A key of each family, the quickest one; all of those for MACs.
const quick = /^(RSA_2048|ECC_NIST_P256|ECC_SECG_P256K1|ECC_NIST_EDWARDS25519|ML_DSA_44|ML_KEM_512|HMAC_\d+)$/
const keys = await keysOf(
  kms,
  keyTypes.filter(({ KeySpec }) => quick.test(KeySpec)),
)
const ofUsage = (usage: string) => keys.filter(({ KeyUsage }) => KeyUsage === usage)
const signers = ofUsage('SIGN_VERIFY').flatMap(({ id, algorithms }) =>
  (algorithms as SigningAlgorithmSpec[])
    .filter((algorithm) => algorithm !== 'ED25519_PH_SHA_512')
    .map((SigningAlgorithm) => ({ KeyId: id, SigningAlgorithm })),
)
const macs = ofUsage('GENERATE_VERIFY_MAC').map(({ id, algorithms }) => ({
  KeyId: id,
  MacAlgorithm: algorithms[0] as MacAlgorithmSpec,
}))
const messages = fc.uint8Array({ minLength: 1, maxLength: 4096 })

interface Changed {
  readonly at: number
  readonly mask: number
  readonly end: number
}
/** Another byte somewhere, or another length. */
const changes: fc.Arbitrary<Changed> = fc.record({
  at: fc.nat(5000),
  mask: fc.integer({ min: 1, max: 255 }),
  end: fc.oneof(
    { weight: 3, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.integer({ min: -40, max: 40 }) },
  ),
})

function changed(bytes: Uint8Array | undefined, { at, mask, end }: Changed): Buffer {
  const whole = Buffer.from(bytes ?? [])
  if (end > 0) return Buffer.concat([whole, Buffer.alloc(end, mask)])
  if (end < 0) return whole.subarray(0, Math.max(1, whole.length + end))
  whole[at % whole.length] = (whole[at % whole.length] ?? 0) ^ mask
  return whole
}

test('what is signed is verified, and nothing that differs from it in message or signature', async () => {
  const bodies = new Set<string>()
  const property = fc.asyncProperty(
    fc.constantFrom(...signers),
    messages,
    messages,
    changes,
    async (signer, Message, another, change) => {
      const { Signature } = await kms.sign({ ...signer, Message })
      assert.equal((await kms.verify({ ...signer, Message, Signature })).SignatureValid, true)
      const wrong = [{ Message: Buffer.from(Message), Signature: changed(Signature, change) }]
      if (!Buffer.from(another).equals(Message))
        wrong.push({ Message: Buffer.from(another), Signature: Buffer.from(Signature ?? []) })
      for (const { Message: message, Signature: signature } of wrong) {
        const body = { ...signer, Message: base64(message), Signature: base64(signature) }
        const answer = await send(server, { operation: 'Verify', body })
        assert.equal(answer.error, 'KMSInvalidSignatureException', answer.body)
        bodies.add(answer.body)
      }
    },
  )
  await fc.assert(property, { numRuns: 120 })
  assert.equal(bodies.size, 1)
})

test('a MAC is verified, and nothing that differs from it in message or length', async () => {
  const bodies = new Set<string>()
  const property = fc.asyncProperty(
    fc.constantFrom(...macs),
    messages,
    messages,
    changes,
    async (key, Message, another, change) => {
      const { Mac } = await kms.generateMac({ ...key, Message })
      assert.equal((await kms.verifyMac({ ...key, Message, Mac })).MacValid, true)
      const wrong = [{ Message: Buffer.from(Message), Mac: changed(Mac, change) }]
      if (!Buffer.from(another).equals(Message))
        wrong.push({ Message: Buffer.from(another), Mac: Buffer.from(Mac ?? []) })
      for (const { Message: message, Mac: mac } of wrong) {
        const body = { ...key, Message: base64(message), Mac: base64(mac) }
        const answer = await send(server, { operation: 'VerifyMac', body })
        assert.equal(answer.error, 'KMSInvalidMacException', answer.body)
        bodies.add(answer.body)
      }
    },
  )
  await fc.assert(property, { numRuns: 80 })
  assert.equal(bodies.size, 1)
})

test('what is encrypted to a public key opens after any number of moves, and not when it is changed', async () => {
  const [rsa] = ofUsage('ENCRYPT_DECRYPT')
  assert.ok(rsa !== undefined)
  const symmetric = await newKey(kms)
  const places = [
    { KeyId: symmetric.id, algorithm: 'SYMMETRIC_DEFAULT' },
    { KeyId: rsa.id, algorithm: 'RSAES_OAEP_SHA_1' },
    { KeyId: rsa.id, algorithm: 'RSAES_OAEP_SHA_256' },
  ] as const satisfies { KeyId: string; algorithm: EncryptionAlgorithmSpec }[]
  const path = fc.array(fc.constantFrom(...places), { minLength: 1, maxLength: 4 })
  const plaintexts = fc.uint8Array({ minLength: 1, maxLength: 190 })
  const property = fc.asyncProperty(
    plaintexts,
    path,
    changes,
    async (Plaintext, [first, ...moves], change) => {
      assert.ok(first !== undefined)
      let at: (typeof places)[number] = first
      const encrypted = await kms.encrypt({
        KeyId: at.KeyId,
        Plaintext,
        EncryptionAlgorithm: at.algorithm,
      })
      let { CiphertextBlob } = encrypted
      for (const to of moves) {
        const moved = await kms.reEncrypt({
          CiphertextBlob,
          SourceKeyId: at.KeyId,
          SourceEncryptionAlgorithm: at.algorithm,
          DestinationKeyId: to.KeyId,
          DestinationEncryptionAlgorithm: to.algorithm,
        })
        ;({ CiphertextBlob } = moved)
        at = to
      }
      const asked = { KeyId: at.KeyId, EncryptionAlgorithm: at.algorithm }
      const opened = await kms.decrypt({ ...asked, CiphertextBlob })
      assert.deepEqual(Buffer.from(opened.Plaintext ?? []), Buffer.from(Plaintext))
      if (at.algorithm === 'SYMMETRIC_DEFAULT') return
      await assert.rejects(kms.decrypt({ ...asked, CiphertextBlob: changed(CiphertextBlob, change) }), {
        name: 'InvalidCiphertextException',
      })
    },
  )
  await fc.assert(property, { numRuns: 60 })
})

test('any ciphertext of the right length decapsulates to a secret, always the same and no other one’s', async () => {
  const [kem] = ofUsage('ENCAPSULATE_DECAPSULATE')
  const asked = { KeyId: kem?.id, EncapsulationAlgorithm: 'ML_KEM' } as const
  const secrets = new Set<string>()
  const property = fc.asyncProperty(fc.uint8Array({ minLength: 768, maxLength: 768 }), async (random) => {
    const { SharedSecret, SharedSecretCiphertextBlob } = await kms.encapsulate(asked)
    const decapsulate = async (blob: Uint8Array | undefined) => {
      const answer = await kms.decapsulate({ ...asked, SharedSecretCiphertextBlob: blob })
      return Buffer.from(answer.SharedSecret ?? []).toString('hex')
    }
    const right = Buffer.from(SharedSecret ?? []).toString('hex')
    assert.equal(await decapsulate(SharedSecretCiphertextBlob), right)
    const rejected = await decapsulate(random)
    assert.equal(await decapsulate(random), rejected)
    assert.notEqual(rejected, right)
    assert.ok(!secrets.has(right))
    secrets.add(right)
  })
  await fc.assert(property, { numRuns: 40 })
})

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}
