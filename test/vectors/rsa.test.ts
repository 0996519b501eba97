import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, test } from 'node:test'
import type { SignatureScheme } from '../../server/src/crypto/schemes.ts'
import { verify } from '../../server/src/crypto/slow-signatures.ts'
import { rsaForm, rsaPkcs8, rsaSpki, type RsaFigures } from '../key-encodings.ts'
import { cases, figures, hex } from './cases.ts'
import { engine, materialOf, publicKeyOf } from '../material.ts'

after(() => engine.close())

const hashes = { 'SHA-256': 'sha256', 'SHA-384': 'sha384', 'SHA-512': 'sha512' } as const

interface CavpCase extends RsaFigures {
  readonly hash: keyof typeof hashes
  readonly message: string
  readonly signature: string
  readonly result: string
}

/** By message and by digest, which must say the same. */
function verified(spki: Buffer, scheme: SignatureScheme & { hash: string }, message: Buffer, signature: Buffer) {
  const publicKey = publicKeyOf(spki)
  const digest = createHash(scheme.hash).update(message).digest()
  const byMessage = verify(publicKey, scheme, 'message', message, signature)
  assert.equal(verify(publicKey, scheme, 'digest', digest, signature), byMessage)
  return byMessage
}

test('PKCS #1 v1.5 signatures are those of NIST CAVP, and verified as it says', async () => {
  let passed = 0
  for (const entry of cases<CavpCase>('nist-cavp-rsa/pkcs1-v1.5.json', 30)) {
    const scheme = { type: 'rsa-pkcs1-v1.5', hash: hashes[entry.hash] } as const
    const message = hex(entry.message)
    const passes = entry.result.startsWith('P')
    assert.equal(verified(rsaSpki(entry), scheme, message, hex(entry.signature)), passes, entry.result)
    if (!passes) continue
    passed++
    const material = materialOf('sign', rsaForm(entry), rsaPkcs8(entry))
    const digest = createHash(scheme.hash).update(message).digest()
    assert.equal((await material.sign(scheme, 'message', message)).toString('hex'), entry.signature)
    assert.equal((await material.sign(scheme, 'digest', digest)).toString('hex'), entry.signature)
  }
  assert.equal(passed, 5)
})

test('PSS signatures with another salt than the hash is long are refused, though NIST CAVP holds them valid', () => {
  let passed = 0
  for (const entry of cases<CavpCase>('nist-cavp-rsa/pss-salt-of-10.json', 18)) {
    const scheme = { type: 'rsa-pss', hash: hashes[entry.hash] } as const
    assert.equal(verified(rsaSpki(entry), scheme, hex(entry.message), hex(entry.signature)), false, entry.result)
    if (entry.result.startsWith('P')) passed++
  }
  assert.equal(passed, 3)
})

test('PSS signatures are verified when salt and MGF1 are of the hash, of all that Wycheproof combines', async () => {
  interface Case {
    readonly hash: keyof typeof hashes
    readonly mgfHash: string
    readonly saltBytes: number
    readonly message: string
    readonly signature: string
    readonly result: string
  }
  const file = 'wycheproof/rsa-pss-2048.json'
  const { cases, n, e } = figures<Case, Pick<RsaFigures, 'n' | 'e'>>(file, 54)
  let valid = 0
  for (const { hash, mgfHash, saltBytes, message, signature, result } of cases) {
    assert.equal(result, 'valid')
    const ours = mgfHash === hash && saltBytes === Number(hash.slice('SHA-'.length)) / 8
    const scheme = { type: 'rsa-pss', hash: hashes[hash] } as const
    const what = `${hash}, MGF1 with ${mgfHash}, a salt of ${saltBytes}`
    assert.equal(verified(rsaSpki({ n, e }), scheme, hex(message), hex(signature)), ours, what)
    if (ours) valid++
  }
  assert.equal(valid, 3)
})

test("OAEP with SHA-1 opens RSA Laboratories' ciphertexts, and not with SHA-256", async () => {
  type Case = { message: string; ciphertext: string }
  const { cases, key } = figures<Case, { key: RsaFigures }>('rsa-laboratories/oaep-sha1.json', 6)
  const material = materialOf('decrypt', rsaForm(key), rsaPkcs8(key))
  for (const { message, ciphertext } of cases) {
    assert.equal((await material.decrypt({ hash: 'sha1' }, hex(ciphertext)))?.toString('hex'), message)
    assert.equal(await material.decrypt({ hash: 'sha256' }, hex(ciphertext)), undefined)
  }
})

test('OAEP with SHA-256 opens what Wycheproof holds valid without a label, and nothing else', async () => {
  interface Case {
    readonly tcId: number
    readonly message: string
    readonly ciphertext: string
    readonly label: string
    readonly result: string
  }
  const file = 'wycheproof/rsa-oaep-2048-sha256.json'
  const { cases, privateKeyPkcs8 } = figures<Case, { privateKeyPkcs8: string }>(file, 35)
  const material = materialOf('decrypt', { type: 'rsa', modulusBits: 2048 }, hex(privateKeyPkcs8))
  const seen = { opened: 0, labelled: 0, refused: 0 }
  for (const { tcId, message, ciphertext, label, result } of cases) {
    const opens = result === 'valid' && label === ''
    const opened = (await material.decrypt({ hash: 'sha256' }, hex(ciphertext)))?.toString('hex')
    assert.equal(opened, opens ? message : undefined, `tcId ${tcId}`)
    seen[opens ? 'opened' : result === 'valid' ? 'labelled' : 'refused']++
  }
  assert.deepEqual(seen, { opened: 10, labelled: 8, refused: 17 })
})
