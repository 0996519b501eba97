import assert from 'node:assert/strict'
import { createPublicKey } from 'node:crypto'
import { after, test } from 'node:test'
import { KeySpec } from '@aws-sdk/client-kms'
import { keysOf, keyTypes, type KeyType, type TypedKey } from '../key-types.ts'
import { kmsClient, newKey } from '../kms-client.ts'
import { assertRefused } from '../refusal.ts'
import { startServer } from '../server-process.ts'
import { send } from '../signed-request.ts'

const server = await startServer()
const kms = kmsClient(server)
after(() => server.stop())
const keys = await keysOf(kms)

const algorithmMembers = {
  ENCRYPT_DECRYPT: 'EncryptionAlgorithms',
  SIGN_VERIFY: 'SigningAlgorithms',
  GENERATE_VERIFY_MAC: 'MacAlgorithms',
  KEY_AGREEMENT: 'KeyAgreementAlgorithms',
  ENCAPSULATE_DECAPSULATE: 'EncapsulationAlgorithms',
} as const
// The deprecated name has no word for the specs of 2025 and 2026.
const hasDeprecatedName = ({ KeySpec: spec }: KeyType) => !/^ML_|EDWARDS/.test(spec)
const isAsymmetric = ({ KeySpec: spec }: KeyType) => !/^SYMMETRIC|^HMAC/.test(spec)

/** By node:crypto's names: what a public key is, and how many bytes its SubjectPublicKeyInfo has. */
const publicKeys: Partial<Record<KeySpec, { type: string; details: object; bytes: number }>> = {
  RSA_2048: { type: 'rsa', details: { modulusLength: 2048, publicExponent: 65537n }, bytes: 294 },
  RSA_3072: { type: 'rsa', details: { modulusLength: 3072, publicExponent: 65537n }, bytes: 422 },
  RSA_4096: { type: 'rsa', details: { modulusLength: 4096, publicExponent: 65537n }, bytes: 550 },
  ECC_NIST_P256: { type: 'ec', details: { namedCurve: 'prime256v1' }, bytes: 91 },
  ECC_NIST_P384: { type: 'ec', details: { namedCurve: 'secp384r1' }, bytes: 120 },
  ECC_NIST_P521: { type: 'ec', details: { namedCurve: 'secp521r1' }, bytes: 158 },
  ECC_SECG_P256K1: { type: 'ec', details: { namedCurve: 'secp256k1' }, bytes: 88 },
  ECC_NIST_EDWARDS25519: { type: 'ed25519', details: {}, bytes: 12 + 32 },
  ML_DSA_44: { type: 'ml-dsa-44', details: {}, bytes: 22 + 1312 },
  ML_DSA_65: { type: 'ml-dsa-65', details: {}, bytes: 22 + 1952 },
  ML_DSA_87: { type: 'ml-dsa-87', details: {}, bytes: 22 + 2592 },
  ML_KEM_512: { type: 'ml-kem-512', details: {}, bytes: 22 + 800 },
  ML_KEM_768: { type: 'ml-kem-768', details: {}, bytes: 22 + 1184 },
  ML_KEM_1024: { type: 'ml-kem-1024', details: {}, bytes: 22 + 1568 },
}

test('there is a key of every spec that AWS has outside China', () => {
  const specs = [...new Set(keys.map((key) => key.KeySpec))]
  const known = Object.values(KeySpec).filter((spec) => spec !== 'SM2')
  assert.deepEqual(specs.toSorted(), known.toSorted())
})

