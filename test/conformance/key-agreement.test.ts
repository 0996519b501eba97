import assert from 'node:assert/strict'
import { createPublicKey, diffieHellman, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { after, test } from 'node:test'
import { keysOf, misuse, typesAround } from '../key-types.ts'
import { kmsClient, newKey } from '../kms-client.ts'
import { assertRefused } from '../refusal.ts'
import { startServer } from '../server-process.ts'

const server = await startServer()
const kms = kmsClient(server)
after(() => server.stop())
const keys = await keysOf(kms, typesAround('KEY_AGREEMENT'))
const agreeing = keys.filter((key) => key.KeyUsage === 'KEY_AGREEMENT')

const KeyAgreementAlgorithm = 'ECDH'
const curves: Record<string, { namedCurve: string; secretBytes: number }> = {
  ECC_NIST_P256: { namedCurve: 'prime256v1', secretBytes: 32 },
  ECC_NIST_P384: { namedCurve: 'secp384r1', secretBytes: 48 },
  ECC_NIST_P521: { namedCurve: 'secp521r1', secretBytes: 66 },
}

for (const { KeySpec, KeyUsage, id, arn } of agreeing) {
  const { namedCurve, secretBytes } = curves[KeySpec] ?? assert.fail(KeySpec)

  test(`${KeySpec}: both sides derive the same secret, whether the other one's key is here or elsewhere`, async () => {
    const ours = await publicKeyOf(id)
    const theirs = generateKeyPairSync('ec', { namedCurve })
    const answer = await kms.deriveSharedSecret({
      KeyId: id,
      KeyAgreementAlgorithm,
      PublicKey: spki(theirs.publicKey),
    })
    const { SharedSecret, $metadata: _, ...rest } = answer
    assert.deepEqual(rest, { KeyId: arn, KeyAgreementAlgorithm, KeyOrigin: 'AWS_KMS' })
    assert.equal(SharedSecret?.length, secretBytes)
    const atTheirs = diffieHellman({ privateKey: theirs.privateKey, publicKey: ours })
    assert.deepEqual(Buffer.from(SharedSecret), atTheirs)

    const other = await newKey(kms, { KeySpec, KeyUsage })
    const derive = async (KeyId: string, peer: KeyObject) => {
      const request = { KeyId, KeyAgreementAlgorithm, PublicKey: spki(peer) } as const
      return Buffer.from((await kms.deriveSharedSecret(request)).SharedSecret ?? [])
    }
    const one = await derive(id, await publicKeyOf(other.id))
    assert.deepEqual(await derive(other.id, ours), one)
    assert.notDeepEqual(one, atTheirs)
  })

  test(`${KeySpec}: only a public key on the same curve is agreed with`, async () => {
    const right = spki(generateKeyPairSync('ec', { namedCurve }).publicKey)
    const otherCurves = ['prime256v1', 'secp384r1', 'secp521r1', 'secp256k1', 'brainpoolP256r1'].filter(
      (curve) => curve !== namedCurve,
    )
    const notOnCurve = Buffer.from(right)
    notOnCurve[notOnCurve.length - 1] = (notOnCurve.at(-1) ?? 0) ^ 1
    const { publicKey: pem, privateKey } = generateKeyPairSync('ec', { namedCurve })
    const wrong: Record<string, Buffer> = {
      ...Object.fromEntries(
        otherCurves.map((curve) => [curve, spki(generateKeyPairSync('ec', { namedCurve: curve }).publicKey)]),
      ),
      'a point off the curve': notOnCurve,
      Ed25519: spki(generateKeyPairSync('ed25519').publicKey),
      X25519: spki(generateKeyPairSync('x25519').publicKey),
      RSA: spki(generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey),
      PEM: Buffer.from(pem.export({ type: 'spki', format: 'pem' })),
      'base64 in place of bytes': Buffer.from(right.toString('base64')),
      'a private key': privateKey.export({ type: 'pkcs8', format: 'der' }),
      'the point alone': right.subarray(-(2 * secretBytes + 1)),
      'a byte less': right.subarray(0, -1),
      'one byte': Buffer.from([0x30]),
      'as many bytes as there may be': Buffer.alloc(8192, 0x30),
    }
    for (const [what, PublicKey] of Object.entries(wrong)) {
      await assertRefused(
        kms.deriveSharedSecret({ KeyId: id, KeyAgreementAlgorithm, PublicKey }),
        'ValidationException',
        `PublicKey is not a valid DER-encoded public key for key spec ${KeySpec}.`,
      ).catch((error: unknown) => assert.fail(`${what}: ${String(error)}`))
    }
  })
}

test('DeriveSharedSecret refuses keys of another usage, on the same curve too', async () => {
  const PublicKey = spki(generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).publicKey)
  for (const key of keys) {
    const text = misuse(key, {
      operation: 'DeriveSharedSecret',
      KeyUsage: 'KEY_AGREEMENT',
      algorithm: KeyAgreementAlgorithm,
    })
    if (text === undefined) continue
    await assertRefused(
      kms.deriveSharedSecret({ KeyId: key.id, KeyAgreementAlgorithm, PublicKey }),
      'InvalidKeyUsageException',
      text,
    )
  }
})

test('a public key has 1 to 8192 bytes, and there is one algorithm', async () => {
  const request = { KeyId: agreeing[0]?.id, KeyAgreementAlgorithm } as const
  const bound = (which: 'less' | 'greater', length: number) =>
    `1 validation error detected: Value at 'publicKey' failed to satisfy constraint: Member must have length ${which} than or equal to ${length}`
  for (const [PublicKey, text] of [
    [Buffer.alloc(0), bound('greater', 1)],
    [Buffer.alloc(8193), bound('less', 8192)],
  ] as const) {
    await assertRefused(kms.deriveSharedSecret({ ...request, PublicKey }), 'ValidationException', text)
  }
  await assertRefused(
    kms.deriveSharedSecret({
      ...request,
      PublicKey: Buffer.alloc(1),
      KeyAgreementAlgorithm: 'DH' as 'ECDH',
    }),
    'ValidationException',
    "1 validation error detected: Value 'DH' at 'keyAgreementAlgorithm' failed to satisfy constraint: Member must satisfy enum value set: [ECDH]",
  )
})

async function publicKeyOf(KeyId: string): Promise<KeyObject> {
  const { PublicKey } = await kms.getPublicKey({ KeyId })
  return createPublicKey({ key: Buffer.from(PublicKey ?? []), format: 'der', type: 'spki' })
}

function spki(key: KeyObject): Buffer {
  return key.export({ type: 'spki', format: 'der' })
}
