import assert from 'node:assert/strict'
import { createPublicKey, randomBytes, type KeyObject } from 'node:crypto'
import { after, test } from 'node:test'
import type {
  KMS,
  MessageType,
  SignCommandInput,
  SignCommandOutput,
  SigningAlgorithmSpec,
  VerifyCommandOutput,
} from '@aws-sdk/client-kms'
import { bytesOf, integer, nothing, numberOf, sequence, tlv } from '../der.ts'
import { flipped } from '../flipped.ts'
import { keysOf, misuse, typesAround, type TypedKey } from '../key-types.ts'
import { kmsClient } from '../kms-client.ts'
import { assertRefused } from '../refusal.ts'
import { startServer } from '../server-process.ts'
import { externalMu, hashOf, isValidSignature } from '../valid-signature.ts'

const server = await startServer()
const kms = kmsClient(server)
after(() => server.stop())
const keys = await keysOf(kms, typesAround('SIGN_VERIFY'))
const signers = await Promise.all(keys.filter((key) => key.KeyUsage === 'SIGN_VERIFY').map(withPublicKey))

interface Signer extends TypedKey {
  readonly publicKey: KeyObject
  readonly algorithms: readonly SigningAlgorithmSpec[]
}

const Message = Buffer.from('the message')
const messageTypes: readonly MessageType[] = ['RAW', 'DIGEST', 'EXTERNAL_MU']
const invalid = 'KMSInvalidSignatureException'

for (const signer of signers) {
  for (const SigningAlgorithm of signer.algorithms) {
    const { KeySpec, id, arn, publicKey } = signer
    const name = `${SigningAlgorithm} with ${KeySpec}`
    const isPrehash = SigningAlgorithm === 'ED25519_PH_SHA_512'

    if (!isPrehash) {
      test(`${name}: whoever has the public key can verify what Sign signed, and so can Verify`, async () => {
        for (const message of [Buffer.from('x'), Message, randomBytes(4096)]) {
          const request: SignCommandInput = { KeyId: id, Message: message, SigningAlgorithm }
          const { Signature, $metadata: _, ...rest }: SignCommandOutput = await kms.sign(request)
          assert.deepEqual(rest, { KeyId: arn, SigningAlgorithm })
          assert.ok(isValidSignature(SigningAlgorithm, publicKey, message, Signature))
          assert.ok(!isValidSignature(SigningAlgorithm, publicKey, Buffer.from('another'), Signature))
          for (const MessageType of [undefined, 'RAW'] as const) {
            const verified: VerifyCommandOutput = await kms.verify({ ...request, MessageType, Signature })
            const { $metadata: __, ...said } = verified
            assert.deepEqual(said, { KeyId: arn, SignatureValid: true, SigningAlgorithm })
          }
        }
      })
    }

    const hashed = digestType(SigningAlgorithm)
    if (hashed !== undefined) {
      test(`${name}: what was hashed elsewhere is signed as it is`, async () => {
        const digest =
          hashed === 'EXTERNAL_MU' ? externalMu(publicKey, Message) : hashOf(SigningAlgorithm, Message)
        const request = { KeyId: id, SigningAlgorithm }
        const { Signature } = await kms.sign({ ...request, Message: digest, MessageType: hashed })
        await kms.verify({ ...request, Message: digest, MessageType: hashed, Signature })
        if (isPrehash) {
          // Not the pure scheme, on neither of what could be taken for its message.
          assert.equal(Signature?.length, 64)
          for (const message of [Message, digest, hashOf(SigningAlgorithm, digest)])
            assert.ok(!isValidSignature('ED25519_SHA_512', publicKey, message, Signature))
          return
        }
        assert.ok(isValidSignature(SigningAlgorithm, publicKey, Message, Signature))
        await kms.verify({ ...request, Message, Signature })
        const raw = await kms.sign({ ...request, Message })
        await kms.verify({ ...request, Message: digest, MessageType: hashed, Signature: raw.Signature })
        // The digest taken for a message is another message.
        await assertRefused(kms.verify({ ...request, Message: digest, Signature }), invalid, '')
      })

      test(`${name}: a digest has the length of its hash`, async () => {
        const right = hashed === 'EXTERNAL_MU' ? 64 : hashOf(SigningAlgorithm, Message).length
        for (const length of [1, 20, 32, 48, 64, right - 1, right + 1, 4096]) {
          if (length === right) continue
          const request = {
            KeyId: id,
            Message: Buffer.alloc(length),
            MessageType: hashed,
            SigningAlgorithm,
          }
          const text = `Digest is invalid length for algorithm ${SigningAlgorithm}.`
          await assertRefused(kms.sign(request), 'ValidationException', text)
          await assertRefused(
            kms.verify({ ...request, Signature: Buffer.alloc(64) }),
            'ValidationException',
            text,
          )
        }
      })
    }

    test(`${name}: takes no other type of message`, async () => {
      for (const MessageType of messageTypes) {
        if (MessageType === hashed || (MessageType === 'RAW' && !isPrehash)) continue
        const request = { KeyId: id, Message: Buffer.alloc(64), MessageType, SigningAlgorithm }
        const anotherTakesIt = KeySpec === 'ECC_NIST_EDWARDS25519' && MessageType !== 'EXTERNAL_MU'
        const misfit = anotherTakesIt ? `algorithm ${SigningAlgorithm}` : `key spec ${KeySpec}`
        const text = `Message type ${MessageType} is incompatible with ${misfit}.`
        await assertRefused(kms.sign(request), 'ValidationException', text)
        await assertRefused(
          kms.verify({ ...request, Signature: Buffer.alloc(64) }),
          'ValidationException',
          text,
        )
      }
    })

    test(`${name}: a signature that differs in a bit, or in length, is invalid`, async () => {
      const MessageType = isPrehash ? 'DIGEST' : 'RAW'
      const request = { KeyId: id, Message: Buffer.alloc(64, 7), MessageType, SigningAlgorithm } as const
      const signature = Buffer.from((await kms.sign(request)).Signature ?? [])
      const changed = [
        ...bitsOf(signature).map(({ at, mask }) => flipped(signature, at, mask)),
        signature.subarray(0, -1),
        signature.subarray(1),
        signature.subarray(0, 1),
        Buffer.concat([signature, Buffer.from([0])]),
        Buffer.concat([Buffer.from([0]), signature]),
        Buffer.alloc(signature.length),
        Buffer.alloc(signature.length, 0xff),
        Buffer.alloc(6144, 1),
      ]
      for (const Signature of changed) {
        await assertRefused(kms.verify({ ...request, Signature }), invalid, '')
      }
      await kms.verify({ ...request, Signature: signature })
    })

    test(`${name}: a signature is invalid on another message, with another key and under another algorithm`, async () => {
      const MessageType = isPrehash ? 'DIGEST' : 'RAW'
      const message = Buffer.alloc(64, 7)
      const request = { KeyId: id, Message: message, MessageType, SigningAlgorithm } as const
      const { Signature } = await kms.sign(request)
      for (const other of [Buffer.alloc(64, 6), flipped(message, 63, 1)]) {
        await assertRefused(kms.verify({ ...request, Message: other, Signature }), invalid, '')
      }
      for (const other of signers) {
        if (other.id === id || !other.algorithms.includes(SigningAlgorithm)) continue
        await assertRefused(kms.verify({ ...request, KeyId: other.id, Signature }), invalid, '')
      }
      for (const other of signer.algorithms) {
        if (other === SigningAlgorithm) continue
        const type = other === 'ED25519_PH_SHA_512' ? 'DIGEST' : 'RAW'
        await assertRefused(
          kms.verify({ ...request, MessageType: type, SigningAlgorithm: other, Signature }),
          invalid,
          '',
        )
      }
    })
  }
}

