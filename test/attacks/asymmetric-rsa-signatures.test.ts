import assert from 'node:assert/strict'
import { createPrivateKey, type KeyObject } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import type { KMS, SigningAlgorithmSpec } from '@aws-sdk/client-kms'
import type { SigningMaterial } from '../../server/src/crypto/material.ts'
import { bytesOf, numberOf } from '../der.ts'
import { kmsClient, newKey } from '../kms-client.ts'
import { engine, newMaterial, publicKeyOf } from '../material.ts'
import { assertRefused } from '../refusal.ts'
import { startServer, type ServerProcess } from '../server-process.ts'
import { assertAllRefused } from './refused-alike.ts'
import {
  digestInfo,
  hashOf,
  malformedPkcs1,
  malformedPss,
  pkcs1,
  pss,
  signedEncoding,
} from './rsa-encodings.ts'

after(() => engine.close())

const message = Buffer.from('pay 10 to the bearer')
const LENGTH_BYTES = 256
const rsaAlgorithms = ['PSS', 'PKCS1_V1_5'].flatMap((padding) =>
  ['256', '384', '512'].map((bits) => `RSASSA_${padding}_SHA_${bits}` as SigningAlgorithmSpec),
)

let privateKey: KeyObject
let material: SigningMaterial
before(async () => {
  const made = await newMaterial('sign', { type: 'rsa', modulusBits: 2048 })
  privateKey = createPrivateKey({ key: made.bytes, format: 'der', type: 'pkcs8' })
  material = made.material
})

for (const hash of ['sha256', 'sha384', 'sha512'] as const) {
  const digest = hashOf(hash, message)
  const verdicts = async (type: 'rsa-pss' | 'rsa-pkcs1-v1.5', signature: Buffer) => [
    await material.verify({ type, hash }, 'message', message, signature),
    await material.verify({ type, hash }, 'digest', digest, signature),
  ]

  test(`PKCS #1 v1.5 with ${hash} takes the one encoding there is, and nothing that resembles it`, async () => {
    const right = signedEncoding(privateKey, pkcs1(LENGTH_BYTES, digestInfo(hash, digest)))
    assert.deepEqual(await material.sign({ type: 'rsa-pkcs1-v1.5', hash }, 'message', message), right)
    assert.deepEqual(await verdicts('rsa-pkcs1-v1.5', right), [true, true])
    for (const [what, encoding] of Object.entries(malformedPkcs1(hash, LENGTH_BYTES, digest))) {
      const signature = signedEncoding(privateKey, encoding)
      assert.deepEqual(await verdicts('rsa-pkcs1-v1.5', signature), [false, false], what)
    }
  })

  test(`PSS with ${hash} takes salts as long as the hash, and nothing else`, async () => {
    const right = signedEncoding(privateKey, pss(hash, LENGTH_BYTES, digest))
    assert.deepEqual(await verdicts('rsa-pss', right), [true, true])
    const malformed = malformedPss(hash, LENGTH_BYTES, digest, modulusOf(privateKey))
    for (const [what, encoding] of Object.entries(malformed)) {
      const signature = signedEncoding(privateKey, encoding)
      assert.deepEqual(await verdicts('rsa-pss', signature), [false, false], what)
    }
  })

  test(`a signature of one padding with ${hash} is none of the other, and none of another length or number`, async () => {
    for (const [type, other] of [
      ['rsa-pss', 'rsa-pkcs1-v1.5'],
      ['rsa-pkcs1-v1.5', 'rsa-pss'],
    ] as const) {
      const signature = await material.sign({ type, hash }, 'digest', digest)
      assert.deepEqual(await verdicts(type, signature), [true, true])
      assert.deepEqual(await verdicts(other, signature), [false, false])
      for (const [what, candidate] of Object.entries(otherNumbers(signature, modulusOf(privateKey)))) {
        assert.deepEqual(await verdicts(type, candidate), [false, false], what)
      }
      for (let byte = 0; byte < LENGTH_BYTES; byte += 5) {
        const flipped = Buffer.from(signature)
        flipped[byte] = (flipped[byte] ?? 0) ^ (1 << (byte & 7))
        assert.deepEqual(await verdicts(type, flipped), [false, false], `byte ${byte}`)
      }
    }
  })
}

