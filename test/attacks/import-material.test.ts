import assert from 'node:assert/strict'
import { createPublicKey, generateKeyPairSync, publicEncrypt, constants, randomBytes } from 'node:crypto'
import { after, test } from 'node:test'
import type { AlgorithmSpec, CreateKeyCommandInput } from '@aws-sdk/client-kms'
import { integer, nothing, objectIdentifier, octetString, sequence, tlv } from '../der.ts'
import { ecPkcs8 } from '../key-encodings.ts'
import { kmsClient, newKey } from '../kms-client.ts'
import { assertRefused } from '../refusal.ts'
import { startServer } from '../server-process.ts'
import { send } from '../signed-request.ts'
import { underAes, wrapMaterial } from '../wrap-material.ts'

const server = await startServer()
after(() => server.stop())
const kms = kmsClient(server)
const stays = { ExpirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE' } as const

const external = async (more: CreateKeyCommandInput = {}) =>
  (await newKey(kms, { Origin: 'EXTERNAL', ...more })).id
const ecKey = () => external({ KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' })
const rsaKey = () => external({ KeySpec: 'RSA_2048', KeyUsage: 'SIGN_VERIFY' })

async function parameters(KeyId: string, WrappingAlgorithm: AlgorithmSpec = 'RSA_AES_KEY_WRAP_SHA_256') {
  const given = await kms.getParametersForImport({ KeyId, WrappingAlgorithm, WrappingKeySpec: 'RSA_2048' })
  assert.ok(given.PublicKey && given.ImportToken)
  return { PublicKey: given.PublicKey, ImportToken: given.ImportToken }
}

test('a token that was altered in any of its parts is refused, and nothing of it is told', async () => {
  const KeyId = await external()
  const { ImportToken, PublicKey } = await parameters(KeyId, 'RSAES_OAEP_SHA_256')
  const EncryptedKeyMaterial = wrapMaterial(PublicKey, 'RSAES_OAEP_SHA_256', randomBytes(32))
  const texts = new Set<string>()
  const step = Math.ceil(ImportToken.length / 40)
  const tokens = [Buffer.of(1), randomBytes(ImportToken.length), Buffer.concat([ImportToken, Buffer.of(0)])]
  for (let at = 0; at < ImportToken.length; at += step) {
    const altered = Buffer.from(ImportToken)
    altered[at] = (altered[at] as number) ^ 0x80
    tokens.push(altered, Buffer.from(ImportToken.subarray(0, at + 1)))
  }
  for (const token of tokens) {
    await assert.rejects(
      kms.importKeyMaterial({ KeyId, ImportToken: token, EncryptedKeyMaterial, ...stays }),
      (error: Error) => {
        assert.equal(error.name, 'InvalidImportTokenException')
        texts.add(error.message)
        return true
      },
    )
  }
  assert.equal(texts.size, 1)
})

test('the parts of two tokens do not make one', async () => {
  const KeyId = await external()
  const of = () => parameters(KeyId, 'RSAES_OAEP_SHA_256')
  const [one, other] = [await of(), await of()]
  const EncryptedKeyMaterial = wrapMaterial(one.PublicKey, 'RSAES_OAEP_SHA_256', randomBytes(32))
  for (const border of [14, 30, 100, one.ImportToken.length - 16]) {
    const ImportToken = Buffer.concat([
      one.ImportToken.subarray(0, border),
      other.ImportToken.subarray(border),
    ])
    await assertRefused(
      kms.importKeyMaterial({ KeyId, ImportToken, EncryptedKeyMaterial, ...stays }),
      'InvalidImportTokenException',
      /./,
    )
  }
})

/** What a sender who looks for an oracle would try: paddings that are almost right, and layers that do not fit each other. */
test('whatever does not open is one error without a text, in either layer', async () => {
  const KeyId = await ecKey()
  const { ImportToken, PublicKey } = await parameters(KeyId)
  const key = createPublicKey({ key: Buffer.from(PublicKey), format: 'der', type: 'spki' })
  const raw = (bytes: Buffer) => publicEncrypt({ key, padding: constants.RSA_NO_PADDING }, bytes)
  const oaep = (bytes: Buffer, oaepHash = 'sha256') =>
    publicEncrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash }, bytes)
  const aesKey = randomBytes(32)
  const material = ecPkcs8('prime256v1', randomBytes(32))
  const second = underAes(aesKey, material)
  const block = (first: number, ...rest: number[]) =>
    Buffer.concat([Buffer.of(first, ...rest), randomBytes(255 - rest.length)])
  const first: Record<string, Buffer> = {
    'a first octet that is not zero': raw(block(1)),
    'a first octet of zero, and noise': raw(block(0)),
    'PKCS #1 v1.5 padding': publicEncrypt({ key, padding: constants.RSA_PKCS1_PADDING }, aesKey),
    'OAEP with SHA-1': oaep(aesKey, 'sha1'),
    'an AES key of 16 bytes': oaep(randomBytes(16)),
    'an AES key of 24 bytes': oaep(randomBytes(24)),
    'an AES key of 33 bytes': oaep(Buffer.concat([aesKey, Buffer.alloc(1)])),
    'no AES key': oaep(Buffer.alloc(0)),
    'another AES key': oaep(randomBytes(32)),
    zero: Buffer.alloc(256),
    'the modulus and beyond': Buffer.alloc(256, 0xff),
  }
  const blobs = Object.entries(first).map(([what, bytes]): [string, Buffer] => [
    what,
    Buffer.concat([bytes, second]),
  ])
  const whole = Buffer.concat([oaep(aesKey), second])
  const flipped = Buffer.from(whole)
  flipped[256] = (flipped[256] as number) ^ 1
  blobs.push(
    ['the first layer alone', oaep(aesKey)],
    ['half of the first layer', oaep(aesKey).subarray(0, 128)],
    ['the second layer alone', second],
    ['the second layer cut', whole.subarray(0, -8)],
    ['the second layer cut within a block', whole.subarray(0, -3)],
    ['the second layer twice', Buffer.concat([whole, second])],
    ['the second layer altered', flipped],
    ['the layers in the other order', Buffer.concat([second, oaep(aesKey)])],
    ['a byte', Buffer.of(0)],
    ['as much as a request may have', randomBytes(6144)],
  )
  for (const [what, EncryptedKeyMaterial] of blobs) {
    await assertRefused(
      kms.importKeyMaterial({ KeyId, ImportToken, EncryptedKeyMaterial, ...stays }),
      'InvalidCiphertextException',
      '',
    ).catch((cause: unknown) => {
      throw new Error(what, { cause })
    })
  }
})

test("keys that would be weak or would be another's are refused alike, and the key still waits", async () => {
  const pkcs8 = { type: 'pkcs8', format: 'der' } as const
  const p256 = generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey.export(pkcs8)
  const explicit = generateKeyPairSync('ec', { namedCurve: 'prime256v1', paramEncoding: 'explicit' })
  const order = Buffer.from('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551', 'hex')
  const swapped = Buffer.from(p256)
  generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey.export(pkcs8).copy(swapped, 73, 73)
  const onCurve: Record<string, Uint8Array> = {
    'zero as the private number': ecPkcs8('prime256v1', Buffer.alloc(32)),
    'the order as the private number': ecPkcs8('prime256v1', order),
    'the public key of somebody else': swapped,
    'a curve that is described': explicit.privateKey.export(pkcs8),
    'a curve of another name': ecPkcs8('secp256k1', randomBytes(32)),
    'an RSA key': generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export(pkcs8),
    'bytes after it': Buffer.concat([p256, Buffer.alloc(4)]),
    'nested sequences': nested(1200),
    'a length that is not there': Buffer.of(0x30, 0x84, 0xff, 0xff, 0xff, 0xff, ...randomBytes(40)),
    'an empty sequence': Buffer.of(0x30, 0),
  }
  const numbers = (n: bigint, e: bigint) => rsaPkcs8([0n, n, e, 3n, 3n, 5n, 1n, 1n, 1n])
  const odd = (bits: bigint) => (1n << (bits - 1n)) + 1n
  const ofRsa: Record<string, Uint8Array> = {
    'a modulus of 30,000 bits': numbers(odd(30_000n), 65_537n),
    'an exponent as long as the modulus': numbers(odd(2048n), odd(2048n)),
    'an exponent of 1': numbers(odd(2048n), 1n),
    'factors that are not prime': numbers(odd(2048n), 65_537n),
    'a modulus of zero': numbers(0n, 65_537n),
    'RSA-PSS by name': generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).privateKey.export(pkcs8),
    DSA: generateKeyPairSync('dsa', { modulusLength: 1024, divisorLength: 160 }).privateKey.export(pkcs8),
  }
  const texts = new Set<string>()
  for (const [KeyId, cases] of [
    [await ecKey(), onCurve],
    [await rsaKey(), ofRsa],
  ] as const) {
    const { ImportToken, PublicKey } = await parameters(KeyId)
    for (const [what, material] of Object.entries(cases)) {
      const EncryptedKeyMaterial = wrapMaterial(PublicKey, 'RSA_AES_KEY_WRAP_SHA_256', material)
      await assert.rejects(
        kms.importKeyMaterial({ KeyId, ImportToken, EncryptedKeyMaterial, ...stays }),
        (error: Error) => {
          assert.equal(error.name, 'IncorrectKeyMaterialException', what)
          texts.add(error.message)
          return true
        },
      )
    }
    assert.equal((await kms.describeKey({ KeyId })).KeyMetadata?.KeyState, 'PendingImport')
  }
  assert.equal(texts.size, 1)
})

