import assert from 'node:assert/strict'
import { constants, createPublicKey, publicEncrypt, randomBytes, type KeyObject } from 'node:crypto'
import { after, test } from 'node:test'
import type { EncryptionAlgorithmSpec } from '@aws-sdk/client-kms'
import { flipped } from '../flipped.ts'
import { keysOf, misuse, typesAround, type TypedKey } from '../key-types.ts'
import { kmsClient, newKey } from '../kms-client.ts'
import { assertRefused } from '../refusal.ts'
import { startServer } from '../server-process.ts'

const server = await startServer()
const kms = kmsClient(server)
after(() => server.stop())
const keys = await keysOf(kms, typesAround('ENCRYPT_DECRYPT'))
const rsaKeys = await Promise.all(keys.filter(isRsaEncryption).map(withPublicKey))
const symmetric = await newKey(kms)

const Plaintext = Buffer.from('the plaintext')
const invalid = 'InvalidCiphertextException'
const maxBytes: Record<string, Record<string, number>> = {
  RSA_2048: { RSAES_OAEP_SHA_1: 214, RSAES_OAEP_SHA_256: 190 },
  RSA_3072: { RSAES_OAEP_SHA_1: 342, RSAES_OAEP_SHA_256: 318 },
  RSA_4096: { RSAES_OAEP_SHA_1: 470, RSAES_OAEP_SHA_256: 446 },
}

