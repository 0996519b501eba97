import assert from 'node:assert/strict'
import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { after, test } from 'node:test'
import { DataKeyPairSpec } from '@aws-sdk/client-kms'
import { keysOf, misuse, typesAround } from '../key-types.ts'
import { kmsClient, newKey } from '../kms-client.ts'
import { assertRefused } from '../refusal.ts'
import { startServer } from '../server-process.ts'

const server = await startServer()
const kms = kmsClient(server)
after(() => server.stop())
const key = await newKey(kms)
const EncryptionContext = { purpose: 'pairs' }

/** By node:crypto's names. */
const pairs: Record<Exclude<DataKeyPairSpec, 'SM2'>, { type: string; details: object }> = {
  RSA_2048: { type: 'rsa', details: { modulusLength: 2048, publicExponent: 65537n } },
  RSA_3072: { type: 'rsa', details: { modulusLength: 3072, publicExponent: 65537n } },
  RSA_4096: { type: 'rsa', details: { modulusLength: 4096, publicExponent: 65537n } },
  ECC_NIST_P256: { type: 'ec', details: { namedCurve: 'prime256v1' } },
  ECC_NIST_P384: { type: 'ec', details: { namedCurve: 'secp384r1' } },
  ECC_NIST_P521: { type: 'ec', details: { namedCurve: 'secp521r1' } },
  ECC_SECG_P256K1: { type: 'ec', details: { namedCurve: 'secp256k1' } },
  ECC_NIST_EDWARDS25519: { type: 'ed25519', details: {} },
  ML_KEM_512: { type: 'ml-kem-512', details: {} },
  ML_KEM_768: { type: 'ml-kem-768', details: {} },
  ML_KEM_1024: { type: 'ml-kem-1024', details: {} },
}
const specs = Object.keys(pairs) as (keyof typeof pairs)[]

test('there is a data key pair of every spec that AWS has outside China', () => {
  const known = Object.values(DataKeyPairSpec).filter((spec) => spec !== 'SM2')
  assert.deepEqual(specs.toSorted(), known.toSorted())
})

for (const KeyPairSpec of specs) {
  test(`${KeyPairSpec}: GenerateDataKeyPair gives a pair, and its private key sealed, which Decrypt opens`, async () => {
    const made = await kms.generateDataKeyPair({ KeyId: key.id, KeyPairSpec, EncryptionContext })
    const {
      PrivateKeyPlaintext,
      PrivateKeyCiphertextBlob,
      PublicKey,
      KeyMaterialId,
      $metadata: _,
      ...rest
    } = made
    assert.deepEqual(rest, { KeyId: key.arn, KeyPairSpec })
    assert.match(KeyMaterialId ?? '', /^[0-9a-f]{64}$/)
    const privateKey = pkcs8(PrivateKeyPlaintext)
    const publicKey = spki(PublicKey)
    assert.equal(publicKey.asymmetricKeyType, pairs[KeyPairSpec].type)
    assert.deepEqual({ ...publicKey.asymmetricKeyDetails }, pairs[KeyPairSpec].details)
    assert.ok(createPublicKey(privateKey).equals(publicKey))
    assert.ok((PrivateKeyCiphertextBlob?.length ?? Infinity) <= 6144)

    const opened = await kms.decrypt({ CiphertextBlob: PrivateKeyCiphertextBlob, EncryptionContext })
    assert.deepEqual(opened.Plaintext, PrivateKeyPlaintext)
    assert.equal(opened.KeyMaterialId, KeyMaterialId)
    for (const wrong of [undefined, {}, { purpose: 'Pairs' }]) {
      await assertRefused(
        kms.decrypt({ CiphertextBlob: PrivateKeyCiphertextBlob, EncryptionContext: wrong }),
        'InvalidCiphertextException',
        '',
      )
    }
  })

  test(`${KeyPairSpec}: GenerateDataKeyPairWithoutPlaintext gives the private key sealed only`, async () => {
    const made = await kms.generateDataKeyPairWithoutPlaintext({ KeyId: key.arn, KeyPairSpec })
    const { PrivateKeyCiphertextBlob, PublicKey, KeyMaterialId, $metadata: _, ...rest } = made
    assert.deepEqual(rest, { KeyId: key.arn, KeyPairSpec })
    assert.match(KeyMaterialId ?? '', /^[0-9a-f]{64}$/)
    const opened = await kms.decrypt({ CiphertextBlob: PrivateKeyCiphertextBlob })
    assert.ok(createPublicKey(pkcs8(opened.Plaintext)).equals(spki(PublicKey)))
  })
}

