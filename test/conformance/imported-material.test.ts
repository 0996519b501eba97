import assert from 'node:assert/strict'
import { createHmac, createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto'
import { after, describe, test } from 'node:test'
import type { AlgorithmSpec, KeySpec, KeyUsageType, WrappingKeySpec } from '@aws-sdk/client-kms'
import { journalOf } from '../journal-of.ts'
import { kmsClient, newKey } from '../kms-client.ts'
import { assertRefused } from '../refusal.ts'
import { startServer } from '../server-process.ts'
import { wrapMaterial, wrappingAlgorithms, wrappingKeySpecs } from '../wrap-material.ts'

const server = await startServer()
const kms = kmsClient(server)
after(() => server.stop())

const pkcs8 = { type: 'pkcs8', format: 'der' } as const
const ec = (namedCurve: string) => () => generateKeyPairSync('ec', { namedCurve }).privateKey.export(pkcs8)
const rsa = (modulusLength: number) => () =>
  generateKeyPairSync('rsa', { modulusLength }).privateKey.export(pkcs8)
const secret = (length: number) => () => randomBytes(length)

/** Every key spec that takes material of one's own, with what it is for here and how its owner makes it. */
const imported = {
  SYMMETRIC_DEFAULT: ['ENCRYPT_DECRYPT', secret(32)],
  HMAC_224: ['GENERATE_VERIFY_MAC', secret(28)],
  HMAC_256: ['GENERATE_VERIFY_MAC', secret(32)],
  HMAC_384: ['GENERATE_VERIFY_MAC', secret(48)],
  HMAC_512: ['GENERATE_VERIFY_MAC', secret(64)],
  ECC_NIST_P256: ['SIGN_VERIFY', ec('prime256v1')],
  ECC_NIST_P384: ['KEY_AGREEMENT', ec('secp384r1')],
  ECC_NIST_P521: ['SIGN_VERIFY', ec('secp521r1')],
  ECC_SECG_P256K1: ['SIGN_VERIFY', ec('secp256k1')],
  ECC_NIST_EDWARDS25519: ['SIGN_VERIFY', () => generateKeyPairSync('ed25519').privateKey.export(pkcs8)],
  RSA_2048: ['ENCRYPT_DECRYPT', rsa(2048)],
  RSA_3072: ['SIGN_VERIFY', rsa(3072)],
  RSA_4096: ['SIGN_VERIFY', rsa(4096)],
} as const satisfies { [Spec in KeySpec]?: readonly [KeyUsageType, () => Buffer] }

type ImportedSpec = keyof typeof imported
const specs = Object.keys(imported) as ImportedSpec[]

/** @see AWS KMS Developer Guide, "Select a wrapping algorithm" */
function isAllowed(spec: ImportedSpec, algorithm: AlgorithmSpec, keySpec: WrappingKeySpec): boolean {
  if (algorithm.startsWith('RSA_AES')) return /^(ECC|RSA)_/.test(spec)
  if (spec.startsWith('RSA_')) return false
  return !(spec === 'ECC_NIST_P521' && keySpec === 'RSA_2048')
}

const keyFor = async (KeySpec: ImportedSpec, more: object = {}) =>
  (await newKey(kms, { KeySpec, KeyUsage: imported[KeySpec][0], Origin: 'EXTERNAL', ...more })).id

async function parameters(
  KeyId: string,
  WrappingAlgorithm: AlgorithmSpec = 'RSAES_OAEP_SHA_256',
  WrappingKeySpec: WrappingKeySpec = 'RSA_2048',
) {
  const given = await kms.getParametersForImport({ KeyId, WrappingAlgorithm, WrappingKeySpec })
  assert.ok(given.PublicKey && given.ImportToken && given.ParametersValidTo)
  return { ...given, PublicKey: given.PublicKey, ImportToken: given.ImportToken }
}

const stays = { ExpirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE' } as const

async function bring(KeyId: string, material: Uint8Array, algorithm: AlgorithmSpec = 'RSAES_OAEP_SHA_256') {
  const { ImportToken, PublicKey } = await parameters(KeyId, algorithm)
  const EncryptedKeyMaterial = wrapMaterial(PublicKey, algorithm, material)
  return kms.importKeyMaterial({ KeyId, ImportToken, EncryptedKeyMaterial, ...stays })
}

for (const spec of specs) {
  describe(spec, () => {
    const material = imported[spec][1]()
    const key = keyFor(spec)

    for (const algorithm of wrappingAlgorithms) {
      for (const keySpec of wrappingKeySpecs) {
        if (isAllowed(spec, algorithm, keySpec)) {
          test(`takes material under ${algorithm} and ${keySpec}`, async () => {
            const KeyId = await key
            const asked = Date.now()
            const given = await parameters(KeyId, algorithm, keySpec)
            const { PublicKey, ImportToken, ParametersValidTo } = given
            const wrappingKey = createPublicKey({ key: Buffer.from(PublicKey), format: 'der', type: 'spki' })
            assert.equal(wrappingKey.asymmetricKeyDetails?.modulusLength, Number(keySpec.slice(4)))
            assert.ok(ImportToken.length <= 6144)
            const hours = ((ParametersValidTo?.getTime() ?? 0) - asked) / 3_600_000
            assert.ok(hours > 23.9 && hours < 24.1, `${hours} hours`)
            const EncryptedKeyMaterial = wrapMaterial(PublicKey, algorithm, material)
            const done = await kms.importKeyMaterial({ KeyId, ImportToken, EncryptedKeyMaterial, ...stays })
            assert.equal(done.KeyId, given.KeyId)
            const { KeyMetadata } = await kms.describeKey({ KeyId })
            assert.equal(KeyMetadata?.KeyState, 'Enabled')
            assert.equal(KeyMetadata?.CurrentKeyMaterialId, done.KeyMaterialId)
          })
        } else {
          test(`does not take material under ${algorithm} and ${keySpec}`, async () => {
            await assertRefused(
              parameters(await key, algorithm, keySpec),
              'UnsupportedOperationException',
              `WrappingAlgorithm ${algorithm} with WrappingKeySpec ${keySpec} is not supported for key material of KeySpec ${spec}.`,
            )
          })
        }
      }
    }

    test('the key works with the very material', async () => {
      await requireSameMaterial(spec, await key, material)
    })

    test('other material of the same kind is refused from then on', async () => {
      const algorithm = spec.startsWith('RSA_') ? 'RSA_AES_KEY_WRAP_SHA_256' : 'RSAES_OAEP_SHA_256'
      const other = imported[spec][1]()
      // An ECC_NIST_P521 key does not fit under the wrapping key that `bring` asks for.
      const bringing = bring(
        await key,
        other,
        spec === 'ECC_NIST_P521' ? 'RSA_AES_KEY_WRAP_SHA_1' : algorithm,
      )
      await assertRefused(bringing, 'IncorrectKeyMaterialException', /./)
    })
  })
}

async function requireSameMaterial(spec: ImportedSpec, KeyId: string, material: Buffer): Promise<void> {
  if (spec === 'SYMMETRIC_DEFAULT') {
    const { CiphertextBlob } = await kms.encrypt({ KeyId, Plaintext: Buffer.from('kept') })
    await kms.deleteImportedKeyMaterial({ KeyId })
    await bring(KeyId, material)
    const { Plaintext } = await kms.decrypt({ CiphertextBlob })
    assert.equal(Buffer.from(Plaintext ?? []).toString(), 'kept')
    return
  }
  if (spec.startsWith('HMAC_')) {
    const bits = spec.slice('HMAC_'.length)
    const Message = Buffer.from('a message')
    const { Mac } = await kms.generateMac({
      KeyId,
      Message,
      MacAlgorithm: `HMAC_SHA_${bits}` as 'HMAC_SHA_256',
    })
    const expected = createHmac(`sha${bits}`, material).update(Message).digest()
    assert.deepEqual(Buffer.from(Mac ?? []), expected)
    return
  }
  const { PublicKey } = await kms.getPublicKey({ KeyId })
  const own = createPublicKey(createPrivateKey({ key: material, ...pkcs8 }))
  assert.deepEqual(Buffer.from(PublicKey ?? []), own.export({ type: 'spki', format: 'der' }))
  await kms.deleteImportedKeyMaterial({ KeyId })
  assert.deepEqual((await kms.getPublicKey({ KeyId })).PublicKey, PublicKey, 'the public key is not gone')
}

test('material of the wrong length or kind is refused', async () => {
  const cases: readonly [ImportedSpec, Buffer, string][] = [
    ...[0, 16, 31, 33, 64].map((length): [ImportedSpec, Buffer, string] => [
      'SYMMETRIC_DEFAULT',
      randomBytes(length),
      `${length} bytes`,
    ]),
    ['SYMMETRIC_DEFAULT', Buffer.from(randomBytes(32).toString('hex')), 'hexadecimal digits'],
    ['HMAC_224', randomBytes(32), 'those of HMAC_256'],
    ['HMAC_512', randomBytes(63), 'a byte less'],
    ['ECC_NIST_P256', ec('secp256k1')(), 'a key on another curve of the length'],
    ['ECC_NIST_P256', ec('secp384r1')(), 'a key on a longer curve'],
    ['ECC_NIST_P256', randomBytes(32), 'a private number alone'],
    ['ECC_SECG_P256K1', ec('prime256v1')(), 'a key on another curve'],
    ['ECC_NIST_EDWARDS25519', generateKeyPairSync('x25519').privateKey.export(pkcs8), 'a key for agreement'],
  ]
  const keys = new Map<ImportedSpec, string>()
  for (const [spec, material, what] of cases) {
    const KeyId = keys.get(spec) ?? (await keyFor(spec))
    keys.set(spec, KeyId)
    const bringing = bring(KeyId, material)
    await assertRefused(bringing, 'IncorrectKeyMaterialException', /./).catch((cause: unknown) => {
      throw new Error(`${spec}: ${what}`, { cause })
    })
    assert.equal((await kms.describeKey({ KeyId })).KeyMetadata?.KeyState, 'PendingImport')
  }
})

test('an RSA key of another length, or one in PKCS #1, is refused', async () => {
  const KeyId = await keyFor('RSA_2048')
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  for (const material of [rsa(3072)(), privateKey.export({ type: 'pkcs1', format: 'der' })]) {
    await assertRefused(
      bring(KeyId, material, 'RSA_AES_KEY_WRAP_SHA_256'),
      'IncorrectKeyMaterialException',
      /./,
    )
  }
})

test('ML-DSA and ML-KEM keys have no imported material', async () => {
  for (const [KeySpec, KeyUsage] of [
    ['ML_DSA_44', 'SIGN_VERIFY'],
    ['ML_DSA_65', 'SIGN_VERIFY'],
    ['ML_DSA_87', 'SIGN_VERIFY'],
    ['ML_KEM_512', 'ENCAPSULATE_DECAPSULATE'],
    ['ML_KEM_768', 'ENCAPSULATE_DECAPSULATE'],
    ['ML_KEM_1024', 'ENCAPSULATE_DECAPSULATE'],
  ] as const) {
    await assertRefused(
      kms.createKey({ KeySpec, KeyUsage, Origin: 'EXTERNAL' }),
      'UnsupportedOperationException',
      `Origin EXTERNAL is not supported with KeySpec ${KeySpec}.`,
    )
  }
})

test('what AWS no longer takes, and what only China Regions have, is refused', async () => {
  const KeyId = await keyFor('SYMMETRIC_DEFAULT')
  await assertRefused(
    kms.getParametersForImport({ KeyId, WrappingAlgorithm: 'RSAES_PKCS1_V1_5', WrappingKeySpec: 'RSA_2048' }),
    'UnsupportedOperationException',
    'WrappingAlgorithm RSAES_PKCS1_V1_5 is not supported.',
  )
  await assertRefused(
    kms.getParametersForImport({ KeyId, WrappingAlgorithm: 'SM2PKE', WrappingKeySpec: 'SM2' }),
    'ValidationException',
    /^2 validation errors detected: Value 'SM2PKE' at 'wrappingAlgorithm' .*; Value 'SM2' at 'wrappingKeySpec' /,
  )
})

test('in China Regions SM2 wrapping is refused by name, and RSA_AES_KEY_WRAP as AWS refuses it there', async () => {
  const region = 'cn-north-1'
  const own = await startServer({ args: ['--regions', region] })
  try {
    const there = kmsClient(own, { region })
    const { id: KeyId } = await newKey(there, { Origin: 'EXTERNAL' })
    const get = (WrappingAlgorithm: AlgorithmSpec, WrappingKeySpec: WrappingKeySpec) =>
      there.getParametersForImport({ KeyId, WrappingAlgorithm, WrappingKeySpec })
    for (const [algorithm, keySpec, named] of [
      ['SM2PKE', 'SM2', 'WrappingAlgorithm SM2PKE'],
      ['RSAES_OAEP_SHA_256', 'SM2', 'WrappingKeySpec SM2'],
      ['RSA_AES_KEY_WRAP_SHA_256', 'RSA_2048', 'WrappingAlgorithm RSA_AES_KEY_WRAP_SHA_256'],
    ] as const) {
      await assertRefused(
        get(algorithm, keySpec),
        'UnsupportedOperationException',
        `${named} is not supported.`,
      )
    }
    const { id } = await newKey(there, { KeySpec: 'SM2', KeyUsage: 'SIGN_VERIFY', Origin: 'EXTERNAL' })
    const { PublicKey, ImportToken } = await there.getParametersForImport({
      KeyId: id,
      WrappingAlgorithm: 'RSAES_OAEP_SHA_256',
      WrappingKeySpec: 'RSA_2048',
    })
    const EncryptedKeyMaterial = wrapMaterial(PublicKey ?? Buffer.of(), 'RSAES_OAEP_SHA_256', ec('SM2')())
    await there.importKeyMaterial({ KeyId: id, ImportToken, EncryptedKeyMaterial, ...stays })
    await there.sign({ KeyId: id, Message: Buffer.from('m'), SigningAlgorithm: 'SM2DSA' })
  } finally {
    await own.stop()
  }
})

test('a key with material that was made here takes none', async () => {
  const { id: KeyId, arn } = await newKey(kms)
  const text = `${arn} origin is AWS_KMS which is not valid for this operation.`
  const unsupported = 'UnsupportedOperationException'
  await assertRefused(parameters(KeyId), unsupported, text)
  const blob = randomBytes(256)
  await assertRefused(
    kms.importKeyMaterial({ KeyId, ImportToken: blob, EncryptedKeyMaterial: blob, ...stays }),
    unsupported,
    text,
  )
  await assertRefused(kms.deleteImportedKeyMaterial({ KeyId }), unsupported, text)
  await kms.scheduleKeyDeletion({ KeyId })
  await assertRefused(parameters(KeyId), unsupported, text)
})

test('automatic rotation is not for imported material', async () => {
  const { id: KeyId, arn } = await newKey(kms, { Origin: 'EXTERNAL' })
  const text = `${arn} origin is EXTERNAL which is not valid for this operation.`
  await assertRefused(kms.enableKeyRotation({ KeyId }), 'UnsupportedOperationException', text)
})

test("the expiry that is asked for is held to AWS's rules before anything else of the key", async () => {
  const blob = randomBytes(64)
  const nowhere = '00000000-0000-4000-8000-000000000000'
  const asking = (more: object) =>
    kms.importKeyMaterial({ KeyId: nowhere, ImportToken: blob, EncryptedKeyMaterial: blob, ...more })
  const inDays = (days: number) => new Date(Date.now() + days * 86_400_000)
  const invalid = 'ValidationException'
  const needed = 'A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES'
  await assertRefused(asking({}), invalid, needed)
  await assertRefused(asking({ ExpirationModel: 'KEY_MATERIAL_EXPIRES' }), invalid, needed)
  await assertRefused(asking({ ...stays, ValidTo: inDays(1) }), invalid, /must not be set/)
  await assertRefused(asking({ ValidTo: inDays(-1) }), invalid, /must be in the future/)
  await assertRefused(asking({ ValidTo: inDays(365.1) }), invalid, /within 365 days/)
  await assertRefused(asking({ ValidTo: inDays(365) }), 'NotFoundException', /does not exist$/)
  await assertRefused(
    asking({ ...stays, ImportType: 'NEW_KEY_MATERIAL', KeyMaterialId: 'a'.repeat(64) }),
    invalid,
    /KeyMaterialId/,
  )
  await assertRefused(
    asking({ ...stays, KeyMaterialDescription: 'semi;colon' }),
    invalid,
    /keyMaterialDescription/,
  )
  await assertRefused(asking({ ...stays, KeyMaterialId: 'A'.repeat(64) }), invalid, /keyMaterialId/)
})

test('asymmetric and HMAC keys take one material, so nothing that tells several apart', async () => {
  for (const spec of ['ECC_NIST_P256', 'HMAC_256'] as const) {
    const KeyId = await keyFor(spec)
    const material = imported[spec][1]()
    const { ImportToken, PublicKey } = await parameters(KeyId)
    const EncryptedKeyMaterial = wrapMaterial(PublicKey, 'RSAES_OAEP_SHA_256', material)
    const asked = { KeyId, ImportToken, EncryptedKeyMaterial, ...stays }
    for (const more of [
      { ImportType: 'NEW_KEY_MATERIAL' },
      { ImportType: 'EXISTING_KEY_MATERIAL' },
      { KeyMaterialDescription: 'a description' },
      { KeyMaterialId: 'a'.repeat(64) },
    ] as const) {
      await assertRefused(
        kms.importKeyMaterial({ ...asked, ...more }),
        'UnsupportedOperationException',
        new RegExp(`^${Object.keys(more)[0]} is not supported for arn:`),
      )
    }
    assert.equal((await kms.importKeyMaterial(asked)).KeyMaterialId, undefined)
    assert.equal((await kms.deleteImportedKeyMaterial({ KeyId })).KeyId?.endsWith(KeyId), true)
    await kms.importKeyMaterial(asked)
  }
})

test('a token of another key, Region or deployment is refused, and what was wrapped under another key', async () => {
  const [KeyId, other] = [await keyFor('SYMMETRIC_DEFAULT'), await keyFor('SYMMETRIC_DEFAULT')]
  const [mine, others] = [await parameters(KeyId), await parameters(other)]
  const wrapped = (publicKey: Uint8Array) => wrapMaterial(publicKey, 'RSAES_OAEP_SHA_256', randomBytes(32))
  const asking = (ImportToken: Uint8Array, EncryptedKeyMaterial: Uint8Array) =>
    kms.importKeyMaterial({ KeyId, ImportToken, EncryptedKeyMaterial, ...stays })
  await assertRefused(
    asking(others.ImportToken, wrapped(others.PublicKey)),
    'InvalidImportTokenException',
    /./,
  )
  await assertRefused(asking(mine.ImportToken, wrapped(others.PublicKey)), 'InvalidCiphertextException', '')
  await assertRefused(
    asking(mine.ImportToken, wrapMaterial(mine.PublicKey, 'RSAES_OAEP_SHA_1', randomBytes(32))),
    'InvalidCiphertextException',
    '',
  )
  await asking(mine.ImportToken, wrapped(mine.PublicKey))
})

test('policies can go by where material comes from', async () => {
  const account = (await kms.describeKey({ KeyId: await keyFor('HMAC_256') })).KeyMetadata?.AWSAccountId
  const allow = { Effect: 'Allow', Principal: { AWS: `arn:aws:iam::${account}:root` }, Resource: '*' }
  const Policy = JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      { ...allow, Action: ['kms:Describe*', 'kms:PutKeyPolicy'] },
      {
        ...allow,
        Action: 'kms:GetParametersForImport',
        Condition: { StringEquals: { 'kms:KeyOrigin': 'EXTERNAL' } },
      },
    ],
  })
  const own = await newKey(kms, { Policy, Origin: 'EXTERNAL' })
  await parameters(own.id)
})