test('who may not import hears so before the token or the material is looked at', async () => {
  const Policy = JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { AWS: 'arn:aws:iam::000000000000:root' },
        Action: ['kms:Describe*', 'kms:PutKeyPolicy', 'kms:GetParametersForImport'],
        Resource: '*',
      },
    ],
  })
  const KeyId = await external({ Policy })
  const { ImportToken } = await parameters(KeyId, 'RSAES_OAEP_SHA_256')
  for (const token of [ImportToken, randomBytes(64)]) {
    await assertRefused(
      kms.importKeyMaterial({ KeyId, ImportToken: token, EncryptedKeyMaterial: randomBytes(256), ...stays }),
      'AccessDeniedException',
      /kms:ImportKeyMaterial/,
    )
  }
})

test('many imports and questions for wrapping keys at once hold nobody else up', async () => {
  const KeyId = await rsaKey()
  const { ImportToken, PublicKey } = await parameters(KeyId)
  const key = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({
    type: 'pkcs8',
    format: 'der',
  })
  const EncryptedKeyMaterial = wrapMaterial(PublicKey, 'RSA_AES_KEY_WRAP_SHA_256', key)
  const many = Array.from({ length: 40 }, (_, i) =>
    i % 2 === 0
      ? kms.importKeyMaterial({ KeyId, ImportToken, EncryptedKeyMaterial, ...stays })
      : kms.getParametersForImport({
          KeyId,
          WrappingAlgorithm: 'RSA_AES_KEY_WRAP_SHA_256',
          WrappingKeySpec: 'RSA_3072',
        }),
  )
  const settled = Promise.allSettled(many)
  const started = performance.now()
  await kmsClient(server).generateRandom({ NumberOfBytes: 16 })
  assert.ok(performance.now() - started < 2_000)
  const outcomes = (await settled).map((outcome) =>
    outcome.status === 'fulfilled' ? 'done' : (outcome.reason as Error).name,
  )
  for (const name of new Set(outcomes)) assert.match(name, /^(done|ThrottlingException)$/)
  assert.ok(outcomes.includes('done'))
})

