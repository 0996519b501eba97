import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { KMS, MacAlgorithmSpec } from '@aws-sdk/client-kms'
import { kmsClient, newKey } from '../kms-client.ts'
import { startServer, type ServerProcess } from '../server-process.ts'
import { assertAllRefused } from './refused-alike.ts'

let server: ServerProcess
let kms: KMS
before(async () => {
  server = await startServer()
  kms = kmsClient(server)
})
after(() => server.stop())

const Message = Buffer.from('pay 10 to the bearer')

for (const [bits, macBytes] of [
  [224, 28],
  [256, 32],
  [384, 48],
  [512, 64],
] as const) {
  const MacAlgorithm: MacAlgorithmSpec = `HMAC_SHA_${bits}`

  test(`VerifyMac takes the whole MAC of ${MacAlgorithm}, and says the same of all that is less, more or other`, async () => {
    const { id: KeyId } = await newKey(kms, { KeySpec: `HMAC_${bits}`, KeyUsage: 'GENERATE_VERIFY_MAC' })
    const { Mac } = await kms.generateMac({ KeyId, MacAlgorithm, Message })
    const mac = Buffer.from(Mac ?? [])
    assert.equal(mac.length, macBytes)
    assert.equal((await kms.verifyMac({ KeyId, MacAlgorithm, Message, Mac: mac })).MacValid, true)

    const others: Record<string, Buffer> = {
      'a byte more': Buffer.concat([mac, Buffer.of(0)]),
      'a byte before it': Buffer.concat([Buffer.of(0), mac]),
      'twice itself': Buffer.concat([mac, mac]),
      'filled up to 6144 bytes': Buffer.concat([mac, Buffer.alloc(6144 - macBytes)]),
      zeros: Buffer.alloc(macBytes),
      ones: Buffer.alloc(macBytes, 0xff),
      backwards: Buffer.from(mac).reverse(),
      'in base64': Buffer.from(mac.toString('base64')),
      'in hexadecimal digits': Buffer.from(mac.toString('hex')),
      'the message': Message,
    }
    for (let length = 1; length < macBytes; length++)
      others[`the first ${length} bytes`] = mac.subarray(0, length)
    for (let index = 0; index < macBytes; index++) {
      const flipped = Buffer.from(mac)
      flipped[index] = (flipped[index] ?? 0) ^ (1 << (index & 7))
      others[`byte ${index} changed`] = flipped
    }
    const verify = (candidate: Uint8Array) => kms.verifyMac({ KeyId, MacAlgorithm, Message, Mac: candidate })
    await assertAllRefused(others, verify, 'KMSInvalidMacException', '')
  })
}