test('an ECDSA signature is valid with either s, and in no other form than DER', async () => {
  const orders = {
    ECC_NIST_P256: 'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551',
    ECC_SECG_P256K1: 'fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141',
  } as const
  for (const [spec, order] of Object.entries(orders)) {
    const signer = signers.find((one) => one.KeySpec === spec)
    assert.ok(signer !== undefined)
    const request = { KeyId: signer.id, Message, SigningAlgorithm: 'ECDSA_SHA_256' } as const
    const { r, s } = ecdsaParts(Buffer.from((await kms.sign(request)).Signature ?? []))
    const n = BigInt(`0x${order}`)
    for (const either of [s, n - s]) {
      const Signature = sequence(integer(r), integer(either))
      assert.ok(isValidSignature('ECDSA_SHA_256', signer.publicKey, Message, Signature))
      await kms.verify({ ...request, Signature })
    }
    const padded = (part: bigint) => tlv(2, Buffer.of(0, 0), bytesOf(part))
    for (const Signature of [
      Buffer.concat([bytesOf(r, 32), bytesOf(s, 32)]),
      sequence(integer(r + n), integer(s)),
      sequence(integer(r), integer(s + n)),
      sequence(integer(0n), integer(s)),
      sequence(integer(r), integer(0n)),
      sequence(integer(0n), integer(0n)),
      sequence(integer(n), integer(n)),
      sequence(padded(r), integer(s)),
      sequence(integer(r), padded(s)),
      sequence(integer(r), integer(s), integer(1n)),
      sequence(integer(r)),
      Buffer.concat([sequence(integer(r), integer(s)), nothing]),
    ]) {
      await assertRefused(kms.verify({ ...request, Signature }), invalid, '')
    }
  }
})

