import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, test } from 'node:test'
import type { PrivateKeyForm } from '../../server/src/crypto/key-form.ts'
import type { SigningMaterial } from '../../server/src/crypto/material.ts'
import type { SignatureScheme } from '../../server/src/crypto/schemes.ts'
import { verify } from '../../server/src/crypto/slow-signatures.ts'
import { integer, sequence } from '../der.ts'
import { ecPkcs8, ecSpki, ed25519Pkcs8, ed25519Spki, uncompressed, type NamedCurve } from '../key-encodings.ts'
import { cases, hex } from './cases.ts'
import { engine, materialOf, publicKeyOf } from '../material.ts'

after(() => engine.close())

const curves: Readonly<Record<string, NamedCurve>> = {
  'P-256': 'prime256v1',
  'P-384': 'secp384r1',
  'P-521': 'secp521r1',
}
const hashes = { 'SHA-256': 'sha256', 'SHA-384': 'sha384', 'SHA-512': 'sha512' } as const

const curveOf = (name: string) => curves[name] as NamedCurve
const ecForm = (namedCurve: NamedCurve): PrivateKeyForm => ({ type: 'ec', namedCurve })
const ecdsaSignature = (r: string, s: string) => sequence(integer(BigInt(`0x${r}`)), integer(BigInt(`0x${s}`)))

test('ECDSA verifies the signatures of RFC 6979, by message and by digest, and its own by the same keys', async () => {
  interface Case {
    readonly curve: string
    readonly privateKey: string
    readonly x: string
    readonly y: string
    readonly hash: keyof typeof hashes
    readonly message: string
    readonly r: string
    readonly s: string
  }
  for (const entry of cases<Case>('rfc-6979/ecdsa.json', 18)) {
    const curve = curveOf(entry.curve)
    const material = materialOf('sign', ecForm(curve), ecPkcs8(curve, hex(entry.privateKey)))
    assert.deepEqual(material.publicKey, ecSpki(curve, uncompressed(hex(entry.x), hex(entry.y))))

    const hash = hashes[entry.hash]
    const scheme: SignatureScheme = { type: 'ecdsa', hash }
    const message = Buffer.from(entry.message)
    const digest = createHash(hash).update(message).digest()
    const made = [await material.sign(scheme, 'message', message), await material.sign(scheme, 'digest', digest)]
    for (const signature of [ecdsaSignature(entry.r, entry.s), ...made]) {
      assert.equal(await material.verify(scheme, 'message', message, signature), true)
      assert.equal(await material.verify(scheme, 'digest', digest, signature), true)
      assert.equal(await material.verify(scheme, 'message', Buffer.from('taste'), signature), false)
    }
  }
})

test('ECDSA on secp256k1 judges as Wycheproof does, by message and by digest', () => {
  interface Case {
    readonly tcId: number
    readonly x: string
    readonly y: string
    readonly message: string
    readonly signature: string
    readonly valid: boolean
  }
  const scheme: SignatureScheme = { type: 'ecdsa', hash: 'sha256' }
  let valid = 0
  for (const entry of cases<Case>('wycheproof/ecdsa-secp256k1-sha256.json', 82)) {
    const publicKey = publicKeyOf(ecSpki('secp256k1', uncompressed(hex(entry.x), hex(entry.y))))
    const message = hex(entry.message)
    const digest = createHash('sha256').update(message).digest()
    const signature = hex(entry.signature)
    assert.equal(verify(publicKey, scheme, 'message', message, signature), entry.valid, `tcId ${entry.tcId}`)
    assert.equal(verify(publicKey, scheme, 'digest', digest, signature), entry.valid, `tcId ${entry.tcId}`)
    if (entry.valid) valid++
  }
  assert.equal(valid, 66)
})

test('both sides of ECDH agree on the secrets of RFC 5903', async () => {
  type Case = Record<'curve' | 'i' | 'gix' | 'giy' | 'r' | 'grx' | 'gry' | 'girx', string>
  for (const { curve: name, i, gix, giy, r, grx, gry, girx } of cases<Case>('rfc-5903/ecdh.json', 3)) {
    const curve = curveOf(name)
    const initiator = materialOf('agree', ecForm(curve), ecPkcs8(curve, hex(i)))
    const responder = materialOf('agree', ecForm(curve), ecPkcs8(curve, hex(r)))
    assert.deepEqual(initiator.publicKey, ecSpki(curve, uncompressed(hex(gix), hex(giy))))
    assert.deepEqual(responder.publicKey, ecSpki(curve, uncompressed(hex(grx), hex(gry))))
    assert.equal((await initiator.agree(responder.publicKey))?.toString('hex'), girx)
    assert.equal((await responder.agree(initiator.publicKey))?.toString('hex'), girx)
  }
})

test('ECDH gives the secrets of NIST CAVP with their leading zeros, and none for points that are not valid', async () => {
  type Case = Record<'curve' | 'peerX' | 'peerY' | 'privateKey' | 'z' | 'result', string>
  const seen = { correct: 0, changed: 0, refused: 0 }
  for (const entry of cases<Case>('nist-cavp-kas/ecc-static-unified.json', 21)) {
    const curve = curveOf(entry.curve)
    const material = materialOf('agree', ecForm(curve), ecPkcs8(curve, hex(entry.privateKey)))
    const peer = ecSpki(curve, uncompressed(hex(entry.peerX), hex(entry.peerY)))
    const secret = (await material.agree(peer))?.toString('hex')
    if (entry.result.startsWith('P')) {
      assert.equal(secret, entry.z)
      seen.correct++
    } else if (entry.result.includes('Z changed')) {
      assert.ok(secret !== undefined && secret !== entry.z)
      seen.changed++
    } else {
      assert.equal(secret, undefined, entry.result)
      seen.refused++
    }
  }
  assert.deepEqual(seen, { correct: 12, changed: 3, refused: 6 })
})

const ed25519: PrivateKeyForm = { type: 'ed25519' }
interface Ed25519Case {
  readonly secretKey: string
  readonly publicKey: string
  readonly message: string
  readonly signature: string
}

test('Ed25519 keys sign as RFC 8032 says', async () => {
  for (const entry of cases<Ed25519Case>('rfc-8032/ed25519.json', 5)) {
    const material: SigningMaterial = materialOf('sign', ed25519, ed25519Pkcs8(hex(entry.secretKey)))
    assert.deepEqual(material.publicKey, ed25519Spki(hex(entry.publicKey)))
    const signature = await material.sign({ type: 'ed25519' }, 'message', hex(entry.message))
    assert.equal(signature.toString('hex'), entry.signature)
    assert.equal(await material.verify({ type: 'ed25519' }, 'message', hex(entry.message), signature), true)
  }
})

test('Ed25519ph hashes what it is given and signs as RFC 8032 says; the pure scheme does not take it', async () => {
  for (const entry of cases<Ed25519Case>('rfc-8032/ed25519ph.json', 1)) {
    const material: SigningMaterial = materialOf('sign', ed25519, ed25519Pkcs8(hex(entry.secretKey)))
    assert.deepEqual(material.publicKey, ed25519Spki(hex(entry.publicKey)))
    const signature = await material.sign({ type: 'ed25519ph' }, 'digest', hex(entry.message))
    assert.equal(signature.toString('hex'), entry.signature)
    assert.equal(await material.verify({ type: 'ed25519ph' }, 'digest', hex(entry.message), signature), true)
    assert.equal(await material.verify({ type: 'ed25519' }, 'message', hex(entry.message), signature), false)
  }
})