test('a key of every spec and usage is described with the algorithms of that usage, under both names of its spec', async () => {
  for (const key of keys) {
    const { KeyMetadata } = await kms.describeKey({ KeyId: key.id })
    const { Arn, CreationDate, CurrentKeyMaterialId, ...rest } = KeyMetadata ?? {}
    assert.equal(Arn, key.arn)
    assert.ok(CreationDate instanceof Date)
    // Only the material of these can be another one day.
    assert.equal(CurrentKeyMaterialId !== undefined, key.KeySpec === 'SYMMETRIC_DEFAULT', key.KeySpec)
    assert.deepEqual(rest, {
      AWSAccountId: '000000000000',
      KeyId: key.id,
      Enabled: true,
      Description: '',
      KeyUsage: key.KeyUsage,
      KeyState: 'Enabled',
      Origin: 'AWS_KMS',
      KeyManager: 'CUSTOMER',
      ...(hasDeprecatedName(key) && { CustomerMasterKeySpec: key.KeySpec }),
      KeySpec: key.KeySpec,
      [algorithmMembers[key.KeyUsage]]: key.algorithms,
      MultiRegion: false,
    })
  }
})

test('every spec has the usages that AWS gives it and no other, and none but the symmetric one has a usage of its own accord', async () => {
  const usages = Object.keys(algorithmMembers) as (keyof typeof algorithmMembers)[]
  for (const spec of new Set(keyTypes.map((type) => type.KeySpec))) {
    for (const KeyUsage of usages) {
      if (keyTypes.some((type) => type.KeySpec === spec && type.KeyUsage === KeyUsage)) continue
      await assertRefused(
        kms.createKey({ KeySpec: spec, KeyUsage }),
        'ValidationException',
        `KeyUsage ${KeyUsage} is not compatible with KeySpec ${spec}`,
      )
    }
    if (spec === 'SYMMETRIC_DEFAULT') continue
    await assertRefused(
      kms.createKey({ KeySpec: spec }),
      'ValidationException',
      'You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.',
    )
  }
})