for (const { KeySpec, id, arn, publicKey, algorithms } of rsaKeys) {
  for (const algorithm of algorithms as readonly EncryptionAlgorithmSpec[]) {
    const name = `${algorithm} with ${KeySpec}`
    const max = maxBytes[KeySpec]?.[algorithm] ?? assert.fail(name)
    const decrypt = (CiphertextBlob: Uint8Array, EncryptionAlgorithm = algorithm) =>
      kms.decrypt({ KeyId: id, CiphertextBlob, EncryptionAlgorithm })

    test(`${name}: what Encrypt made, and what anybody made with the public key, Decrypt opens`, async () => {
      for (const plaintext of [Buffer.from('x'), Plaintext, randomBytes(max)]) {
        const encrypted = await kms.encrypt({
          KeyId: id,
          Plaintext: plaintext,
          EncryptionAlgorithm: algorithm,
        })
        const { CiphertextBlob = Buffer.alloc(0), $metadata: _, ...rest } = encrypted
        assert.deepEqual(rest, { KeyId: arn, EncryptionAlgorithm: algorithm })
        for (const ciphertext of [CiphertextBlob, encryptLocally(publicKey, algorithm, plaintext)]) {
          assert.equal(ciphertext.length, Number(KeySpec.slice(4)) / 8)
          const { $metadata: __, ...opened } = await decrypt(ciphertext)
          const { Plaintext: found = [], ...said } = opened
          assert.deepEqual(Buffer.from(found), plaintext)
          // No member about key material: there is one only.
          assert.deepEqual(said, { KeyId: arn, EncryptionAlgorithm: algorithm })
        }
      }
      const one = await kms.encrypt({ KeyId: id, Plaintext, EncryptionAlgorithm: algorithm })
      const two = await kms.encrypt({ KeyId: id, Plaintext, EncryptionAlgorithm: algorithm })
      assert.notDeepEqual(one.CiphertextBlob, two.CiphertextBlob)
    })

    test(`${name}: a plaintext that is longer than the key takes is refused`, async () => {
      const text = `Algorithm ${algorithm} and key spec ${KeySpec} cannot encrypt data larger than ${max} bytes.`
      for (const length of [max + 1, 4096]) {
        const tooLong = Buffer.alloc(length)
        await assertRefused(
          kms.encrypt({ KeyId: id, Plaintext: tooLong, EncryptionAlgorithm: algorithm }),
          'ValidationException',
          text,
        )
        await assertRefused(
          kms.encrypt({ KeyId: id, Plaintext: tooLong, EncryptionAlgorithm: algorithm, DryRun: true }),
          'ValidationException',
          text,
        )
        const { CiphertextBlob } = await kms.encrypt({ KeyId: symmetric.id, Plaintext: tooLong })
        await assertRefused(
          kms.reEncrypt({ CiphertextBlob, DestinationKeyId: id, DestinationEncryptionAlgorithm: algorithm }),
          'ValidationException',
          text,
        )
      }
    })

    test(`${name}: whatever is wrong with a ciphertext, Decrypt says no more than that it is invalid`, async () => {
      const good = encryptLocally(publicKey, algorithm, Plaintext)
      const otherAlgorithm = algorithm === 'RSAES_OAEP_SHA_1' ? 'RSAES_OAEP_SHA_256' : 'RSAES_OAEP_SHA_1'
      const otherKey = rsaKeys.find((key) => key.KeySpec === KeySpec && key.id !== id)
      const { CiphertextBlob: ofSymmetric = Buffer.alloc(0) } = await kms.encrypt({
        KeyId: symmetric.id,
        Plaintext,
      })
      const pkcs1 = { key: publicKey, padding: constants.RSA_PKCS1_PADDING }
      const bad: Record<string, Uint8Array> = {
        'another algorithm': encryptLocally(publicKey, otherAlgorithm, Plaintext),
        'another label': encryptLocally(publicKey, algorithm, Plaintext, Buffer.from('label')),
        'another padding': publicEncrypt(pkcs1, Plaintext),
        'no padding': publicEncrypt(
          { key: publicKey, padding: constants.RSA_NO_PADDING },
          Buffer.concat([Buffer.alloc(good.length - 1), Buffer.from([1])]),
        ),
        ...(otherKey && { 'another key': encryptLocally(otherKey.publicKey, algorithm, Plaintext) }),
        'a symmetric ciphertext': ofSymmetric,
        'a byte less': good.subarray(0, -1),
        'a byte more': Buffer.concat([good, Buffer.from([0])]),
        'a zero before it': Buffer.concat([Buffer.from([0]), good]),
        'one byte': Buffer.from([1]),
        zeros: Buffer.alloc(good.length),
        'more than the modulus': Buffer.alloc(good.length, 0xff),
        'as many bytes as there may be': Buffer.alloc(6144, 0xff),
      }
      for (let at = 0; at < good.length; at += 13) bad[`byte ${at}`] = flipped(good, at, 1 << (at % 8))
      for (const [what, ciphertext] of Object.entries(bad)) {
        await assertRefused(decrypt(ciphertext), invalid, '').catch((error: unknown) =>
          assert.fail(`${what}: ${String(error)}`),
        )
        await assertRefused(
          kms.reEncrypt({
            CiphertextBlob: ciphertext,
            SourceKeyId: id,
            SourceEncryptionAlgorithm: algorithm,
            DestinationKeyId: symmetric.id,
          }),
          invalid,
          '',
        )
      }
      await decrypt(good)
    })

    test(`${name}: ReEncrypt moves a ciphertext from it and to it, in every combination`, async () => {
      const away = await kms.reEncrypt({
        CiphertextBlob: encryptLocally(publicKey, algorithm, Plaintext),
        SourceKeyId: id,
        SourceEncryptionAlgorithm: algorithm,
        DestinationKeyId: symmetric.id,
        DestinationEncryptionContext: { a: 'b' },
      })
      const { CiphertextBlob, DestinationKeyMaterialId, $metadata: _, ...rest } = away
      assert.deepEqual(rest, {
        SourceKeyId: arn,
        KeyId: symmetric.arn,
        SourceEncryptionAlgorithm: algorithm,
        DestinationEncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
      })
      assert.match(DestinationKeyMaterialId ?? '', /^[0-9a-f]{64}$/)
      const back = await kms.reEncrypt({
        CiphertextBlob,
        SourceEncryptionContext: { a: 'b' },
        DestinationKeyId: id,
        DestinationEncryptionAlgorithm: algorithm,
      })
      const { CiphertextBlob: again = Buffer.alloc(0), SourceKeyMaterialId, $metadata: __, ...said } = back
      assert.deepEqual(said, {
        SourceKeyId: symmetric.arn,
        KeyId: arn,
        SourceEncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
        DestinationEncryptionAlgorithm: algorithm,
      })
      assert.equal(SourceKeyMaterialId, DestinationKeyMaterialId)
      assert.deepEqual(Buffer.from((await decrypt(again)).Plaintext ?? []), Plaintext)
      for (const other of rsaKeys) {
        for (const otherAlgorithm of other.algorithms as EncryptionAlgorithmSpec[]) {
          const moved = await kms.reEncrypt({
            CiphertextBlob: again,
            SourceKeyId: arn,
            SourceEncryptionAlgorithm: algorithm,
            DestinationKeyId: other.arn,
            DestinationEncryptionAlgorithm: otherAlgorithm,
          })
          assert.equal(moved.SourceKeyMaterialId, undefined)
          assert.equal(moved.DestinationKeyMaterialId, undefined)
          const opened = await kms.decrypt({
            KeyId: other.id,
            CiphertextBlob: moved.CiphertextBlob,
            EncryptionAlgorithm: otherAlgorithm,
          })
          assert.deepEqual(Buffer.from(opened.Plaintext ?? []), Plaintext)
        }
      }
    })
  }

  test(`${KeySpec}: the algorithm has to be named: the default is of symmetric keys`, async () => {
    const text = `Algorithm SYMMETRIC_DEFAULT is incompatible with key spec ${KeySpec}.`
    const ciphertext = encryptLocally(publicKey, 'RSAES_OAEP_SHA_256', Plaintext)
    for (const call of [
      () => kms.encrypt({ KeyId: id, Plaintext }),
      () => kms.decrypt({ KeyId: id, CiphertextBlob: ciphertext }),
      () => kms.reEncrypt({ SourceKeyId: id, CiphertextBlob: ciphertext, DestinationKeyId: symmetric.id }),
      () => kms.generateDataKey({ KeyId: id, KeySpec: 'AES_256' }),
    ]) {
      await assertRefused(call(), 'InvalidKeyUsageException', text)
    }
  })
}

