import assert from 'node:assert/strict'
import { createSecretKey } from 'node:crypto'
import { test } from 'node:test'
import { parseEnvelope } from './envelope.ts'
import { generateSymmetricMaterial, inMemorySymmetricMaterial } from './material.ts'
import { systemRandom } from './random.ts'

const keyId = 'mrk-1234abcd12ab34cd56ef1234567890ab'
const none = new Map<string, string>()

function newMaterial() {
  const { materialId, bytes } = generateSymmetricMaterial(systemRandom)
  return inMemorySymmetricMaterial({ keyId, materialId }, createSecretKey(bytes), systemRandom)
}

test('generated material has a name of 64 digits that is not derived from its bytes', () => {
  const { materialId, bytes } = generateSymmetricMaterial(systemRandom)
  assert.match(materialId, /^[0-9a-f]{64}$/)
  assert.equal(bytes.length, 32)
  assert.notEqual(materialId, bytes.toString('hex'))
})

test('material opens what it sealed and nothing that other material of the same key sealed', async () => {
  const first = newMaterial()
  const second = newMaterial()
  const envelope = parseEnvelope(await first.seal(Buffer.from('secret'), none))
  assert.ok(envelope)
  assert.equal(envelope.materialId, first.materialId)
  assert.equal((await first.open(envelope, none))?.toString(), 'secret')
  assert.equal(await second.open(envelope, none), undefined)
})

test('failing to seal is a rejection, never a throw', async () => {
  const sealing = newMaterial().seal(Buffer.alloc(7000), none)
  await assert.rejects(sealing, RangeError)
})