test('the deprecated name of a spec makes the same key, and the specs that it has no word for are no values of it', async () => {
  const { id } = await newKey(kms, { CustomerMasterKeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' })
  const { KeyMetadata } = await kms.describeKey({ KeyId: id })
  assert.equal(KeyMetadata?.KeySpec, 'ECC_NIST_P256')
  assert.equal(KeyMetadata.CustomerMasterKeySpec, 'ECC_NIST_P256')
  for (const spec of ['ML_DSA_44', 'ML_KEM_512', 'ECC_NIST_EDWARDS25519']) {
    await assertRefused(
      kms.createKey({ CustomerMasterKeySpec: spec as 'RSA_2048', KeyUsage: 'SIGN_VERIFY' }),
      'ValidationException',
      /^1 validation error detected: Value '[A-Z0-9_]+' at 'customerMasterKeySpec' failed to satisfy constraint: Member must satisfy enum value set: \[[A-Z0-9_, ]+\]$/,
    )
  }
  await assertRefused(
    kms.createKey({
      KeySpec: 'ECC_NIST_P256',
      CustomerMasterKeySpec: 'ECC_NIST_P256',
      KeyUsage: 'SIGN_VERIFY',
    }),
    'ValidationException',
    'You cannot specify KeySpec and CustomerMasterKeySpec in the same request. CustomerMasterKeySpec is deprecated.',
  )
  // Outside China Regions nobody hears of it.
  for (const member of ['KeySpec', 'CustomerMasterKeySpec']) {
    const answer = await send(server, {
      operation: 'CreateKey',
      body: { [member]: 'SM2', KeyUsage: 'SIGN_VERIFY' },
    })
    assert.equal(answer.error, 'ValidationException')
    assert.match(answer.message, /Value 'SM2' at '[a-zA-Z]+' .* enum value set: \[[A-Z0-9_, ]+\]$/)
    assert.ok(!answer.message.split('enum value set')[1]?.includes('SM2'))
  }
})

test('GetPublicKey gives the public half of every key pair as SubjectPublicKeyInfo, and what it is for', async () => {
  for (const key of keys.filter(isAsymmetric)) {
    const { PublicKey, $metadata: _, ...rest } = await kms.getPublicKey({ KeyId: key.id })
    assert.deepEqual(rest, {
      KeyId: key.arn,
      ...(hasDeprecatedName(key) && { CustomerMasterKeySpec: key.KeySpec }),
      KeySpec: key.KeySpec,
      KeyUsage: key.KeyUsage,
      [algorithmMembers[key.KeyUsage]]: key.algorithms,
    })
    const expected = publicKeys[key.KeySpec]
    const bytes = Buffer.from(PublicKey ?? [])
    assert.equal(bytes.length, expected?.bytes, key.KeySpec)
    const publicKey = createPublicKey({ key: bytes, format: 'der', type: 'spki' })
    assert.equal(publicKey.asymmetricKeyType, expected?.type)
    assert.deepEqual({ ...publicKey.asymmetricKeyDetails }, expected?.details)
    assert.deepEqual(publicKey.export({ type: 'spki', format: 'der' }), bytes)
  }
})

test('the public key stays the same, and no two keys have the same one', async () => {
  const seen = new Map<string, TypedKey>()
  for (const key of keys.filter(isAsymmetric)) {
    const once = await publicKeyOf(key.id)
    assert.equal(await publicKeyOf(key.arn), once)
    assert.equal(seen.get(once), undefined, key.KeySpec)
    seen.set(once, key)
  }
})

test('a key without a public half is refused by GetPublicKey', async () => {
  for (const key of keys.filter((one) => !isAsymmetric(one))) {
    await assertRefused(
      kms.getPublicKey({ KeyId: key.id }),
      'UnsupportedOperationException',
      `${key.arn} key spec is ${key.KeySpec} which is not valid for this operation.`,
    )
  }
})

test('GetPublicKey takes every form of an identifier, and says of an ARN that is no key’s that it is none', async () => {
  const { id, arn } = await newKey(kms, { KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' })
  await kms.createAlias({ AliasName: 'alias/public', TargetKeyId: id })
  const publicKey = await publicKeyOf(id)
  for (const KeyId of [arn, 'alias/public', arn.replace(`key/${id}`, 'alias/public')]) {
    assert.equal(await publicKeyOf(KeyId), publicKey)
  }
  await assertRefused(
    kms.getPublicKey({ KeyId: 'arn:aws:s3:::bucket' }),
    'InvalidArnException',
    /arn:aws:s3:::bucket/,
  )
  await assertRefused(kms.getPublicKey({ KeyId: 'no-key' }), 'NotFoundException', "Invalid keyId 'no-key'")
})

test('rotation is off for every kind of key', async () => {
  for (const key of keys) {
    const { KeyRotationEnabled } = await kms.getKeyRotationStatus({ KeyId: key.id })
    assert.equal(KeyRotationEnabled, false, key.KeySpec)
  }
})

test('an alias moves between keys of one type and usage, whatever their specs, and to no other key', async () => {
  const AliasName = 'alias/moving'
  const some = /^(SYMMETRIC|RSA_[23]|ECC_NIST_P256|ML_(DSA|KEM)_[45]|HMAC_(256|512))/
  const chosen = keys.filter((key) => some.test(key.KeySpec))
  const typeOf = ({ KeySpec: spec }: KeyType) => (/^HMAC|^SYMMETRIC/.exec(spec) ?? ['asymmetric'])[0]
  for (const from of chosen) {
    await kms.createAlias({ AliasName, TargetKeyId: from.id })
    for (const to of chosen) {
      const moved = kms.updateAlias({ AliasName, TargetKeyId: to.id })
      if (typeOf(from) === typeOf(to) && from.KeyUsage === to.KeyUsage) await moved
      else {
        await assertRefused(
          moved,
          'ValidationException',
          'The current and new KMS key must be of the same type and key usage.',
        )
      }
    }
    await kms.deleteAlias({ AliasName })
  }
})

async function publicKeyOf(KeyId: string): Promise<string> {
  return Buffer.from((await kms.getPublicKey({ KeyId })).PublicKey ?? []).toString('hex')
}