test('a ciphertext that was made with a public key does not say whose, so its key has to be named', async () => {
  const [key] = rsaKeys
  assert.ok(key !== undefined)
  const EncryptionAlgorithm = 'RSAES_OAEP_SHA_256'
  const CiphertextBlob = encryptLocally(key.publicKey, EncryptionAlgorithm, Plaintext)
  await assertRefused(kms.decrypt({ CiphertextBlob, EncryptionAlgorithm }), invalid, '')
  await assertRefused(
    kms.reEncrypt({
      CiphertextBlob,
      SourceEncryptionAlgorithm: EncryptionAlgorithm,
      DestinationKeyId: symmetric.id,
    }),
    invalid,
    '',
  )
})

test('only a key that is not the one which a symmetric ciphertext names is an incorrect key', async () => {
  const { CiphertextBlob } = await kms.encrypt({ KeyId: symmetric.id, Plaintext })
  const other = await newKey(kms)
  await assertRefused(
    kms.decrypt({ KeyId: other.id, CiphertextBlob }),
    'IncorrectKeyException',
    'The key ID in the request does not identify a CMK that can perform this operation.',
  )
  for (const { id } of rsaKeys) {
    await assertRefused(
      kms.decrypt({ KeyId: id, CiphertextBlob, EncryptionAlgorithm: 'RSAES_OAEP_SHA_1' }),
      invalid,
      '',
    )
  }
})

