import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { MacHash } from '../../server/src/crypto/schemes.ts'
import { engine, materialOf } from '../material.ts'
import { bytesOf, fieldOf, vectorRecords } from './debian-vectors.ts'

after(() => engine.close())

for (const hash of ['sha224', 'sha256', 'sha384', 'sha512'] satisfies MacHash[]) {
  test(`HMAC: rfc-4231-${hash}.txt gives the same MACs`, async () => {
    const records = vectorRecords(`HMAC/rfc-4231-${hash}.txt`, 'MD')
    assert.equal(records.length, 6)
    for (const record of records) {
      const key = bytesOf(record, 'Key')
      const material = materialOf('mac', { type: 'secret', lengthBytes: key.length }, key)
      const mac = await material.mac(hash, bytesOf(record, 'Msg'))
      assert.equal(mac.toString('hex'), fieldOf(record, 'MD'))
      assert.equal(await material.verifyMac(hash, bytesOf(record, 'Msg'), mac), true)
    }
  })
}
