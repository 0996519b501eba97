import assert from 'node:assert/strict'
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  createSign,
  createVerify,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto'
import { after, test } from 'node:test'
import type { CreateKeyCommandInput, SignCommandInput } from '@aws-sdk/client-kms'
import { kmsClient, newKey } from '../kms-client.ts'
import { assertRefused } from '../refusal.ts'
import { startServer } from '../server-process.ts'

const server = await startServer({ env: { KEYWRIGHT_REGIONS: 'cn-north-1,us-east-1' } })
after(() => server.stop())
const kms = kmsClient(server, { region: 'cn-north-1' })
const elsewhere = kmsClient(server)

const KeySpec = 'SM2'
const SigningAlgorithm = 'SM2DSA'
const Message = Buffer.from('message digest')
const signing = await newKey(kms, { KeySpec, KeyUsage: 'SIGN_VERIFY' })
const agreement = await newKey(kms, { KeySpec, KeyUsage: 'KEY_AGREEMENT' })
const spkiOf = async (KeyId: string) => Buffer.from((await kms.getPublicKey({ KeyId })).PublicKey ?? [])
const publicKeyOf = async (KeyId: string) =>
  createPublicKey({ key: await spkiOf(KeyId), format: 'der', type: 'spki' })

/** Z of GB/T 32918.2, section 5.5, for the identifier of GM/T 0009. */
function identityHash(publicKey: KeyObject): Buffer {
  const curve = [
    'fffffffeffffffffffffffffffffffffffffffff00000000fffffffffffffffc',
    '28e9fa9e9d9f5e344d5a9e4bcf6509a7f39789f515ab8f92ddbcbd414d940e93',
    '32c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7',
    'bc3736a2f4f6779c59bdcee36b692153d0a9877cc62a474002df32e52139f0a0',
  ]
  const point = publicKey.export({ type: 'spki', format: 'der' }).subarray(-64)
  const parts = [Buffer.from([0, 128]), Buffer.from('1234567812345678'), Buffer.from(curve.join(''), 'hex')]
  return createHash('sm3')
    .update(Buffer.concat([...parts, point]))
    .digest()
}

test('an SM2 key is described as AWS describes it', async () => {
  const { KeyMetadata } = await kms.describeKey({ KeyId: signing.id })
  assert.equal(KeyMetadata?.Arn, `arn:aws-cn:kms:cn-north-1:000000000000:key/${signing.id}`)
  assert.equal(KeyMetadata.KeySpec, KeySpec)
  assert.equal(KeyMetadata.CustomerMasterKeySpec, KeySpec)
  assert.deepEqual(KeyMetadata.SigningAlgorithms, [SigningAlgorithm])

  const { PublicKey, $metadata: _metadata, ...said } = await kms.getPublicKey({ KeyId: agreement.id })
  assert.deepEqual(said, {
    KeyId: agreement.arn,
    CustomerMasterKeySpec: KeySpec,
    KeySpec,
    KeyUsage: 'KEY_AGREEMENT',
    KeyAgreementAlgorithms: ['ECDH'],
  })
  // id-ecPublicKey, and sm2p256v1 of GM/T 0006: 1.2.156.10197.1.301
  const head = '3059301306072a8648ce3d020106082a811ccf5501822d03420004'
  const bytes = Buffer.from(PublicKey ?? [])
  assert.equal(bytes.subarray(0, 27).toString('hex'), head)
  assert.equal(bytes.length, 91)
})

test('the deprecated name makes an SM2 key', async () => {
  const made = await kms.createKey({ CustomerMasterKeySpec: KeySpec, KeyUsage: 'SIGN_VERIFY' })
  assert.equal(made.KeyMetadata?.KeySpec, KeySpec)
})

