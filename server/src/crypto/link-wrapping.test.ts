import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { unwrapFromLink, wrapForLink, type LinkWrapping } from './link-wrapping.ts'
import { WrapError } from './wrap.ts'
import { xWingPrivateKey } from './x-wing.ts'

const recipient = xWingPrivateKey(randomBytes(32))
const material = Buffer.alloc(32, 7)
const about: LinkWrapping = {
  from: 'one',
  to: 'other',
  accountId: '111122223333',
  keyId: 'mrk-1',
  materialId: 'ab',
  purpose: 'material',
}

test('what is wrapped to a deployment opens there, and is never wrapped alike twice', () => {
  const [one, two] = [1, 2].map(() => wrapForLink(recipient.publicKey, material, about))
  assert(one && two)
  assert.deepEqual(unwrapFromLink(recipient, one, about), material)
  assert.deepEqual(unwrapFromLink(recipient, two, about), material)
  assert.notDeepEqual(one, two)
  assert.equal(one.length, 1 + 16 + 1120 + 1 + 12 + material.length + 16)
  assert(!one.includes(material))
})

test('wrapped material does not open for another key, deployment, account, KMS key, material or purpose', () => {
  const wrapped = wrapForLink(recipient.publicKey, material, about)
  assert.throws(() => unwrapFromLink(xWingPrivateKey(randomBytes(32)), wrapped, about), WrapError)
  for (const name of ['from', 'to', 'accountId', 'keyId', 'materialId'] as const) {
    assert.throws(() => unwrapFromLink(recipient, wrapped, { ...about, [name]: 'else' }), WrapError)
  }
  assert.throws(() => unwrapFromLink(recipient, wrapped, { ...about, purpose: 'fingerprint key' }), WrapError)
})

test('wrapped material of which any byte was changed, or some are missing, does not open', () => {
  const wrapped = wrapForLink(recipient.publicKey, material, about)
  // Every byte of what is ours, and one in sixteen of the ciphertext of the hybrid.
  for (let at = 0; at < wrapped.length; at += at >= 17 && at < 1137 ? 16 : 1) {
    const changed = Buffer.from(wrapped)
    changed.writeUInt8(changed.readUInt8(at) ^ 0x40, at)
    assert.throws(() => unwrapFromLink(recipient, changed, about), WrapError, `byte ${at}`)
  }
  for (const lengthBytes of [0, 1, 17, 1136, 1137, wrapped.length - 1]) {
    assert.throws(() => unwrapFromLink(recipient, wrapped.subarray(0, lengthBytes), about), WrapError)
  }
})
