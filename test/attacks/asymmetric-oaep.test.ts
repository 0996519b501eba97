import assert from 'node:assert/strict'
import { createHash, createPublicKey, type KeyObject } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import type { EncryptionAlgorithmSpec, KMS } from '@aws-sdk/client-kms'
import { bytesOf, numberOf } from '../der.ts'
import { kmsClient, newKey } from '../kms-client.ts'
import { engine, newMaterial, publicKeyOf } from '../material.ts'
import { assertRefused } from '../refusal.ts'
import { startServer, type ServerProcess } from '../server-process.ts'
import { assertAllRefused } from './refused-alike.ts'
import { encryptedEncoding, malformedOaep, oaep, type Sha } from './rsa-encodings.ts'

/**
 * Anyone can encrypt to a public key, rightly or wrongly. Whoever can tell one wrong way from another by what Decrypt
 * answers reads what others have encrypted (Manger 2001).
 */

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

const message = Buffer.from('the key of the safe')
const algorithms = { RSAES_OAEP_SHA_1: 'sha1', RSAES_OAEP_SHA_256: 'sha256' } as const
const specs = { RSA_2048: 256, RSA_3072: 384, RSA_4096: 512 } as const
const namesOf = <T extends object>(table: T) => Object.keys(table) as (keyof T)[]

/** A new key with the public half that everyone has. */
async function encryptionKey(KeySpec: keyof typeof specs): Promise<{ KeyId: string; publicKey: KeyObject }> {
  const { id: KeyId } = await newKey(kms, { KeySpec, KeyUsage: 'ENCRYPT_DECRYPT' })
  const { PublicKey } = await kms.getPublicKey({ KeyId })
  return { KeyId, publicKey: publicKeyOf(Buffer.from(PublicKey ?? [])) }
}

/** Numbers that no encoding has become, and what is no number for this key at all. */
function otherCiphertexts(publicKey: KeyObject, ciphertext: Buffer): Record<string, Buffer> {
  const modulus = numberOf(Buffer.from(publicKey.export({ format: 'jwk' }).n ?? '', 'base64url'))
  const sized = (value: bigint) => bytesOf(value, ciphertext.length)
  return {
    zero: sized(0n),
    one: sized(1n),
    'the modulus less one': sized(modulus - 1n),
    'the modulus': sized(modulus),
    'the modulus and one': sized(modulus + 1n),
    'all ones': Buffer.alloc(ciphertext.length, 0xff),
    'the negative of a ciphertext': sized(modulus - numberOf(ciphertext)),
    'a ciphertext times another number': sized((numberOf(ciphertext) * 2n ** 65537n) % modulus),
    'a zero before it': Buffer.concat([Buffer.of(0), ciphertext]),
    'a zero after it': Buffer.concat([ciphertext, Buffer.of(0)]),
    'its last byte missing': ciphertext.subarray(0, -1),
    'its first byte missing': ciphertext.subarray(1),
    'its half': ciphertext.subarray(0, ciphertext.length / 2),
    'a byte': Buffer.of(0),
    'twice itself': Buffer.concat([ciphertext, ciphertext]),
    'as many zeros as are allowed': Buffer.alloc(6144),
    'as many ones as are allowed': Buffer.alloc(6144, 0xff),
    'zeros before it, as many as are allowed': Buffer.concat([
      Buffer.alloc(6144 - ciphertext.length),
      ciphertext,
    ]),
  }
}

/** One ciphertext in 256 begins with a zero, which is a part of it like any other byte. */
function encryptedWithZeroFirst(publicKey: KeyObject, hash: Sha, lengthBytes: number): Buffer {
  for (;;) {
    const ciphertext = encryptedEncoding(publicKey, oaep(hash, lengthBytes, message))
    if (ciphertext[0] === 0) return ciphertext
  }
}