test('signatures with a nonce differ each time, and those without are the same', async () => {
  const always = /^RSASSA_PKCS1|^ED25519/
  for (const { id, algorithms, KeySpec } of signers) {
    for (const SigningAlgorithm of algorithms) {
      const MessageType = SigningAlgorithm === 'ED25519_PH_SHA_512' ? 'DIGEST' : 'RAW'
      const request = { KeyId: id, Message: Buffer.alloc(64), MessageType, SigningAlgorithm } as const
      const [one, two] = [await kms.sign(request), await kms.sign(request)]
      const same = Buffer.from(one.Signature ?? []).equals(two.Signature ?? Buffer.alloc(0))
      assert.equal(same, always.test(SigningAlgorithm), `${SigningAlgorithm} with ${KeySpec}`)
    }
  }
})

test('Sign and Verify refuse keys of another usage and algorithms of another spec', async () => {
  const algorithms = [...new Set(signers.flatMap((signer) => signer.algorithms))]
  const calls = {
    Sign: (client: KMS, KeyId: string, SigningAlgorithm: SigningAlgorithmSpec) =>
      client.sign({ KeyId, Message, SigningAlgorithm }),
    Verify: (client: KMS, KeyId: string, SigningAlgorithm: SigningAlgorithmSpec) =>
      client.verify({ KeyId, Message, SigningAlgorithm, Signature: Buffer.alloc(64) }),
  }
  for (const [operation, call] of Object.entries(calls)) {
    for (const key of keys) {
      for (const algorithm of key.KeyUsage === 'SIGN_VERIFY' ? algorithms : algorithms.slice(0, 1)) {
        const text = misuse(key, { operation, KeyUsage: 'SIGN_VERIFY', algorithm })
        if (text !== undefined)
          await assertRefused(call(kms, key.id, algorithm), 'InvalidKeyUsageException', text)
      }
    }
  }
})

test('a message has 1 to 4096 bytes and a signature 1 to 6144, and neither is repeated in the error', async () => {
  const [signer] = signers
  const request = { KeyId: signer?.id, Message, SigningAlgorithm: signer?.algorithms[0] }
  const bound = (at: string, which: 'less' | 'greater', length: number) =>
    `1 validation error detected: Value at '${at}' failed to satisfy constraint: Member must have length ${which} than or equal to ${length}`
  const Signature = Buffer.alloc(256)
  const empty = Buffer.alloc(0)
  for (const call of [
    (Message: Buffer) => kms.sign({ ...request, Message }),
    (Message: Buffer) => kms.verify({ ...request, Message, Signature }),
  ]) {
    await assertRefused(call(empty), 'ValidationException', bound('message', 'greater', 1))
    await assertRefused(call(Buffer.alloc(4097)), 'ValidationException', bound('message', 'less', 4096))
  }
  const check = (Signature: Buffer) => kms.verify({ ...request, Signature })
  await assertRefused(check(empty), 'ValidationException', bound('signature', 'greater', 1))
  await assertRefused(check(Buffer.alloc(6145)), 'ValidationException', bound('signature', 'less', 6144))
  await assertRefused(
    kms.sign({ ...request, SigningAlgorithm: 'SM2DSA' }),
    'ValidationException',
    /^1 validation error detected: Value 'SM2DSA' at 'signingAlgorithm' .* enum value set: \[(?!.*SM2)[A-Z0-9_, ]+\]$/,
  )
  await assertRefused(
    kms.sign({ ...request, MessageType: 'HASH' as 'RAW' }),
    'ValidationException',
    "1 validation error detected: Value 'HASH' at 'messageType' failed to satisfy constraint: Member must satisfy enum value set: [RAW, DIGEST, EXTERNAL_MU]",
  )
})

async function withPublicKey(key: TypedKey): Promise<Signer> {
  const { PublicKey } = await kms.getPublicKey({ KeyId: key.id })
  const publicKey = createPublicKey({ key: Buffer.from(PublicKey ?? []), format: 'der', type: 'spki' })
  return { ...key, publicKey, algorithms: key.algorithms as SigningAlgorithmSpec[] }
}

/** In which type of message what was hashed already is given, if it can be. */
function digestType(algorithm: SigningAlgorithmSpec): MessageType | undefined {
  if (algorithm === 'ED25519_SHA_512') return undefined
  return algorithm === 'ML_DSA_SHAKE_256' ? 'EXTERNAL_MU' : 'DIGEST'
}

/** A bit of each byte of a short signature, and of some forty bytes of a long one. */
function bitsOf(signature: Buffer): { at: number; mask: number }[] {
  const step = signature.length > 160 ? Math.ceil(signature.length / 40) : 1
  const positions = Array.from({ length: Math.ceil(signature.length / step) }, (_, i) => i * step)
  return positions.map((at, i) => ({ at, mask: 1 << (i % 8) }))
}

/** Of an ECDSA-Sig-Value whose lengths are in one byte each. */
function ecdsaParts(der: Buffer): { r: bigint; s: bigint } {
  const rLength = der[3] ?? 0
  const r = der.subarray(4, 4 + rLength)
  const s = der.subarray(4 + rLength + 2)
  return { r: numberOf(r), s: numberOf(s) }
}
