import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import type { KMS } from '@aws-sdk/client-kms'
import type { SigningMaterial } from '../../server/src/crypto/material.ts'
import { ed25519Pkcs8 } from '../key-encodings.ts'
import { kmsClient, newKey } from '../kms-client.ts'
import { engine, materialOf } from '../material.ts'
import { startServer, type ServerProcess } from '../server-process.ts'
import { derived, flipped, malformed, signByTheBook } from './ed25519-signatures.ts'
import { assertAllRefused } from './refused-alike.ts'

after(() => engine.close())

const variants = [
  { variant: 'ed25519', input: 'message' },
  { variant: 'ed25519ph', input: 'digest' },
] as const
const message = createHash('sha512').update('pay 10 to the bearer').digest()

for (const { variant, input } of variants) {
  describe(variant, () => {
    const seed = randomBytes(32)
    const scheme = { type: variant }
    let material: SigningMaterial
    before(() => {
      material = materialOf('sign', { type: 'ed25519' }, ed25519Pkcs8(seed))
    })

    test('takes what is signed by the book, and signs the same each time', async () => {
      const right = signByTheBook({ seed, variant }, message)
      assert.equal(await material.verify(scheme, input, message, right), true)
      const made = await material.sign(scheme, input, message)
      assert.deepEqual(await material.sign(scheme, input, message), made)
      assert.equal(await material.verify(scheme, input, message, made), true)
    })

    test('takes no other encoding of the same signature, and no signature of another kind', async () => {
      for (const [what, signature] of Object.entries(malformed({ seed, variant }, message))) {
        assert.equal(await material.verify(scheme, input, message, signature), false, what)
      }
      assert.equal(await material.verify(scheme, input, message, Buffer.alloc(0)), false)
      assert.equal(await material.verify(scheme, input, message, Buffer.alloc(1_000_000)), false)
    })

    test('takes no signature of which a bit is another, and none of another message or key', async () => {
      const signature = await material.sign(scheme, input, message)
      for (let bit = 0; bit < 512; bit += 3) {
        assert.equal(
          await material.verify(scheme, input, message, flipped(signature, bit)),
          false,
          `bit ${bit}`,
        )
      }
      assert.equal(await material.verify(scheme, input, flipped(message, 0), signature), false)
      const stranger = materialOf('sign', { type: 'ed25519' }, ed25519Pkcs8(randomBytes(32)))
      assert.equal(await stranger.verify(scheme, input, message, signature), false)
    })
  })
}

describe('Verify', () => {
  let server: ServerProcess
  let kms: KMS
  before(async () => {
    server = await startServer()
    kms = kmsClient(server)
  })
  after(() => server.stop())

  test('says the same of everything that was made from a signature of Ed25519', async () => {
    const { id: KeyId } = await newKey(kms, { KeySpec: 'ECC_NIST_EDWARDS25519', KeyUsage: 'SIGN_VERIFY' })
    const pure = { KeyId, Message: message, MessageType: 'RAW', SigningAlgorithm: 'ED25519_SHA_512' } as const
    const hashed = {
      KeyId,
      Message: message,
      MessageType: 'DIGEST',
      SigningAlgorithm: 'ED25519_PH_SHA_512',
    } as const
    for (const [request, other] of [
      [pure, hashed],
      [hashed, pure],
    ] as const) {
      const { Signature } = await kms.sign(request)
      const signature = Buffer.from(Signature ?? [])
      assert.equal((await kms.verify({ ...request, Signature })).SignatureValid, true)
      await assertAllRefused(
        {
          ...derived(signature),
          'that of the other algorithm': Buffer.from((await kms.sign(other)).Signature ?? []),
        },
        (candidate) => kms.verify({ ...request, Signature: candidate }),
        'KMSInvalidSignatureException',
        '',
      )
    }
  })
})
