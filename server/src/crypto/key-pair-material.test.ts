import assert from 'node:assert/strict'
import {
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  encapsulate,
  publicEncrypt,
  sign,
} from 'node:crypto'
import { after, test } from 'node:test'
import { factsOf } from '../keys/specs.ts'
import { createKeyEngine } from './in-process-engine.ts'
import { TooManyWaiting } from './material.ts'
import type { PrivateKeyForm } from './key-form.ts'
import { systemRandom } from './random.ts'
import { formsFor, given, keptMaterial, materialOf, newMaterial, signings } from './testing/materials.ts'

const engine = createKeyEngine({ random: systemRandom })
after(() => engine.close())

const message = Buffer.from('a message')
const rsa2048 = factsOf('RSA_2048').form

function publicKeyOf(bytes: Buffer) {
  return createPublicKey({ key: bytes, format: 'der', type: 'spki' })
}

for (const { name, form, scheme, inputs } of signings) {
  test(`${name}: a signature is valid for its message, however the message is given, and for no other`, async () => {
    const material = await keptMaterial(engine, form, 'sign')
    for (const input of inputs) {
      const own = given(message, input, scheme, material.publicKey)
      const signature = await material.sign(scheme, input, own)
      for (const other of inputs) {
        const alike = given(message, other, scheme, material.publicKey)
        assert.ok(await material.verify(scheme, other, alike, signature), `${input}, then ${other}`)
        const another = given(Buffer.from('another'), other, scheme, material.publicKey)
        assert.ok(!(await material.verify(scheme, other, another, signature)))
        signature[signature.length - 1] = (signature.at(-1) as number) ^ 1
        assert.ok(!(await material.verify(scheme, other, alike, signature)))
        signature[signature.length - 1] = (signature.at(-1) as number) ^ 1
      }
    }
  })

  test(`${name}: what is no signature at all is not valid, and nothing throws`, async () => {
    const material = await keptMaterial(engine, form, 'sign')
    for (const input of inputs) {
      const own = given(message, input, scheme, material.publicKey)
      const signature = await material.sign(scheme, input, own)
      const cases = [
        Buffer.alloc(0),
        Buffer.alloc(1),
        Buffer.alloc(signature.length),
        Buffer.alloc(signature.length, 0xff),
        Buffer.alloc(6144),
        signature.subarray(1),
        signature.subarray(0, -1),
        Buffer.concat([signature, Buffer.alloc(1)]),
        Buffer.concat([Buffer.alloc(1), signature]),
      ]
      for (const [index, malformed] of cases.entries()) {
        assert.equal(await material.verify(scheme, input, own, malformed), false, `${input}, case ${index}`)
      }
    }
  })
}

for (const [name, form] of formsFor('ENCRYPT_DECRYPT').filter(([, { type }]) => type === 'rsa')) {
  for (const hash of ['sha1', 'sha256'] as const) {
    test(`${name}: what its public key encrypts with OAEP over ${hash} opens, and nothing else does`, async () => {
      const scheme = { hash }
      const material = await keptMaterial(engine, form, 'decrypt')
      for (const plaintext of [Buffer.from('secret'), Buffer.alloc(0)]) {
        const ciphertext = await material.encrypt(scheme, plaintext)
        assert.deepEqual(await material.decrypt(scheme, ciphertext), plaintext)
        assert.equal(
          await material.decrypt({ hash: hash === 'sha1' ? 'sha256' : 'sha1' }, ciphertext),
          undefined,
        )
        for (const wrong of [
          ciphertext.subarray(1),
          Buffer.concat([Buffer.alloc(1), ciphertext]),
          Buffer.alloc(ciphertext.length),
          Buffer.alloc(ciphertext.length, 0xff),
          Buffer.alloc(0),
        ]) {
          assert.equal(await material.decrypt(scheme, wrong), undefined)
        }
      }
    })
  }
}

test('an OAEP ciphertext of another key does not open', async () => {
  const [own, other] = [
    await keptMaterial(engine, rsa2048, 'decrypt'),
    await newMaterial(engine, rsa2048, 'decrypt'),
  ]
  const scheme = { hash: 'sha256' } as const
  assert.equal(await own.decrypt(scheme, await other.encrypt(scheme, message)), undefined)
})

test('an OAEP ciphertext whose first byte is zero does not open without it', async () => {
  const material = await keptMaterial(engine, rsa2048, 'decrypt')
  let ciphertext: Buffer
  do ciphertext = await material.encrypt({ hash: 'sha256' }, message)
  while (ciphertext[0] !== 0)
  assert.deepEqual(await material.decrypt({ hash: 'sha256' }, ciphertext), message)
  assert.equal(await material.decrypt({ hash: 'sha256' }, ciphertext.subarray(1)), undefined)
})

test('a PSS signature whose first byte is zero is not valid without it', async () => {
  const material = await keptMaterial(engine, rsa2048, 'sign')
  const scheme = { type: 'rsa-pss', hash: 'sha256' } as const
  let signature: Buffer
  do signature = await material.sign(scheme, 'message', message)
  while (signature[0] !== 0)
  const digest = given(message, 'digest', scheme, material.publicKey)
  assert.ok(await material.verify(scheme, 'message', message, signature))
  assert.ok(await material.verify(scheme, 'digest', digest, signature))
  assert.ok(!(await material.verify(scheme, 'message', message, signature.subarray(1))))
  assert.ok(!(await material.verify(scheme, 'digest', digest, signature.subarray(1))))
})

