import assert from 'node:assert/strict'
import { createHash, createPublicKey, type KeyObject } from 'node:crypto'
import { after, test } from 'node:test'
import type { PrivateKeyForm } from '../../server/src/crypto/key-form.ts'
import { verify } from '../../server/src/crypto/slow-signatures.ts'
import { integer, sequence } from '../der.ts'
import {
  ecPkcs8,
  ecSpki,
  ed25519Pkcs8,
  ed25519Spki,
  uncompressed,
  type NamedCurve,
} from '../key-encodings.ts'
import { engine, materialOf } from '../material.ts'
import { bytesOf, fieldOf, fitted, vectorRecords, vectorText, type VectorRecord } from './debian-vectors.ts'

after(() => engine.close())

interface Curve {
  readonly name: NamedCurve
  readonly lengthBytes: number
}

/** By NIST's names, of which the last is pyca's. */
const curves: Readonly<Record<string, Curve>> = {
  'P-256': { name: 'prime256v1', lengthBytes: 32 },
  'P-384': { name: 'secp384r1', lengthBytes: 48 },
  'P-521': { name: 'secp521r1', lengthBytes: 66 },
  'K-256': { name: 'secp256k1', lengthBytes: 32 },
}
const hashes = { 'SHA-256': 'sha256', 'SHA-384': 'sha384', 'SHA-512': 'sha512' } as const

const curveOf = ({ section }: VectorRecord) => curves[section.split(',')[0] ?? '']
const hashOf = ({ section }: VectorRecord) => hashes[section.split(',')[1] as keyof typeof hashes]
const formOf = ({ name }: Curve): PrivateKeyForm => ({ type: 'ec', namedCurve: name })

function spkiOf(record: VectorRecord, { name, lengthBytes }: Curve, x = 'Qx', y = 'Qy'): Buffer {
  const point = uncompressed(fitted(fieldOf(record, x), lengthBytes), fitted(fieldOf(record, y), lengthBytes))
  return ecSpki(name, point)
}

/** Undefined for what is no point of the curve. */
function publicKeyIn(spki: Buffer): KeyObject | undefined {
  try {
    return createPublicKey({ key: spki, format: 'der', type: 'spki' })
  } catch {
    return undefined
  }
}

/** By message and by digest, which must say the same. */
function isVerified(record: VectorRecord, curve: Curve): boolean {
  const scheme = { type: 'ecdsa', hash: hashOf(record) } as const
  const publicKey = publicKeyIn(spkiOf(record, curve))
  if (publicKey === undefined) return false
  const numbers = ['R', 'S'].map((name) => integer(BigInt(`0x${fieldOf(record, name)}`)))
  const [message, signature] = [bytesOf(record, 'Msg'), sequence(...numbers)]
  const digest = createHash(scheme.hash).update(message).digest()
  const byMessage = verify(publicKey, scheme, 'message', message, signature)
  assert.equal(verify(publicKey, scheme, 'digest', digest, signature), byMessage)
  return byMessage
}

for (const [file, count] of [
  ['FIPS_186-3/SigGen.txt', 135],
  ['SECP256K1/SigGen.txt', 675],
] as const) {
  test(`ECDSA: the signatures of ${file} are verified, and the keys sign so that they are`, async () => {
    const records = vectorRecords(`asymmetric/ECDSA/${file}`, 'S').filter(
      (record) => curveOf(record) !== undefined && hashOf(record) !== undefined,
    )
    assert.equal(records.length, count)
    for (const record of records) {
      const curve = curveOf(record) as Curve
      assert.equal(isVerified(record, curve), true)
      const secret = fitted(fieldOf(record, 'd'), curve.lengthBytes)
      const material = materialOf('sign', formOf(curve), ecPkcs8(curve.name, secret))
      assert.deepEqual(material.publicKey, spkiOf(record, curve))
      const scheme = { type: 'ecdsa', hash: hashOf(record) } as const
      const signature = await material.sign(scheme, 'message', bytesOf(record, 'Msg'))
      assert.equal(await material.verify(scheme, 'message', bytesOf(record, 'Msg'), signature), true)
    }
  })
}

