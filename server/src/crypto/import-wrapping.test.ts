import assert from 'node:assert/strict'
import {
  constants,
  createCipheriv,
  generateKeyPairSync,
  publicEncrypt,
  randomBytes,
  type KeyObject,
} from 'node:crypto'
import { test } from 'node:test'
import { unwrapImport, unwrapKwp, type ImportScheme } from './import-wrapping.ts'

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const material = randomBytes(32)
const plain: ImportScheme = { type: 'oaep', hash: 'sha256' }
const layered: ImportScheme = { type: 'oaep-aes-kwp', hash: 'sha1' }

const oaep = (bytes: Buffer, oaepHash: string, key: KeyObject = publicKey) =>
  publicEncrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash }, bytes)

function kwp(key: Buffer, bytes: Buffer): Buffer {
  const cipher = createCipheriv(`id-aes${key.length * 8}-wrap-pad`, key, Buffer.from('a65959a6', 'hex'))
  return Buffer.concat([cipher.update(bytes), cipher.final()])
}

test('material comes out that was wrapped under the RSA key itself', () => {
  const unwrapped = unwrapImport(privateKey, plain, oaep(material, 'sha256'))
  assert.deepEqual(unwrapped?.export(), material)
})

test('material of any length comes out that was wrapped under an AES key under the RSA key', () => {
  for (const length of [1, 7, 8, 9, 32, 138, 2374]) {
    const bytes = randomBytes(length)
    const aesKey = randomBytes(32)
    const wrapped = Buffer.concat([oaep(aesKey, 'sha1'), kwp(aesKey, bytes)])
    assert.deepEqual(unwrapImport(privateKey, layered, wrapped)?.export(), bytes)
  }
})

test('nothing comes out of what was wrapped otherwise, altered, cut or made longer', () => {
  const aesKey = randomBytes(32)
  const good = Buffer.concat([oaep(aesKey, 'sha1'), kwp(aesKey, material)])
  const other = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const longer = generateKeyPairSync('rsa', { modulusLength: 3072 })
  const flipped = (at: number) => {
    const altered = Buffer.from(good)
    altered[at] = (altered[at] as number) ^ 1
    return altered
  }
  const short = randomBytes(16)
  const bad: Record<string, Buffer> = {
    'of another hash': Buffer.concat([oaep(aesKey, 'sha256'), kwp(aesKey, material)]),
    'under another key': Buffer.concat([oaep(aesKey, 'sha1', other.publicKey), kwp(aesKey, material)]),
    'under a longer key': Buffer.concat([oaep(aesKey, 'sha1', longer.publicKey), kwp(aesKey, material)]),
    'under an AES key of 128 bits': Buffer.concat([oaep(short, 'sha1'), kwp(short, material)]),
    'under an empty AES key': Buffer.concat([oaep(Buffer.alloc(0), 'sha1'), kwp(aesKey, material)]),
    'with the material itself under the RSA key': oaep(material, 'sha1'),
    'altered in its first layer': flipped(200),
    'altered in its second layer': flipped(260),
    'cut by a byte': good.subarray(0, -1),
    'cut by a block': good.subarray(0, -8),
    'cut between the layers': good.subarray(0, 256),
    'with a byte more': Buffer.concat([good, Buffer.alloc(1)]),
    'with a block more': Buffer.concat([good, Buffer.alloc(8)]),
    nothing: Buffer.alloc(0),
  }
  for (const [what, wrapped] of Object.entries(bad)) {
    assert.equal(unwrapImport(privateKey, layered, wrapped), undefined, what)
    assert.equal(unwrapImport(privateKey, plain, wrapped), undefined, `${what}, taken as one layer`)
  }
})

test('a failure takes both steps, whichever of them failed', () => {
  const aesKey = randomBytes(32)
  const second = kwp(aesKey, randomBytes(2374))
  const badFirst = Buffer.concat([randomBytes(256), second])
  badFirst[0] = 0
  const badSecond = Buffer.concat([oaep(aesKey, 'sha1'), randomBytes(second.length)])
  const timeOf = (wrapped: Buffer) => {
    const started = performance.now()
    for (let i = 0; i < 40; i++) assert.equal(unwrapImport(privateKey, layered, wrapped), undefined)
    return performance.now() - started
  }
  const ratios = [1, 2, 3, 4, 5].map(() => timeOf(badFirst) / timeOf(badSecond)).sort((a, b) => a - b)
  const median = ratios[2] as number
  assert.ok(median > 1 / 3 && median < 3, `one takes ${median} times as long as the other`)
})

// RFC 5649, section 6: the only figures there, under a key of 192 bits.
test('AES key wrap with padding gives what RFC 5649 says', () => {
  const key = Buffer.from('5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8', 'hex')
  const cases = [
    [
      'c37b7e6492584340bed12207808941155068f738',
      '138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a',
    ],
    ['466f7250617369', 'afbeb0f07dfbf5419200f2ccb50bb24f'],
  ] as const
  for (const [plaintext, wrapped] of cases) {
    assert.equal(unwrapKwp(key, Buffer.from(wrapped, 'hex'))?.toString('hex'), plaintext)
  }
})
