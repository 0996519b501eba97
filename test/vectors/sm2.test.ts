import assert from 'node:assert/strict'
import { createHash, createPrivateKey, createPublicKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { agreeSm2, verifySm2 } from '../../server/src/crypto/sm2.ts'

const hex = (text: string) => Buffer.from(text, 'hex')

const { privateKey, publicKey, signature, sharedPoint } = JSON.parse(
  readFileSync(new URL('gbt-32918.5/sm2.json', import.meta.url), 'utf8'),
)

/** As OpenSSL writes it. */
function pkcs8(secret: string, point: string) {
  const head = '308187020100301306072a8648ce3d020106082a811ccf5501822d046d306b0201010420'
  return createPrivateKey({ key: hex(`${head}${secret}a144034200${point}`), format: 'der', type: 'pkcs8' })
}

const spki = (point: string) => hex(`3059301306072a8648ce3d020106082a811ccf5501822d034200${point}`)

/** SEQUENCE { r, s } of two numbers that both begin with a bit that is set. */
const signatureValue = hex(`3046022100${signature.r}022100${signature.s}`)

test('the signature of GB/T 32918.5 verifies', () => {
  const key = createPublicKey(pkcs8(privateKey, publicKey))
  assert.equal(verifySm2(key, Buffer.from(signature.message), signatureValue), true)
  assert.equal(verifySm2(key, Buffer.from(`${signature.message}.`), signatureValue), false)
})

test("the runtime's SM3 gives the digest of GB/T 32918.5 from its Z", () => {
  const digest = createHash('sm3').update(hex(signature.z)).update(signature.message).digest('hex')
  assert.equal(digest, signature.e)
})

test('the shared point of GB/T 32918.5 comes out on both sides', () => {
  const { ephemeralSecret, ephemeralPoint, x } = sharedPoint
  assert.equal(agreeSm2(pkcs8(privateKey, publicKey), spki(ephemeralPoint))?.toString('hex'), x)
  assert.equal(agreeSm2(pkcs8(ephemeralSecret, ephemeralPoint), spki(publicKey))?.toString('hex'), x)
})