test('an encryption context goes with symmetric keys only', async () => {
  const [key] = rsaKeys
  assert.ok(key !== undefined)
  const EncryptionAlgorithm = 'RSAES_OAEP_SHA_256'
  const text = `Algorithm ${EncryptionAlgorithm} does not support an encryption context.`
  const CiphertextBlob = encryptLocally(key.publicKey, EncryptionAlgorithm, Plaintext)
  const { CiphertextBlob: sealed } = await kms.encrypt({ KeyId: symmetric.id, Plaintext })
  const context = { a: 'b' }
  const from = { SourceKeyId: key.id, SourceEncryptionAlgorithm: EncryptionAlgorithm } as const
  const to = { DestinationKeyId: key.id, DestinationEncryptionAlgorithm: EncryptionAlgorithm } as const
  for (const call of [
    () => kms.encrypt({ KeyId: key.id, Plaintext, EncryptionAlgorithm, EncryptionContext: context }),
    () => kms.decrypt({ KeyId: key.id, CiphertextBlob, EncryptionAlgorithm, EncryptionContext: context }),
    () =>
      kms.reEncrypt({
        ...from,
        CiphertextBlob,
        SourceEncryptionContext: context,
        DestinationKeyId: symmetric.id,
      }),
    () => kms.reEncrypt({ ...to, CiphertextBlob: sealed, DestinationEncryptionContext: context }),
  ]) {
    await assertRefused(call(), 'ValidationException', text)
  }
  // An empty one is none.
  await kms.decrypt({ KeyId: key.id, CiphertextBlob, EncryptionAlgorithm, EncryptionContext: {} })
})

test('Encrypt, Decrypt and ReEncrypt refuse keys of another usage and algorithms of another spec', async () => {
  const CiphertextBlob = Buffer.alloc(256, 1)
  const { CiphertextBlob: sealed } = await kms.encrypt({ KeyId: symmetric.id, Plaintext })
  for (const key of keys) {
    const EncryptionAlgorithm = 'RSAES_OAEP_SHA_256'
    const calls: [operation: string, call: () => Promise<unknown>][] = [
      ['Encrypt', () => kms.encrypt({ KeyId: key.id, Plaintext, EncryptionAlgorithm })],
      ['Decrypt', () => kms.decrypt({ KeyId: key.id, CiphertextBlob, EncryptionAlgorithm })],
      [
        'ReEncrypt',
        () =>
          kms.reEncrypt({
            CiphertextBlob,
            SourceKeyId: key.id,
            SourceEncryptionAlgorithm: EncryptionAlgorithm,
            DestinationKeyId: symmetric.id,
          }),
      ],
      [
        'ReEncrypt',
        () =>
          kms.reEncrypt({
            CiphertextBlob: sealed,
            DestinationKeyId: key.id,
            DestinationEncryptionAlgorithm: EncryptionAlgorithm,
          }),
      ],
    ]
    for (const [operation, call] of calls) {
      const use = { operation, KeyUsage: 'ENCRYPT_DECRYPT', algorithm: EncryptionAlgorithm } as const
      const text = misuse(key, use)
      if (text !== undefined) await assertRefused(call(), 'InvalidKeyUsageException', text)
    }
  }
})

function isRsaEncryption({ KeySpec, KeyUsage }: TypedKey): boolean {
  return KeySpec.startsWith('RSA') && KeyUsage === 'ENCRYPT_DECRYPT'
}

async function withPublicKey(key: TypedKey): Promise<TypedKey & { readonly publicKey: KeyObject }> {
  const { PublicKey } = await kms.getPublicKey({ KeyId: key.id })
  const publicKey = createPublicKey({ key: Buffer.from(PublicKey ?? []), format: 'der', type: 'spki' })
  return { ...key, publicKey }
}

function encryptLocally(
  key: KeyObject,
  algorithm: EncryptionAlgorithmSpec,
  plaintext: Buffer,
  oaepLabel?: Buffer,
): Buffer {
  const oaepHash = algorithm === 'RSAES_OAEP_SHA_1' ? 'sha1' : 'sha256'
  const padding = constants.RSA_PKCS1_OAEP_PADDING
  return publicEncrypt({ key, padding, oaepHash, ...(oaepLabel && { oaepLabel }) }, plaintext)
}