test('the journal has who imported and deleted what, neither token nor material', async () => {
  const own = await startServer()
  try {
    const client = kmsClient(own)
    const { id: KeyId, arn } = await newKey(client, { Origin: 'EXTERNAL' })
    const material = randomBytes(32)
    const { ImportToken, PublicKey } = await client.getParametersForImport({
      KeyId,
      WrappingAlgorithm: 'RSAES_OAEP_SHA_256',
      WrappingKeySpec: 'RSA_2048',
    })
    const EncryptedKeyMaterial = wrapMaterial(PublicKey ?? Buffer.of(), 'RSAES_OAEP_SHA_256', material)
    const ValidTo = new Date(Math.floor(Date.now() / 1000) * 1000 + 86_400_000)
    const { KeyMaterialId } = await client.importKeyMaterial({
      KeyId,
      ImportToken,
      EncryptedKeyMaterial,
      ValidTo,
      KeyMaterialDescription: 'of the safe',
    })
    await client.deleteImportedKeyMaterial({ KeyId, KeyMaterialId })
    await own.stop()
    const { records } = await journalOf(own)
    const recordOf = (name: string) => records.find(({ eventName }) => eventName === name)
    const answer = { keyId: arn, keyMaterialId: KeyMaterialId }
    const parametersAsked = { wrappingAlgorithm: 'RSAES_OAEP_SHA_256', wrappingKeySpec: 'RSA_2048' }
    assert.deepEqual(recordOf('GetParametersForImport')?.requestParameters, {
      keyId: KeyId,
      ...parametersAsked,
    })
    assert.equal(recordOf('GetParametersForImport')?.readOnly, true)
    assert.deepEqual(recordOf('ImportKeyMaterial')?.requestParameters, {
      keyId: KeyId,
      validTo: ValidTo.toISOString(),
      keyMaterialDescription: 'of the safe',
    })
    assert.deepEqual(recordOf('ImportKeyMaterial')?.responseElements, answer)
    assert.deepEqual(recordOf('DeleteImportedKeyMaterial')?.responseElements, answer)
    assert.equal(recordOf('DeleteImportedKeyMaterial')?.readOnly, false)
  } finally {
    await own.stop()
  }
})