test('a signature to which the modulus was added is another number with the same remainder, and refused', async () => {
  const scheme = { type: 'rsa-pkcs1-v1.5', hash: 'sha256' } as const
  const modulus = modulusOf(privateKey)
  for (let n = 0; ; n++) {
    const signed = Buffer.from(`message ${n}`)
    const sum = numberOf(await material.sign(scheme, 'message', signed)) + modulus
    if (sum >= 1n << BigInt(8 * LENGTH_BYTES)) continue
    assert.equal(await material.verify(scheme, 'message', signed, bytesOf(sum, LENGTH_BYTES)), false)
    const digest = hashOf('sha256', signed)
    assert.equal(await material.verify(scheme, 'digest', digest, bytesOf(sum, LENGTH_BYTES)), false)
    break
  }
})

test('a signature that begins with a zero is none without it', async () => {
  for (const type of ['rsa-pss', 'rsa-pkcs1-v1.5'] as const) {
    const scheme = { type, hash: 'sha256' } as const
    // One in 256 does.
    for (let n = 0; ; n++) {
      const signed = Buffer.from(`message ${n}`)
      const signature = await material.sign(scheme, 'message', signed)
      if (signature[0] !== 0) continue
      const digest = hashOf('sha256', signed)
      assert.equal(await material.verify(scheme, 'message', signed, signature), true)
      assert.equal(await material.verify(scheme, 'digest', digest, signature), true)
      assert.equal(await material.verify(scheme, 'message', signed, signature.subarray(1)), false)
      assert.equal(await material.verify(scheme, 'digest', digest, signature.subarray(1)), false)
      break
    }
  }
})

function modulusOf(key: KeyObject): bigint {
  return numberOf(Buffer.from(key.export({ format: 'jwk' }).n ?? '', 'base64url'))
}

/** None of these is the signature, whatever it says. */
function otherNumbers(signature: Buffer, modulus: bigint): Record<string, Buffer> {
  const sized = (value: bigint) => bytesOf(value, signature.length)
  return {
    zero: sized(0n),
    one: sized(1n),
    'the modulus less one': sized(modulus - 1n),
    'the modulus': sized(modulus),
    'the modulus and one': sized(modulus + 1n),
    'the negative': sized(modulus - numberOf(signature)),
    ones: Buffer.alloc(signature.length, 0xff),
    'a zero before it': Buffer.concat([Buffer.of(0), signature]),
    'a zero after it': Buffer.concat([signature, Buffer.of(0)]),
    'without its first byte': signature.subarray(1),
    'without its last byte': signature.subarray(0, -1),
    'its first byte': signature.subarray(0, 1),
    'twice itself': Buffer.concat([signature, signature]),
    backwards: Buffer.from(signature).reverse(),
    'in base64': Buffer.from(signature.toString('base64')),
    '6144 zeros': Buffer.alloc(6144),
    '6144 ones': Buffer.alloc(6144, 0xff),
  }
}

describe('Verify', () => {
  let server: ServerProcess
  let kms: KMS
  before(async () => {
    server = await startServer()
    kms = kmsClient(server)
  })
  after(() => server.stop())

  for (const KeySpec of ['RSA_2048', 'RSA_3072', 'RSA_4096'] as const) {
    test(`says the same of everything that is no signature of a key of ${KeySpec}`, async () => {
      const { id: KeyId } = await newKey(kms, { KeySpec, KeyUsage: 'SIGN_VERIFY' })
      const { PublicKey } = await kms.getPublicKey({ KeyId })
      const modulus = modulusOf(publicKeyOf(Buffer.from(PublicKey ?? [])))
      for (const [SigningAlgorithm, hash] of [
        ['RSASSA_PSS_SHA_256', 'sha256'],
        ['RSASSA_PKCS1_V1_5_SHA_512', 'sha512'],
      ] as const) {
        const raw = { KeyId, SigningAlgorithm, Message: message, MessageType: 'RAW' } as const
        const digest = { ...raw, Message: hashOf(hash, message), MessageType: 'DIGEST' } as const
        for (const request of [raw, digest]) {
          const { Signature } = await kms.sign(request)
          assert.equal((await kms.verify({ ...request, Signature })).SignatureValid, true)
          await assertAllRefused(
            otherNumbers(Buffer.from(Signature ?? []), modulus),
            (candidate) => kms.verify({ ...request, Signature: candidate }),
            'KMSInvalidSignatureException',
            '',
          )
          for (const other of rsaAlgorithms) {
            if (other === SigningAlgorithm) continue
            const verify = kms.verify({ ...raw, SigningAlgorithm: other, Signature })
            await assertRefused(verify, 'KMSInvalidSignatureException', '')
          }
        }
      }
    })
  }
})