test('ECDSA: SigVer.rsp is judged as NIST does', () => {
  const records = vectorRecords('asymmetric/ECDSA/FIPS_186-3/SigVer.rsp', 'Result').filter(
    (record) => curveOf(record) !== undefined && hashOf(record) !== undefined,
  )
  assert.equal(records.length, 135)
  let passed = 0
  for (const record of records) {
    const passes = fieldOf(record, 'Result').startsWith('P')
    assert.equal(isVerified(record, curveOf(record) as Curve), passes, fieldOf(record, 'Result'))
    if (passes) passed++
  }
  assert.equal(passed, 27)
})

test('ECDH: a key agrees with the points of PKV.rsp that NIST holds valid, and with no other', async () => {
  const records = vectorRecords('asymmetric/ECDSA/FIPS_186-3/PKV.rsp', 'Result').filter(curveOf)
  assert.equal(records.length, 36)
  for (const record of records) {
    const curve = curveOf(record) as Curve
    const secret = fitted('07', curve.lengthBytes)
    const material = materialOf('agree', formOf(curve), ecPkcs8(curve.name, secret))
    const agreed = await material.agree(spkiOf(record, curve))
    assert.equal(agreed !== undefined, fieldOf(record, 'Result').startsWith('P'), fieldOf(record, 'Result'))
  }
})

for (const role of ['init', 'resp']) {
  test(`ECDH: KASValidityTest_ECCStaticUnified_NOKC_ZZOnly_${role}.fax is judged as NIST does`, async () => {
    const path = `asymmetric/ECDH/KASValidityTest_ECCStaticUnified_NOKC_ZZOnly_${role}.fax`
    const names: Readonly<Record<string, string>> = { EC: 'P-256', ED: 'P-384', EE: 'P-521' }
    const seen: Record<string, number> = {}
    for (const record of vectorRecords(path, 'Result')) {
      const curve = curves[names[record.section.slice(0, 2)] ?? '']
      if (curve === undefined) continue
      const secret = fitted(fieldOf(record, 'dsIUT'), curve.lengthBytes)
      const material = materialOf('agree', formOf(curve), ecPkcs8(curve.name, secret))
      const z = fitted(fieldOf(record, 'Z'), curve.lengthBytes).toString('hex')
      const agreed = (await material.agree(spkiOf(record, curve, 'QsCAVSx', 'QsCAVSy')))?.toString('hex')
      const result = agreed === undefined ? 'no secret' : agreed === z ? 'Z' : 'another secret'
      const told = `${fieldOf(record, 'Result').slice(0, 6).trim()}: ${result}`
      seen[told] = (seen[told] ?? 0) + 1
    }
    // 5 to 7 are failures of the other role, whose numbers do not belong together.
    assert.deepEqual(seen, {
      'P (0 -: Z': 48,
      'P (13: Z': 6,
      'F (1 -: no secret': 6,
      'F (2 -: no secret': 6,
      'F (5 -: another secret': 6,
      'F (6 -: another secret': 6,
      'F (7 -: another secret': 6,
      'F (8 -: another secret': 6,
    })
  })
}

test('Ed25519: all of sign.input is signed in the same bytes and verified', async () => {
  const lines = vectorText('asymmetric/Ed25519/sign.input').split('\n').filter(Boolean)
  assert.equal(lines.length, 1024)
  for (const line of lines) {
    const [secret = '', publicKey = '', message = '', signed = ''] = line.split(':')
    const seed = Buffer.from(secret, 'hex').subarray(0, 32)
    const material = materialOf('sign', { type: 'ed25519' }, ed25519Pkcs8(seed))
    assert.deepEqual(material.publicKey, ed25519Spki(Buffer.from(publicKey, 'hex')))
    const signature = await material.sign({ type: 'ed25519' }, 'message', Buffer.from(message, 'hex'))
    assert.equal(signature.toString('hex') + message, signed)
    assert.equal(
      await material.verify({ type: 'ed25519' }, 'message', Buffer.from(message, 'hex'), signature),
      true,
    )
  }
})