test('OpenSSL verifies what Sign signs, with the identifier that AWS has, and so does Verify', async () => {
  const publicKey = await publicKeyOf(signing.id)
  const z = identityHash(publicKey)
  const verifies = (signature: Uint8Array | undefined, message: Uint8Array) =>
    createVerify('sm3')
      .update(z)
      .update(message)
      .verify(publicKey, signature ?? new Uint8Array())
  for (const length of [1, 31, 32, 33, 4096]) {
    const message = Buffer.alloc(length, length)
    const answer = await kms.sign({ KeyId: signing.id, Message: message, SigningAlgorithm })
    assert.equal(answer.KeyId, signing.arn)
    assert.equal(answer.SigningAlgorithm, SigningAlgorithm)
    assert.equal(verifies(answer.Signature, message), true, `${length} bytes`)
    const verified = await kms.verify({
      KeyId: signing.id,
      Message: message,
      MessageType: 'RAW',
      SigningAlgorithm,
      Signature: answer.Signature ?? new Uint8Array(),
    })
    assert.equal(verified.SignatureValid, true)
  }
})

test('what is not this key’s signature of this message is refused', async () => {
  const { Signature = new Uint8Array() } = await kms.sign({ KeyId: signing.id, Message, SigningAlgorithm })
  const other = await newKey(kms, { KeySpec, KeyUsage: 'SIGN_VERIFY' })
  const ofOther = await kms.sign({ KeyId: other.id, Message, SigningAlgorithm })
  const changed = Buffer.from(Signature)
  changed[10] = (changed[10] as number) ^ 1
  const request = { KeyId: signing.id, Message, SigningAlgorithm, Signature } as const
  for (const wrong of [
    { Message: Buffer.from('another message') },
    { Signature: changed },
    { Signature: ofOther.Signature ?? new Uint8Array() },
    { Signature: Buffer.concat([Signature, Buffer.from([0])]) },
    { Signature: Buffer.from([0]) },
    { Signature: Buffer.alloc(6144, 0x30) },
  ]) {
    await assertRefused(kms.verify({ ...request, ...wrong }), 'KMSInvalidSignatureException', '')
  }
})

test('a digest is refused by name, for Sign and Verify, and other types of message as for every algorithm', async () => {
  const request = { KeyId: signing.id, Message: Buffer.alloc(32, 1), SigningAlgorithm } as const
  const digest = { ...request, MessageType: 'DIGEST' } as const
  const text = 'Message type DIGEST is not supported with algorithm SM2DSA.'
  await assertRefused(kms.sign(digest), 'UnsupportedOperationException', text)
  await assertRefused(
    kms.verify({ ...digest, Signature: Buffer.alloc(70, 1) }),
    'UnsupportedOperationException',
    text,
  )
  await assertRefused(
    kms.sign({ ...request, Message: Buffer.alloc(64), MessageType: 'EXTERNAL_MU' }),
    'ValidationException',
    'Message type EXTERNAL_MU is incompatible with key spec SM2.',
  )
})

test('keys for SM2PKE are refused by name, and no key has the algorithm', async () => {
  await assertRefused(
    kms.createKey({ KeySpec, KeyUsage: 'ENCRYPT_DECRYPT' }),
    'UnsupportedOperationException',
    'KeyUsage ENCRYPT_DECRYPT is not supported with KeySpec SM2.',
  )
  await assertRefused(
    kms.createKey({ KeySpec, KeyUsage: 'GENERATE_VERIFY_MAC' }),
    'ValidationException',
    'KeyUsage GENERATE_VERIFY_MAC is not compatible with KeySpec SM2',
  )
  const symmetric = await newKey(kms)
  const rsa = await newKey(kms, { KeySpec: 'RSA_2048', KeyUsage: 'ENCRYPT_DECRYPT' })
  for (const [{ id }, spec] of [
    [symmetric, 'SYMMETRIC_DEFAULT'],
    [rsa, 'RSA_2048'],
  ] as const) {
    const request = { KeyId: id, EncryptionAlgorithm: 'SM2PKE' } as const
    const text = `Algorithm SM2PKE is incompatible with key spec ${spec}.`
    await assertRefused(
      kms.encrypt({ ...request, Plaintext: Buffer.from('x') }),
      'InvalidKeyUsageException',
      text,
    )
    await assertRefused(
      kms.decrypt({ ...request, CiphertextBlob: Buffer.from('x') }),
      'InvalidKeyUsageException',
      text,
    )
  }
})