for (const [name, form] of formsFor('KEY_AGREEMENT')) {
  test(`${name}: both sides agree on one secret, which is as long as the field`, async () => {
    const [one, other] = [await newMaterial(engine, form, 'agree'), await newMaterial(engine, form, 'agree')]
    const secret = await one.agree(other.publicKey)
    assert.ok(secret)
    assert.deepEqual(await other.agree(one.publicKey), secret)
    const raw = publicKeyOf(one.publicKey)
    if (raw.asymmetricKeyType === 'ec') {
      assert.equal(secret.length, (raw.export({ format: 'raw-public' }).length - 1) / 2)
    }
    assert.equal(await one.agree(other.publicKey.subarray(1)), undefined)
  })
}

for (const [name, form] of formsFor('ENCAPSULATE_DECAPSULATE')) {
  test(`${name}: what is encapsulated is decapsulated, and a changed ciphertext gives another secret`, async () => {
    const material = await newMaterial(engine, form, 'encapsulate')
    const { sharedSecret, ciphertext } = await material.encapsulate()
    assert.deepEqual(await material.decapsulate(ciphertext), sharedSecret)
    const elsewhere = encapsulate(publicKeyOf(material.publicKey))
    assert.deepEqual(await material.decapsulate(elsewhere.ciphertext), elsewhere.sharedKey)
    ciphertext[0] = (ciphertext[0] as number) ^ 1
    const rejected = await material.decapsulate(ciphertext)
    assert.equal(rejected?.length, 32)
    assert.notDeepEqual(rejected, sharedSecret)
    for (const wrong of [
      ciphertext.subarray(1),
      Buffer.concat([ciphertext, Buffer.alloc(1)]),
      Buffer.alloc(0),
    ]) {
      assert.equal(await material.decapsulate(wrong), undefined)
    }
  })
}

test('the shared secret keeps the zeros that it begins with', async () => {
  const { form } = factsOf('ECC_NIST_P256')
  const material = await newMaterial(engine, form, 'agree')
  let secret: Buffer | undefined
  do secret = await material.agree((await engine.generatePair(form as PrivateKeyForm, 'somebody')).publicKey)
  while (secret?.[0] !== 0)
  assert.equal(secret.length, 32)
})

test('keys of other kinds and other curves are no peers', async () => {
  for (const [, form] of formsFor('KEY_AGREEMENT')) {
    const material = await newMaterial(engine, form, 'agree')
    for (const spec of ['RSA_2048', 'ECC_SECG_P256K1', 'ECC_NIST_EDWARDS25519', 'ML_KEM_512'] as const) {
      const { publicKey } = await engine.generatePair(factsOf(spec).form as PrivateKeyForm, 'somebody')
      assert.equal(await material.agree(publicKey), undefined, spec)
    }
    for (const [, another] of formsFor('KEY_AGREEMENT').filter(([, other]) => other !== form)) {
      const { publicKey } = await newMaterial(engine, another, 'agree')
      assert.equal(await material.agree(publicKey), undefined)
    }
  }
})

test('what threads do is what is done here', async () => {
  const { form } = factsOf('RSA_3072')
  const bytes = await engine.generate(form, 'somebody')
  const privateKey = createPrivateKey({ key: bytes, format: 'der', type: 'pkcs8' })
  const signing = materialOf(engine, form, 'sign', bytes)
  const scheme = { type: 'rsa-pkcs1-v1.5', hash: 'sha256' } as const
  assert.deepEqual(await signing.sign(scheme, 'message', message), sign('sha256', message, privateKey))

  const decrypting = materialOf(engine, form, 'decrypt', bytes)
  const ciphertext = publicEncrypt({ key: publicKeyOf(decrypting.publicKey), oaepHash: 'sha1' }, message)
  assert.deepEqual(await decrypting.decrypt({ hash: 'sha1' }, ciphertext), message)

  const onP384 = factsOf('ECC_NIST_P384').form
  const [own, peer] = [await engine.generate(onP384, 'somebody'), await newMaterial(engine, onP384, 'agree')]
  const keys = {
    privateKey: createPrivateKey({ key: own, format: 'der', type: 'pkcs8' }),
    publicKey: publicKeyOf(peer.publicKey),
  }
  const agreeing = materialOf(engine, onP384, 'agree', own)
  assert.deepEqual(await agreeing.agree(peer.publicKey), diffieHellman(keys))
})

test('slow work waits in the turn of the account that asks, and uses up no other', async () => {
  const material = await keptMaterial(engine, factsOf('RSA_4096').form, 'sign')
  const ask = (askedBy?: string) =>
    material.sign({ type: 'rsa-pss', hash: 'sha256' }, 'message', message, askedBy)
  const flood = Array.from({ length: 200 }, () => ask('a stranger').catch((error: unknown) => error))
  const own = await ask()
  assert.equal(own.length, 512)
  const refused = (await Promise.all(flood)).filter((answer) => !Buffer.isBuffer(answer))
  assert.ok(refused.length > 0)
  assert.ok(refused.every((error) => error instanceof TooManyWaiting))
})