test('imported material outlives a restart', async () => {
  const own = await startServer()
  let KeyId = ''
  let sealed: Uint8Array | undefined
  try {
    const client = kmsClient(own)
    KeyId = (await newKey(client, { Origin: 'EXTERNAL' })).id
    const { ImportToken, PublicKey } = await client.getParametersForImport({
      KeyId,
      WrappingAlgorithm: 'RSAES_OAEP_SHA_256',
      WrappingKeySpec: 'RSA_2048',
    })
    const EncryptedKeyMaterial = wrapMaterial(PublicKey ?? Buffer.of(), 'RSAES_OAEP_SHA_256', randomBytes(32))
    await own.kill()
    // The token needs nothing that was lost.
    const again = await startServer({ dataDir: own.dataDir })
    const second = kmsClient(again)
    await second.importKeyMaterial({ KeyId, ImportToken, EncryptedKeyMaterial, ...stays })
    sealed = (await second.encrypt({ KeyId, Plaintext: Buffer.from('kept') })).CiphertextBlob
    await again.kill()
    const last = await startServer({ dataDir: own.dataDir })
    const { Plaintext } = await kmsClient(last).decrypt({ CiphertextBlob: sealed })
    assert.equal(Buffer.from(Plaintext ?? []).toString(), 'kept')
    await last.stop()
  } finally {
    await own.stop()
  }
})
