import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import type { KMS } from '@aws-sdk/client-kms'
import type { SigningMaterial } from '../../server/src/crypto/material.ts'
import { kmsClient, newKey } from '../kms-client.ts'
import { engine, newMaterial } from '../material.ts'
import { assertRefused } from '../refusal.ts'
import { startServer, type ServerProcess } from '../server-process.ts'
import { ecdsaCurves, encoded, malformed, numbersOf, type EcdsaCurve } from './ecdsa-signatures.ts'
import { assertAllRefused } from './refused-alike.ts'

after(() => engine.close())

const message = Buffer.from('pay 10 to the bearer')
const digestOf = ({ hash }: EcdsaCurve) => createHash(hash).update(message).digest()

for (const curve of ecdsaCurves) {
  describe(`ECDSA on ${curve.name}`, () => {
    const scheme = { type: 'ecdsa', hash: curve.hash } as const
    let material: SigningMaterial
    let signature: Buffer
    /** What is said of the message and of its digest. */
    const verdicts = async (candidate: Buffer) => [
      await material.verify(scheme, 'message', message, candidate),
      await material.verify(scheme, 'digest', digestOf(curve), candidate),
    ]
    before(async () => {
      ;({ material } = await newMaterial('sign', { type: 'ec', namedCurve: curve.name }))
      signature = await material.sign(scheme, 'message', message)
    })

    test('takes a signature and its mirror image, for a low s is not required', async () => {
      const { r, s } = numbersOf(signature)
      assert.deepEqual(encoded({ r, s }), signature)
      assert.deepEqual(await verdicts(signature), [true, true])
      assert.deepEqual(await verdicts(encoded({ r, s: curve.order - s })), [true, true])
    })

    test('takes no other numbers and no other encoding', async () => {
      for (const [how, candidate] of Object.entries(malformed(signature, curve))) {
        assert.deepEqual(await verdicts(candidate), [false, false], how)
      }
      assert.deepEqual(await verdicts(Buffer.alloc(0)), [false, false])
      assert.deepEqual(await verdicts(Buffer.alloc(1_000_000, 0x30)), [false, false])
      assert.deepEqual(await verdicts(encoded({ r: 1n << 8_000_000n, s: 1n })), [false, false])
    })

    test('takes no beginning of a signature, and none of which a bit is another', async () => {
      for (let length = 0; length < signature.length; length++) {
        assert.deepEqual(await verdicts(signature.subarray(0, length)), [false, false], `${length} bytes`)
      }
      for (let index = 0; index < signature.length; index++) {
        const flipped = Buffer.from(signature)
        flipped[index] = (flipped[index] ?? 0) ^ (1 << (index & 7))
        assert.deepEqual(await verdicts(flipped), [false, false], `byte ${index}`)
      }
    })

    test("takes no signature of another message, hash or key, and a digest's only for the digest", async () => {
      const other = Buffer.from('pay 99 to the bearer')
      assert.equal(await material.verify(scheme, 'message', other, signature), false)
      const ofDigest = await material.sign(scheme, 'digest', digestOf(curve))
      assert.equal(await material.verify(scheme, 'message', digestOf(curve), ofDigest), false)
      const hash = curve.hash === 'sha512' ? 'sha256' : 'sha512'
      assert.equal(await material.verify({ type: 'ecdsa', hash }, 'message', message, signature), false)
      const { material: stranger } = await newMaterial('sign', { type: 'ec', namedCurve: curve.name })
      assert.equal(await stranger.verify(scheme, 'message', message, signature), false)
    })
  })
}

test('signatures of the same digest have different nonces, so two of them do not give the key away', async () => {
  for (const curve of ecdsaCurves) {
    const { material } = await newMaterial('sign', { type: 'ec', namedCurve: curve.name })
    const scheme = { type: 'ecdsa', hash: curve.hash } as const
    const seen = new Set<bigint>()
    for (let n = 0; n < 8; n++) {
      seen.add(numbersOf(await material.sign(scheme, 'message', message)).r)
      seen.add(numbersOf(await material.sign(scheme, 'digest', digestOf(curve))).r)
    }
    assert.equal(seen.size, 16, curve.name)
  }
})

describe('Verify', () => {
  let server: ServerProcess
  let kms: KMS
  before(async () => {
    server = await startServer()
    kms = kmsClient(server)
  })
  after(() => server.stop())

  for (const curve of ecdsaCurves) {
    test(`says the same of everything that is no signature of a key of ${curve.KeySpec}`, async () => {
      const { SigningAlgorithm } = curve
      const { id: KeyId } = await newKey(kms, { KeySpec: curve.KeySpec, KeyUsage: 'SIGN_VERIFY' })
      const raw = { KeyId, SigningAlgorithm, Message: message, MessageType: 'RAW' } as const
      const digest = { KeyId, SigningAlgorithm, Message: digestOf(curve), MessageType: 'DIGEST' } as const
      const { Signature } = await kms.sign(raw)
      const signature = Buffer.from(Signature ?? [])
      const { r, s } = numbersOf(signature)
      for (const request of [raw, digest]) {
        for (const valid of [signature, encoded({ r, s: curve.order - s })]) {
          assert.equal((await kms.verify({ ...request, Signature: valid })).SignatureValid, true)
        }
        await assertAllRefused(
          malformed(signature, curve),
          (Signature) => kms.verify({ ...request, Signature }),
          'KMSInvalidSignatureException',
          '',
        )
      }
    })
  }

  test('takes no signature that is empty or larger than any can be', async () => {
    const { id: KeyId } = await newKey(kms, { KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' })
    const request = { KeyId, SigningAlgorithm: 'ECDSA_SHA_256', Message: message } as const
    for (const [length, bound] of [
      [0, 'greater than or equal to 1'],
      [6145, 'less than or equal to 6144'],
      [700_000, 'less than or equal to 6144'],
    ] as const) {
      const verify = kms.verify({ ...request, Signature: Buffer.alloc(length, 0x30) })
      const text = `1 validation error detected: Value at 'signature' failed to satisfy constraint: Member must have length ${bound}`
      await assertRefused(verify, 'ValidationException', text)
    }
  })

  test('a signature of one key is nothing to another', async () => {
    const [one, two] = [
      await newKey(kms, { KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' }),
      await newKey(kms, { KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' }),
    ]
    const request = { SigningAlgorithm: 'ECDSA_SHA_256', Message: message } as const
    const { Signature } = await kms.sign({ KeyId: one.id, ...request })
    await assertRefused(
      kms.verify({ KeyId: two.id, ...request, Signature }),
      'KMSInvalidSignatureException',
      '',
    )
  })
})
