import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { after, test } from 'node:test'
import type { PrivateKeyForm } from '../../server/src/crypto/key-form.ts'
import type { MacHash, SignatureScheme } from '../../server/src/crypto/schemes.ts'
import { engine, newMaterial } from '../material.ts'
import { openSsl } from './openssl.ts'

/** What takes a key that openssl has too, which no operation gives out. So the server's material is asked, not its API. */

after(() => engine.close())

const openssl = openSsl()
const message = Buffer.from('what openssl signs, with a zero \0 and ünïcödé in it')

test('openssl computes the same MACs with the same keys', async () => {
  for (const [hash, macBytes] of [
    ['sha224', 28],
    ['sha256', 32],
    ['sha384', 48],
    ['sha512', 64],
  ] as const satisfies [MacHash, number][]) {
    const { material, bytes } = await newMaterial('mac', { type: 'secret', lengthBytes: macBytes })
    for (const length of [1, 63, 64, 65, 127, 128, 129, 4096]) {
      const authenticated = randomBytes(length)
      openssl.put('message', authenticated)
      const key = ['-mac', 'HMAC', '-macopt', `hexkey:${bytes.toString('hex')}`]
      await openssl.run('dgst', `-${hash}`, ...key, '-binary', '-out', 'mac', 'message')
      const mac = openssl.take('mac')
      assert.equal(mac.length, macBytes)
      assert.deepEqual(await material.mac(hash, authenticated), mac)
      assert.equal(await material.verifyMac(hash, authenticated, mac), true)
    }
  }
})

const rsa: PrivateKeyForm = { type: 'rsa', modulusBits: 2048 }
const ec = (namedCurve: 'prime256v1' | 'secp384r1' | 'secp521r1' | 'secp256k1'): PrivateKeyForm => ({
  type: 'ec',
  namedCurve,
})

test('what openssl signs with a key is verified by message and by digest, PSS with a salt as long as the hash only', async () => {
  for (const [form, scheme] of [
    [rsa, { type: 'rsa-pkcs1-v1.5', hash: 'sha256' }],
    [rsa, { type: 'rsa-pkcs1-v1.5', hash: 'sha384' }],
    [rsa, { type: 'rsa-pkcs1-v1.5', hash: 'sha512' }],
    [rsa, { type: 'rsa-pss', hash: 'sha256' }],
    [rsa, { type: 'rsa-pss', hash: 'sha384' }],
    [rsa, { type: 'rsa-pss', hash: 'sha512' }],
    [ec('prime256v1'), { type: 'ecdsa', hash: 'sha256' }],
    [ec('secp384r1'), { type: 'ecdsa', hash: 'sha384' }],
    [ec('secp521r1'), { type: 'ecdsa', hash: 'sha512' }],
    [ec('secp256k1'), { type: 'ecdsa', hash: 'sha256' }],
  ] as const satisfies [PrivateKeyForm, SignatureScheme][]) {
    const { material, bytes } = await newMaterial('sign', form)
    const der = openssl.put('private.der', bytes)
    await openssl.run('pkey', '-inform', 'DER', '-in', der, '-out', 'private.pem')
    openssl.put('message', message)
    const digest = createHash(scheme.hash).update(message).digest()
    const signedBy = async (...options: string[]) => {
      const sign = ['dgst', `-${scheme.hash}`, '-sign', 'private.pem', '-out', 'signature']
      await openssl.run(...sign, ...options.flatMap((option) => ['-sigopt', option]), 'message')
      const signature = openssl.take('signature')
      return [
        await material.verify(scheme, 'message', message, signature),
        await material.verify(scheme, 'digest', digest, signature),
      ]
    }
    const what = `${scheme.type} with ${scheme.hash}`
    if (scheme.type !== 'rsa-pss') {
      assert.deepEqual(await signedBy(), [true, true], what)
      continue
    }
    const padding = 'rsa_padding_mode:pss'
    assert.deepEqual(await signedBy(padding, 'rsa_pss_saltlen:digest'), [true, true], what)
    for (const salt of ['0', '20', 'max']) {
      assert.deepEqual(await signedBy(padding, `rsa_pss_saltlen:${salt}`), [false, false], `${what}, ${salt}`)
    }
  }
})

test('what openssl signs with a key of Ed25519 is verified', async () => {
  const { material, bytes } = await newMaterial('sign', { type: 'ed25519' })
  const der = openssl.put('private.der', bytes)
  await openssl.run('pkey', '-inform', 'DER', '-in', der, '-out', 'private.pem')
  openssl.put('message', message)
  const sign = ['pkeyutl', '-sign', '-inkey', 'private.pem', '-rawin', '-in', 'message', '-out', 'signature']
  await openssl.run(...sign)
  assert.equal(
    await material.verify({ type: 'ed25519' }, 'message', message, openssl.take('signature')),
    true,
  )
})

test('openssl opens with the private key what is encrypted to the public one', async () => {
  for (const modulusBits of [2048, 3072, 4096] as const) {
    const { material, bytes } = await newMaterial('decrypt', { type: 'rsa', modulusBits })
    const der = openssl.put('private.der', bytes)
    await openssl.run('pkey', '-inform', 'DER', '-in', der, '-out', 'private.pem')
    for (const hash of ['sha1', 'sha256'] as const) {
      openssl.put('encrypted', await material.encrypt({ hash }, message))
      const decrypt = ['pkeyutl', '-decrypt', '-inkey', 'private.pem', '-in', 'encrypted', '-out', 'opened']
      const options = ['rsa_padding_mode:oaep', `rsa_oaep_md:${hash}`, `rsa_mgf1_md:${hash}`]
      await openssl.run(...decrypt, ...options.flatMap((option) => ['-pkeyopt', option]))
      assert.deepEqual(openssl.take('opened'), message)
    }
  }
})
