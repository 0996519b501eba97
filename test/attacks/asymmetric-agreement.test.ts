import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { KMS } from '@aws-sdk/client-kms'
import type { AgreementMaterial } from '../../server/src/crypto/material.ts'
import { ecSpki } from '../key-encodings.ts'
import { kmsClient, newKey } from '../kms-client.ts'
import { engine, newMaterial } from '../material.ts'
import { startServer, type ServerProcess } from '../server-process.ts'
import { agreementCurves, compressed, newPeer, unfitPeerKeys } from './peer-keys.ts'
import { assertAllRefused } from './refused-alike.ts'

/**
 * Whoever may call DeriveSharedSecret chooses the point that the private key is multiplied with. One that is not on the
 * curve would give the key away, a few bits with each call.
 */

after(() => engine.close())

for (const curve of agreementCurves) {
  describe(`a key on ${curve.name}`, () => {
    let material: AgreementMaterial
    before(async () => {
      ;({ material } = await newMaterial('agree', { type: 'ec', namedCurve: curve.name }))
    })

    test('agrees with a point of its curve, compressed or not, on the same secret', async () => {
      const peer = newPeer(curve)
      const secret = await material.agree(peer.spki)
      assert.equal(secret?.length, curve.lengthBytes)
      assert.deepEqual(await material.agree(ecSpki(curve.name, compressed(peer))), secret)
    })

    test('agrees with nothing else', async () => {
      for (const [what, spki] of Object.entries(unfitPeerKeys(curve))) {
        assert.equal(await material.agree(spki), undefined, what)
      }
    })

    test('agrees with no beginning of a key, and with none of which one bit is another', async () => {
      const { spki } = newPeer(curve)
      for (let length = 0; length < spki.length; length++) {
        assert.equal(await material.agree(spki.subarray(0, length)), undefined, `${length} bytes`)
      }
      for (let bit = 0; bit < spki.length * 8; bit++) {
        const flipped = Buffer.from(spki)
        flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
        assert.equal(await material.agree(flipped), undefined, `bit ${bit}`)
      }
    })
  })
}

describe('DeriveSharedSecret', () => {
  let server: ServerProcess
  let kms: KMS
  before(async () => {
    server = await startServer()
    kms = kmsClient(server)
  })
  after(() => server.stop())

  for (const curve of agreementCurves) {
    test(`says of everything that is no key on ${curve.KeySpec} the same`, async () => {
      const { id } = await newKey(kms, { KeySpec: curve.KeySpec, KeyUsage: 'KEY_AGREEMENT' })
      await assertAllRefused(
        unfitPeerKeys(curve),
        (PublicKey) => kms.deriveSharedSecret({ KeyId: id, KeyAgreementAlgorithm: 'ECDH', PublicKey }),
        'ValidationException',
        `PublicKey is not a valid DER-encoded public key for key spec ${curve.KeySpec}.`,
      )
    })
  }
})
