import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, test } from 'node:test'
import type { MacAlgorithmSpec } from '@aws-sdk/client-kms'
import { flipped } from '../flipped.ts'
import { keysOf, misuse, typesAround } from '../key-types.ts'
import { kmsClient, newKey } from '../kms-client.ts'
import { assertRefused } from '../refusal.ts'
import { startServer } from '../server-process.ts'

const server = await startServer()
const kms = kmsClient(server)
after(() => server.stop())
const keys = await keysOf(kms, typesAround('GENERATE_VERIFY_MAC'))
const macKeys = keys.filter((key) => key.KeyUsage === 'GENERATE_VERIFY_MAC')

const Message = Buffer.from('the message')
const invalid = 'KMSInvalidMacException'
const macBytes: Record<string, number> = { HMAC_224: 28, HMAC_256: 32, HMAC_384: 48, HMAC_512: 64 }

for (const { KeySpec, KeyUsage, id, arn, algorithms } of macKeys) {
  const MacAlgorithm = algorithms[0] as MacAlgorithmSpec

  test(`${KeySpec}: the MAC of a message is always the same, and VerifyMac knows it`, async () => {
    for (const message of [Buffer.from('x'), Message, randomBytes(4096)]) {
      const {
        Mac,
        $metadata: _,
        ...rest
      } = await kms.generateMac({ KeyId: id, Message: message, MacAlgorithm })
      assert.deepEqual(rest, { KeyId: arn, MacAlgorithm })
      assert.equal(Mac?.length, macBytes[KeySpec])
      assert.deepEqual((await kms.generateMac({ KeyId: arn, Message: message, MacAlgorithm })).Mac, Mac)
      const { $metadata: __, ...verified } = await kms.verifyMac({
        KeyId: id,
        Message: message,
        MacAlgorithm,
        Mac,
      })
      assert.deepEqual(verified, { KeyId: arn, MacValid: true, MacAlgorithm })
    }
  })

  test(`${KeySpec}: a MAC that differs in a bit, is cut or made longer is invalid`, async () => {
    const request = { KeyId: id, Message, MacAlgorithm }
    const mac = Buffer.from((await kms.generateMac(request)).Mac ?? [])
    const changed = [
      ...Array.from(mac, (_, at) => flipped(mac, at, 1 << (at % 8))),
      ...Array.from(mac, (_, length) => mac.subarray(0, length)).slice(1),
      mac.subarray(1),
      Buffer.concat([mac, Buffer.from([0])]),
      Buffer.concat([Buffer.from([0]), mac]),
      Buffer.concat([mac, mac]),
      Buffer.alloc(mac.length),
      Buffer.from(mac.toString('base64')),
      Buffer.alloc(6144, 1),
    ]
    for (const Mac of changed) await assertRefused(kms.verifyMac({ ...request, Mac }), invalid, '')
    await kms.verifyMac({ ...request, Mac: mac })
  })

  test(`${KeySpec}: a MAC is of one message and one key`, async () => {
    const request = { KeyId: id, Message, MacAlgorithm }
    const { Mac } = await kms.generateMac(request)
    const messages = [Buffer.from('another'), Buffer.concat([Message, Buffer.from([0])]), Message.subarray(1)]
    for (const message of messages) {
      await assertRefused(kms.verifyMac({ ...request, Message: message, Mac }), invalid, '')
      assert.notDeepEqual((await kms.generateMac({ ...request, Message: message })).Mac, Mac)
    }
    const other = await newKey(kms, { KeySpec, KeyUsage })
    await assertRefused(kms.verifyMac({ ...request, KeyId: other.id, Mac }), invalid, '')
    assert.notDeepEqual((await kms.generateMac({ ...request, KeyId: other.id })).Mac, Mac)
  })
}

test('GenerateMac and VerifyMac refuse keys of another usage and algorithms of another spec', async () => {
  for (const key of keys) {
    for (const { algorithms } of macKeys) {
      const MacAlgorithm = algorithms[0] as MacAlgorithmSpec
      const request = { KeyId: key.id, Message, MacAlgorithm }
      const calls = {
        GenerateMac: () => kms.generateMac(request),
        VerifyMac: () => kms.verifyMac({ ...request, Mac: Buffer.alloc(32) }),
      }
      for (const [operation, call] of Object.entries(calls)) {
        const use = { operation, KeyUsage: 'GENERATE_VERIFY_MAC', algorithm: MacAlgorithm } as const
        const text = misuse(key, use)
        if (text !== undefined) await assertRefused(call(), 'InvalidKeyUsageException', text)
      }
    }
  }
})

test('a message has 1 to 4096 bytes and a MAC 1 to 6144, and neither is repeated in the error', async () => {
  const [key] = macKeys
  const request = { KeyId: key?.id, Message, MacAlgorithm: 'HMAC_SHA_224' } as const
  const bound = (at: string, which: 'less' | 'greater', length: number) =>
    `1 validation error detected: Value at '${at}' failed to satisfy constraint: Member must have length ${which} than or equal to ${length}`
  const Mac = Buffer.alloc(28)
  const empty = Buffer.alloc(0)
  for (const call of [
    (message: Buffer) => kms.generateMac({ ...request, Message: message }),
    (message: Buffer) => kms.verifyMac({ ...request, Message: message, Mac }),
  ]) {
    await assertRefused(call(empty), 'ValidationException', bound('message', 'greater', 1))
    await assertRefused(call(Buffer.alloc(4097)), 'ValidationException', bound('message', 'less', 4096))
  }
  const check = (mac: Buffer) => kms.verifyMac({ ...request, Mac: mac })
  await assertRefused(check(empty), 'ValidationException', bound('mac', 'greater', 1))
  await assertRefused(check(Buffer.alloc(6145)), 'ValidationException', bound('mac', 'less', 6144))
  await assertRefused(
    kms.generateMac({ ...request, MacAlgorithm: 'HMAC_MD5' as 'HMAC_SHA_224' }),
    'ValidationException',
    "1 validation error detected: Value 'HMAC_MD5' at 'macAlgorithm' failed to satisfy constraint: " +
      'Member must satisfy enum value set: [HMAC_SHA_224, HMAC_SHA_256, HMAC_SHA_384, HMAC_SHA_512]',
  )
})
