import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { MacHash } from '../../server/src/crypto/schemes.ts'
import { cases, hex } from './cases.ts'
import { engine, materialOf } from '../material.ts'

after(() => engine.close())

for (const hash of ['sha224', 'sha256', 'sha384', 'sha512'] satisfies MacHash[]) {
  test(`HMAC with ${hash} gives the figures of RFC 4231, and takes only the one that RFC 4231 truncates for less`, async () => {
    type Case = { testCase: number; key: string; message: string; mac: string }
    for (const { testCase, key, message, mac } of cases<Case>(`rfc-4231/hmac-${hash}.json`, 7)) {
      const bytes = hex(key)
      const material = materialOf('mac', { type: 'secret', lengthBytes: bytes.length }, bytes)
      const computed = await material.mac(hash, hex(message))
      assert.equal(computed.toString('hex').slice(0, mac.length), mac)
      assert.equal(await material.verifyMac(hash, hex(message), computed), true)
      assert.equal(await material.verifyMac(hash, hex(message), hex(mac)), testCase !== 5)
    }
  })
}