test('no pair is given twice, however many are asked for at once', async () => {
  const KeyId = key.id
  const made = await Promise.all([
    ...Array.from({ length: 12 }, () => kms.generateDataKeyPair({ KeyId, KeyPairSpec: 'RSA_2048' })),
    ...Array.from({ length: 12 }, () =>
      kms.generateDataKeyPairWithoutPlaintext({ KeyId, KeyPairSpec: 'RSA_2048' }),
    ),
    ...Array.from({ length: 12 }, () => kms.generateDataKeyPair({ KeyId, KeyPairSpec: 'ECC_NIST_P256' })),
  ])
  const publicKeys = made.map(({ PublicKey }) => Buffer.from(PublicKey ?? []).toString('hex'))
  assert.equal(new Set(publicKeys).size, made.length)
})

test('a sealed private key moves to another symmetric key, and is too long for RSA', async () => {
  const { PrivateKeyCiphertextBlob, PrivateKeyPlaintext } = await kms.generateDataKeyPair({
    KeyId: key.id,
    KeyPairSpec: 'RSA_4096',
    EncryptionContext,
  })
  const source = { CiphertextBlob: PrivateKeyCiphertextBlob, SourceEncryptionContext: EncryptionContext }
  const other = await newKey(kms)
  const moved = await kms.reEncrypt({ ...source, DestinationKeyId: other.id })
  assert.deepEqual(
    (await kms.decrypt({ CiphertextBlob: moved.CiphertextBlob })).Plaintext,
    PrivateKeyPlaintext,
  )
  const rsa = await newKey(kms, { KeySpec: 'RSA_2048', KeyUsage: 'ENCRYPT_DECRYPT' })
  await assertRefused(
    kms.reEncrypt({
      ...source,
      DestinationKeyId: rsa.id,
      DestinationEncryptionAlgorithm: 'RSAES_OAEP_SHA_256',
    }),
    'ValidationException',
    'Algorithm RSAES_OAEP_SHA_256 and key spec RSA_2048 cannot encrypt data larger than 190 bytes.',
  )
})

test('pairs are sealed under symmetric encryption keys only', async () => {
  for (const other of await keysOf(kms, typesAround('GENERATE_VERIFY_MAC'))) {
    const request = { KeyId: other.id, KeyPairSpec: 'ECC_NIST_P256' } as const
    const calls = {
      GenerateDataKeyPair: () => kms.generateDataKeyPair(request),
      GenerateDataKeyPairWithoutPlaintext: () => kms.generateDataKeyPairWithoutPlaintext(request),
      GenerateDataKey: () => kms.generateDataKey({ KeyId: other.id, KeySpec: 'AES_256' }),
      GenerateDataKeyWithoutPlaintext: () =>
        kms.generateDataKeyWithoutPlaintext({ KeyId: other.id, KeySpec: 'AES_256' }),
    }
    for (const [operation, call] of Object.entries(calls)) {
      const use = { operation, KeyUsage: 'ENCRYPT_DECRYPT', algorithm: 'SYMMETRIC_DEFAULT' } as const
      const text = misuse(other, use)
      if (text === undefined) await call()
      else await assertRefused(call(), 'InvalidKeyUsageException', text)
    }
  }
})

test('a spec that makes no pairs is no value of KeyPairSpec', async () => {
  for (const spec of ['ML_DSA_44', 'SYMMETRIC_DEFAULT', 'HMAC_256', 'SM2', 'RSA_1024']) {
    await assertRefused(
      kms.generateDataKeyPair({ KeyId: key.id, KeyPairSpec: spec as 'RSA_2048' }),
      'ValidationException',
      `1 validation error detected: Value '${spec}' at 'keyPairSpec' failed to satisfy constraint: ` +
        `Member must satisfy enum value set: [${specs.join(', ')}]`,
    )
  }
  await assertRefused(
    kms.generateDataKeyPair({ KeyId: key.id, KeyPairSpec: undefined }),
    'ValidationException',
    "1 validation error detected: Value null at 'keyPairSpec' failed to satisfy constraint: Member must not be null",
  )
})

function pkcs8(bytes: Uint8Array | undefined): KeyObject {
  return createPrivateKey({ key: Buffer.from(bytes ?? []), format: 'der', type: 'pkcs8' })
}

function spki(bytes: Uint8Array | undefined): KeyObject {
  return createPublicKey({ key: Buffer.from(bytes ?? []), format: 'der', type: 'spki' })
}
