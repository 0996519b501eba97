import assert from 'node:assert/strict'
import { createPrivateKey, createPublicKey } from 'node:crypto'
import { after, before, test } from 'node:test'
import type { KeySpec, KeyUsageType, KMS } from '@aws-sdk/client-kms'
import type { KeyForm } from '../../server/src/crypto/key-form.ts'
import type { SigningMaterial } from '../../server/src/crypto/material.ts'
import type { SignatureScheme, SignedInput } from '../../server/src/crypto/schemes.ts'
import { integer, sequence } from '../der.ts'
import { kmsClient, newKey } from '../kms-client.ts'
import { engine, newMaterial } from '../material.ts'
import { startServer, type ServerProcess } from '../server-process.ts'
import { send } from '../signed-request.ts'
import { agreementCurves, unfitPeerKeys } from './peer-keys.ts'

/** The largest that a request may bring is not much work, and none of it that the event loop waits for. */

const MAIN_THREAD_LIMIT_MS = 20
const REQUEST_LIMIT_MS = 200

let server: ServerProcess
let kms: KMS
before(async () => {
  server = await startServer()
  kms = kmsClient(server)
})
after(async () => {
  await server.stop()
  await engine.close()
})

/** As long as Verify takes, for parsers of every kind to get lost in. */
const signatures: Readonly<Record<string, Buffer>> = {
  zeros: Buffer.alloc(6144),
  ones: Buffer.alloc(6144, 0xff),
  'open sequences': Buffer.alloc(6144, Buffer.of(0x30, 0x80)),
  'two numbers of 3000 bytes': sequence(integer(1n << 24_000n), integer((1n << 24_000n) - 1n)),
  'a number of 6000 bytes': sequence(integer((1n << 48_000n) - 1n), integer(1n)),
  'numbers without end': sequence(Buffer.alloc(6000, integer(1n))),
}

interface Family {
  readonly form: KeyForm
  readonly scheme: SignatureScheme
  readonly input: SignedInput
  readonly message: Buffer
}

const longest = Buffer.alloc(4096, 'x')
const rsa: KeyForm = { type: 'rsa', modulusBits: 4096 }
const p521: KeyForm = { type: 'ec', namedCurve: 'secp521r1' }
const secp256k1: KeyForm = { type: 'ec', namedCurve: 'secp256k1' }
const ed25519: KeyForm = { type: 'ed25519' }
const mlDsa: KeyForm = { type: 'ml-dsa', parameterSet: 'ml-dsa-87' }
const pss = { type: 'rsa-pss', hash: 'sha512' } as const
const pkcs1 = { type: 'rsa-pkcs1-v1.5', hash: 'sha512' } as const
const ecdsa512 = { type: 'ecdsa', hash: 'sha512' } as const
const ecdsa256 = { type: 'ecdsa', hash: 'sha256' } as const

/** For each of the ways to sign, of the message as it is and of what stands for it. */
const families: readonly Family[] = [
  { form: rsa, scheme: pss, input: 'message', message: longest },
  { form: rsa, scheme: pss, input: 'digest', message: Buffer.alloc(64) },
  { form: rsa, scheme: pkcs1, input: 'message', message: longest },
  { form: rsa, scheme: pkcs1, input: 'digest', message: Buffer.alloc(64) },
  { form: p521, scheme: ecdsa512, input: 'message', message: longest },
  { form: p521, scheme: ecdsa512, input: 'digest', message: Buffer.alloc(64) },
  { form: secp256k1, scheme: ecdsa256, input: 'message', message: longest },
  { form: secp256k1, scheme: ecdsa256, input: 'digest', message: Buffer.alloc(32) },
  { form: ed25519, scheme: { type: 'ed25519' }, input: 'message', message: longest },
  { form: ed25519, scheme: { type: 'ed25519ph' }, input: 'digest', message: Buffer.alloc(64) },
  { form: mlDsa, scheme: { type: 'ml-dsa' }, input: 'message', message: longest },
  { form: mlDsa, scheme: { type: 'ml-dsa' }, input: 'mu', message: Buffer.alloc(64) },
]

/** Of this thread alone: what other threads do, and other processes on the machine, does not count. */
async function mainThreadMs(work: () => Promise<unknown>): Promise<number> {
  const start = process.threadCpuUsage()
  await work()
  const { user, system } = process.threadCpuUsage(start)
  return (user + system) / 1000
}