test('an SM2 key does nothing but what it is for', async () => {
  const usage = (arn: string, has: string, operation: string) =>
    `${arn} key usage is ${has} which is not valid for ${operation}.`
  const request = { KeyId: agreement.id, Message, SigningAlgorithm } as const
  await assertRefused(
    kms.sign(request),
    'InvalidKeyUsageException',
    usage(agreement.arn, 'KEY_AGREEMENT', 'Sign'),
  )
  await assertRefused(
    kms.deriveSharedSecret({
      KeyId: signing.id,
      KeyAgreementAlgorithm: 'ECDH',
      PublicKey: await spkiOf(agreement.id),
    }),
    'InvalidKeyUsageException',
    usage(signing.arn, 'SIGN_VERIFY', 'DeriveSharedSecret'),
  )
  for (const algorithm of ['ECDSA_SHA_256', 'ED25519_SHA_512', 'RSASSA_PSS_SHA_256'] as const) {
    await assertRefused(
      kms.sign({ ...request, KeyId: signing.id, SigningAlgorithm: algorithm }),
      'InvalidKeyUsageException',
      `Algorithm ${algorithm} is incompatible with key spec SM2.`,
    )
  }
  const p256 = await newKey(kms, { KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' })
  await assertRefused(
    kms.sign({ ...request, KeyId: p256.id }),
    'InvalidKeyUsageException',
    'Algorithm SM2DSA is incompatible with key spec ECC_NIST_P256.',
  )
})

test('two keys derive the same secret, and with another one a different secret', async () => {
  const [second, third] = [
    await newKey(kms, { KeySpec, KeyUsage: 'KEY_AGREEMENT' }),
    await newKey(kms, { KeySpec, KeyUsage: 'KEY_AGREEMENT' }),
  ]
  const derive = async (own: string, peer: string) => {
    const { SharedSecret, KeyOrigin } = await kms.deriveSharedSecret({
      KeyId: own,
      KeyAgreementAlgorithm: 'ECDH',
      PublicKey: await spkiOf(peer),
    })
    assert.equal(KeyOrigin, 'AWS_KMS')
    assert.equal(SharedSecret?.length, 32)
    return Buffer.from(SharedSecret).toString('hex')
  }
  const secret = await derive(agreement.id, second.id)
  assert.equal(await derive(second.id, agreement.id), secret)
  assert.notEqual(await derive(agreement.id, third.id), secret)
})

test('a public key that is not on the curve, or is none of SM2, derives nothing', async () => {
  const point = await spkiOf(agreement.id)
  const offCurve = Buffer.from(point)
  offCurve[90] = (offCurve[90] as number) ^ 1
  const p256 = generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).publicKey
  for (const PublicKey of [
    offCurve,
    Buffer.concat([point.subarray(0, 27), Buffer.alloc(64)]),
    Buffer.concat([point, Buffer.from([0])]),
    point.subarray(0, -1),
    point.subarray(26),
    p256.export({ type: 'spki', format: 'der' }),
    Buffer.from('no key'),
  ]) {
    await assertRefused(
      kms.deriveSharedSecret({ KeyId: agreement.id, KeyAgreementAlgorithm: 'ECDH', PublicKey }),
      'ValidationException',
      'PublicKey is not a valid DER-encoded public key for key spec SM2.',
    )
  }
})

test('GenerateDataKeyPair makes an SM2 pair that signs and agrees', async () => {
  const { id: KeyId } = await newKey(kms)
  const made = await kms.generateDataKeyPair({ KeyId, KeyPairSpec: KeySpec })
  const privateKey = createPrivateKey({
    key: Buffer.from(made.PrivateKeyPlaintext ?? []),
    format: 'der',
    type: 'pkcs8',
  })
  const publicKey = createPublicKey(privateKey)
  assert.deepEqual(publicKey.export({ type: 'spki', format: 'der' }), Buffer.from(made.PublicKey ?? []))
  const z = identityHash(publicKey)
  const signature = createSign('sm3').update(z).update(Message).sign(privateKey)
  assert.equal(createVerify('sm3').update(z).update(Message).verify(publicKey, signature), true)

  const { Plaintext } = await kms.decrypt({ CiphertextBlob: made.PrivateKeyCiphertextBlob })
  assert.deepEqual(Plaintext, made.PrivateKeyPlaintext)

  const sealed = await kms.generateDataKeyPairWithoutPlaintext({ KeyId, KeyPairSpec: KeySpec })
  assert.equal(sealed.KeyPairSpec, KeySpec)
  assert.equal(sealed.PublicKey?.length, 91)
})

test('outside China nothing names what only China Regions have, and SM2 is no value of anything', async () => {
  const outside =
    ', ML_DSA_44, ML_DSA_65, ML_DSA_87, ECC_NIST_EDWARDS25519, ML_KEM_512, ML_KEM_768, ML_KEM_1024'
  const until2024 =
    'RSA_2048, RSA_3072, RSA_4096, ECC_NIST_P256, ECC_NIST_P384, ECC_NIST_P521, ECC_SECG_P256K1, ' +
    'SYMMETRIC_DEFAULT, HMAC_224, HMAC_256, HMAC_384, HMAC_512'
  const refused = (member: string, values: string) =>
    `1 validation error detected: Value 'SM2' at '${member}' failed to satisfy constraint: Member must satisfy enum value set: [${values}]`
  const create = (request: CreateKeyCommandInput, text: string) =>
    assertRefused(elsewhere.createKey(request), 'ValidationException', text)
  await create({ KeySpec, KeyUsage: 'SIGN_VERIFY' }, refused('keySpec', until2024 + outside))
  await create(
    { CustomerMasterKeySpec: KeySpec, KeyUsage: 'SIGN_VERIFY' },
    refused('customerMasterKeySpec', until2024),
  )
  const { id: KeyId } = await newKey(elsewhere)
  const noValue = (value: string) =>
    new RegExp(`Value '${value}' at '\\w+' failed .*enum value set: \\[(?!.*SM2)`)
  await assertRefused(
    elsewhere.generateDataKeyPair({ KeyId, KeyPairSpec: KeySpec }),
    'ValidationException',
    noValue(KeySpec),
  )
  const sign: SignCommandInput = { KeyId, Message, SigningAlgorithm }
  await assertRefused(elsewhere.sign(sign), 'ValidationException', noValue(SigningAlgorithm))
  await assertRefused(
    elsewhere.verify({ ...sign, Signature: Buffer.from('x') }),
    'ValidationException',
    noValue(SigningAlgorithm),
  )
  await assertRefused(
    elsewhere.encrypt({ KeyId, Plaintext: Message, EncryptionAlgorithm: 'SM2PKE' }),
    'ValidationException',
    noValue('SM2PKE'),
  )
  await assertRefused(
    elsewhere.reEncrypt({
      DestinationKeyId: KeyId,
      CiphertextBlob: Message,
      SourceEncryptionAlgorithm: 'SM2PKE',
      DestinationEncryptionAlgorithm: 'SM2PKE',
    }),
    'ValidationException',
    /^2 validation errors detected: (?!.*\[[^\]]*SM2)/,
  )
})

test('in China SM2 stands among the values, and ML-KEM, which is not there, does not', async () => {
  const wrong = (request: object) => request as CreateKeyCommandInput
  await assertRefused(
    kms.createKey(wrong({ KeySpec: 'NONE', KeyUsage: 'NONE' })),
    'ValidationException',
    "2 validation errors detected: Value 'NONE' at 'keyUsage' failed to satisfy constraint: Member must satisfy enum value set: [SIGN_VERIFY, ENCRYPT_DECRYPT, GENERATE_VERIFY_MAC, KEY_AGREEMENT]; " +
      "Value 'NONE' at 'keySpec' failed to satisfy constraint: Member must satisfy enum value set: " +
      '[RSA_2048, RSA_3072, RSA_4096, ECC_NIST_P256, ECC_NIST_P384, ECC_NIST_P521, ECC_SECG_P256K1, SYMMETRIC_DEFAULT, ' +
      'HMAC_224, HMAC_256, HMAC_384, HMAC_512, SM2, ML_DSA_44, ML_DSA_65, ML_DSA_87, ECC_NIST_EDWARDS25519]',
  )
  const { id: KeyId } = await newKey(kms)
  await assertRefused(
    kms.generateDataKeyPair({ KeyId, KeyPairSpec: 'ML_KEM_768' }),
    'ValidationException',
    /enum value set: \[RSA_2048, RSA_3072, RSA_4096, ECC_NIST_P256, ECC_NIST_P384, ECC_NIST_P521, ECC_SECG_P256K1, SM2, ECC_NIST_EDWARDS25519\]$/,
  )
})