test("tokens and blobs beyond AWS's lengths are refused as AWS refuses them", async () => {
  const KeyId = await external()
  const long = Buffer.alloc(6145).toString('base64')
  const short = Buffer.alloc(1).toString('base64')
  for (const [ImportToken, EncryptedKeyMaterial, member] of [
    [long, short, 'importToken'],
    [short, long, 'encryptedKeyMaterial'],
  ]) {
    const body = { KeyId, ImportToken, EncryptedKeyMaterial, ...stays }
    const { status, body: answer } = await send(server, { operation: 'ImportKeyMaterial', body })
    assert.equal(status, 400)
    assert.match(
      answer,
      new RegExp(`Value at '${member}' failed to satisfy constraint: Member must have length less`),
    )
  }
})

function nested(depth: number): Buffer {
  let bytes: Buffer = Buffer.of(0x30, 0)
  for (let i = 0; i < depth; i++) bytes = tlv(0x30, bytes)
  return bytes
}

/** PKCS #8 around whatever numbers. */
function rsaPkcs8(numbers: readonly bigint[]): Buffer {
  const algorithm = sequence(objectIdentifier('1.2.840.113549.1.1.1'), nothing)
  return sequence(integer(0n), algorithm, octetString(sequence(...numbers.map(integer))))
}