test('neither the longest messages nor the worst signatures hold the event loop, whatever the algorithm', async () => {
  const made = new Map<KeyForm, SigningMaterial>()
  for (const { form, scheme, input, message } of families) {
    const material = made.get(form) ?? (await newMaterial('sign', form)).material
    made.set(form, material)
    const right = await material.sign(scheme, input, message)
    assert.equal(await material.verify(scheme, input, message, right), true)
    for (const [what, signature] of Object.entries({ ...signatures, 'the right one': right })) {
      const took = await mainThreadMs(() => material.verify(scheme, input, message, signature))
      assert.ok(took < MAIN_THREAD_LIMIT_MS, `${scheme.type} of a ${input}, ${what}: ${took} ms`)
    }
    const signing = await mainThreadMs(() => material.sign(scheme, input, message))
    assert.ok(signing < MAIN_THREAD_LIMIT_MS, `${scheme.type} signs a ${input}: ${signing} ms`)
  }
})

test('no peer key and no ciphertext holds the event loop', async () => {
  for (const curve of agreementCurves) {
    const { material } = await newMaterial('agree', { type: 'ec', namedCurve: curve.name })
    await material.agree(Buffer.alloc(1))
    for (const [what, spki] of Object.entries(unfitPeerKeys(curve))) {
      const took = await mainThreadMs(() => material.agree(spki))
      assert.ok(took < MAIN_THREAD_LIMIT_MS, `${curve.name}, ${what}: ${took} ms`)
    }
  }
  const { material, bytes } = await newMaterial('decrypt', { type: 'rsa', modulusBits: 4096 })
  const modulus = createPublicKey(createPrivateKey({ key: bytes, format: 'der', type: 'pkcs8' })).export({
    format: 'jwk',
  }).n
  const ciphertexts = [
    Buffer.alloc(6144, 0xff),
    Buffer.alloc(512, 1),
    Buffer.from(modulus ?? '', 'base64url'),
  ]
  await material.decrypt({ hash: 'sha256' }, Buffer.alloc(512, 2))
  for (const ciphertext of ciphertexts) {
    const took = await mainThreadMs(() => material.decrypt({ hash: 'sha256' }, ciphertext))
    assert.ok(took < MAIN_THREAD_LIMIT_MS, `${ciphertext.length} bytes: ${took} ms`)
  }
})

test('the largest that each operation takes costs the server little', async () => {
  const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64')
  const keyOf = async (KeySpec: KeySpec, KeyUsage: KeyUsageType) =>
    (await newKey(kms, { KeySpec, KeyUsage })).id
  const Message = base64(longest)
  const requests: [operation: string, body: object][] = []
  for (const [KeySpec, SigningAlgorithm] of [
    ['RSA_4096', 'RSASSA_PSS_SHA_512'],
    ['ECC_NIST_P521', 'ECDSA_SHA_512'],
    ['ML_DSA_87', 'ML_DSA_SHAKE_256'],
  ] as const) {
    const KeyId = await keyOf(KeySpec, 'SIGN_VERIFY')
    for (const signature of Object.values(signatures)) {
      requests.push(['Verify', { KeyId, SigningAlgorithm, Message, Signature: base64(signature) }])
    }
  }
  const agreeing = { KeyId: await keyOf('ECC_NIST_P521', 'KEY_AGREEMENT'), KeyAgreementAlgorithm: 'ECDH' }
  const decrypting = {
    KeyId: await keyOf('RSA_4096', 'ENCRYPT_DECRYPT'),
    EncryptionAlgorithm: 'RSAES_OAEP_SHA_256',
  }
  const mac = { KeyId: await keyOf('HMAC_512', 'GENERATE_VERIFY_MAC'), MacAlgorithm: 'HMAC_SHA_512' }
  for (const start of [
    Buffer.of(0),
    Buffer.of(0xff),
    Buffer.of(0x30, 0x80),
    Buffer.of(0x30, 0x84, 0x7f, 0xff),
  ]) {
    requests.push(['DeriveSharedSecret', { ...agreeing, PublicKey: base64(Buffer.alloc(8192, start)) }])
  }
  requests.push(['Decrypt', { ...decrypting, CiphertextBlob: base64(Buffer.alloc(6144, 0xff)) }])
  requests.push(['VerifyMac', { ...mac, Message, Mac: base64(Buffer.alloc(6144)) }])

  for (const [operation, body] of requests) {
    assert.equal((await send(server, { operation, body })).status, 400, operation)
    const start = await busyMs()
    assert.equal((await send(server, { operation, body })).status, 400, operation)
    const took = (await busyMs()) - start
    assert.ok(took < REQUEST_LIMIT_MS, `${operation} took ${took} ms of processor time`)
  }
})

/** Processor time of the server, all its threads, in milliseconds. */
async function busyMs(): Promise<number> {
  const metrics = await (await fetch(`${server.url}/-/metrics`)).text()
  return 1000 * Number(/^process_cpu_seconds_total ([\d.e-]+)$/m.exec(metrics)?.[1] ?? Number.NaN)
}