for (const spec of namesOf(specs)) {
  for (const EncryptionAlgorithm of namesOf(algorithms)) {
    const hash = algorithms[EncryptionAlgorithm]
    const lengthBytes = specs[spec]

    test(`Decrypt and ReEncrypt with ${spec} and ${EncryptionAlgorithm} say the same of every broken ciphertext`, async () => {
      const { KeyId, publicKey } = await encryptionKey(spec)
      const { id: DestinationKeyId } = await newKey(kms)
      const decrypt = (CiphertextBlob: Uint8Array) =>
        kms.decrypt({ KeyId, EncryptionAlgorithm, CiphertextBlob })
      const reEncrypt = (CiphertextBlob: Uint8Array) =>
        kms.reEncrypt({
          SourceKeyId: KeyId,
          SourceEncryptionAlgorithm: EncryptionAlgorithm,
          CiphertextBlob,
          DestinationKeyId,
        })

      const ciphertext = encryptedEncoding(publicKey, oaep(hash, lengthBytes, message))
      const { Plaintext } = await decrypt(ciphertext)
      assert.deepEqual(Buffer.from(Plaintext ?? []), message)

      const broken: Record<string, Buffer> = otherCiphertexts(publicKey, ciphertext)
      const zeroFirst = encryptedWithZeroFirst(publicKey, hash, lengthBytes)
      assert.deepEqual(Buffer.from((await decrypt(zeroFirst)).Plaintext ?? []), message)
      broken['the zero that it begins with missing'] = zeroFirst.subarray(1)
      for (const [what, encoding] of Object.entries(malformedOaep(hash, lengthBytes, message))) {
        broken[what] = encryptedEncoding(publicKey, encoding)
      }
      await assertAllRefused(broken, decrypt, 'InvalidCiphertextException', '')
      await assertAllRefused(broken, reEncrypt, 'InvalidCiphertextException', '')
    })
  }
}

test('a ciphertext opens with the hash and the key that it was made for and with no other, on any other way to ask', async () => {
  const [one, two] = [await encryptionKey('RSA_2048'), await encryptionKey('RSA_2048')]
  const { id: symmetric } = await newKey(kms)
  const [sha1, sha256] = namesOf(algorithms) as [EncryptionAlgorithmSpec, EncryptionAlgorithmSpec]
  const encrypted = { KeyId: one.KeyId, Plaintext: message, EncryptionAlgorithm: sha256 }
  const { CiphertextBlob } = await kms.encrypt(encrypted)
  const refused = (request: Partial<Parameters<KMS['decrypt']>[0]>) =>
    assertRefused(kms.decrypt({ CiphertextBlob, ...request }), 'InvalidCiphertextException', '')

  await kms.decrypt({ CiphertextBlob, KeyId: one.KeyId, EncryptionAlgorithm: sha256 })
  await refused({ KeyId: one.KeyId, EncryptionAlgorithm: sha1 })
  await refused({ KeyId: two.KeyId, EncryptionAlgorithm: sha256 })
  await refused({})
  await refused({ KeyId: symmetric })
  const symmetricBlob = (await kms.encrypt({ KeyId: symmetric, Plaintext: message })).CiphertextBlob
  await refused({ KeyId: one.KeyId, EncryptionAlgorithm: sha256, CiphertextBlob: symmetricBlob })
})

test('the same plaintext never gives the same ciphertext twice', async () => {
  const { KeyId } = await encryptionKey('RSA_2048')
  const seen = new Set<string>()
  for (let n = 0; n < 20; n++) {
    const { CiphertextBlob } = await kms.encrypt({
      KeyId,
      Plaintext: message,
      EncryptionAlgorithm: 'RSAES_OAEP_SHA_256',
    })
    seen.add(
      createHash('sha256')
        .update(CiphertextBlob ?? Buffer.alloc(0))
        .digest('hex'),
    )
  }
  assert.equal(seen.size, 20)
})

describe('the material of an RSA key', () => {
  for (const hash of ['sha1', 'sha256'] as const) {
    test(`opens with ${hash} what is encoded rightly, nothing and the most there is room for included, and nothing else`, async () => {
      const { material } = await newMaterial('decrypt', { type: 'rsa', modulusBits: 2048 })
      const publicKey = createPublicKey({ key: material.publicKey, format: 'der', type: 'spki' })
      const most = 256 - 2 * createHash(hash).digest().length - 2
      for (const plaintext of [Buffer.alloc(0), Buffer.of(0), Buffer.of(1), message, Buffer.alloc(most, 1)]) {
        const ciphertext = encryptedEncoding(publicKey, oaep(hash, 256, plaintext))
        assert.deepEqual(await material.decrypt({ hash }, ciphertext), plaintext)
      }
      for (const [what, encoding] of Object.entries(malformedOaep(hash, 256, message))) {
        assert.equal(
          await material.decrypt({ hash }, encryptedEncoding(publicKey, encoding)),
          undefined,
          what,
        )
      }
      for (const [what, other] of Object.entries(otherCiphertexts(publicKey, Buffer.alloc(256, 7)))) {
        assert.equal(await material.decrypt({ hash }, other), undefined, what)
      }
      assert.equal(await material.decrypt({ hash }, Buffer.alloc(0)), undefined)
      assert.equal(await material.decrypt({ hash }, Buffer.alloc(1_000_000)), undefined)
    })
  }
})
