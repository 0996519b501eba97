import assert from 'node:assert/strict'
import { createHash, createPrivateKey } from 'node:crypto'
import { after, test } from 'node:test'
import type { DecryptionMaterial } from '../../server/src/crypto/material.ts'
import { decryptOaep } from '../../server/src/crypto/rsa-oaep.ts'
import { verify } from '../../server/src/crypto/slow-signatures.ts'
import { rsaForm, rsaPkcs8, rsaSpki, type RsaFigures } from '../key-encodings.ts'
import { engine, materialOf, publicKeyOf } from '../material.ts'
import { bytesOf, fieldOf, vectorRecords, vectorText, type VectorRecord } from './debian-vectors.ts'

after(() => engine.close())

const FIPS = 'asymmetric/RSA/FIPS_186-2'
const hashes = { SHA256: 'sha256', SHA384: 'sha384', SHA512: 'sha512' } as const
const isOurs = (record: VectorRecord) => fieldOf(record, 'SHAAlg') in hashes
const modulusBits = (record: VectorRecord) => Number(record.section.replace('mod = ', ''))

const figuresOf = (record: VectorRecord, ...names: (keyof RsaFigures)[]) =>
  Object.fromEntries(names.map((name) => [name, fieldOf(record, name)])) as unknown as RsaFigures

/** By message and by digest, which must say the same. */
function isVerified(type: 'rsa-pkcs1-v1.5' | 'rsa-pss', record: VectorRecord): boolean {
  const scheme = { type, hash: hashes[fieldOf(record, 'SHAAlg') as keyof typeof hashes] }
  const publicKey = publicKeyOf(rsaSpki(figuresOf(record, 'n', 'e')))
  const [message, signature] = [bytesOf(record, 'Msg'), bytesOf(record, 'S')]
  const digest = createHash(scheme.hash).update(message).digest()
  const byMessage = verify(publicKey, scheme, 'message', message, signature)
  assert.equal(verify(publicKey, scheme, 'digest', digest, signature), byMessage)
  return byMessage
}

for (const [file, count] of [
  ['SigGen15_186-2.rsp', 150],
  ['SigGen15_186-3.rsp', 150],
] as const) {
  test(`PKCS #1 v1.5: all of ${file} with SHA-2 from 256 on is verified`, () => {
    const records = vectorRecords(`${FIPS}/${file}`, 'S').filter(isOurs)
    assert.equal(records.length, count)
    for (const record of records) assert.equal(isVerified('rsa-pkcs1-v1.5', record), true)
  })
}

test('PKCS #1 v1.5: SigVer15_186-3.rsp is judged as NIST does, and what passes is signed in the same bytes', async () => {
  const records = vectorRecords(`${FIPS}/SigVer15_186-3.rsp`, 'Result').filter(isOurs)
  assert.equal(records.length, 270)
  let signed = 0
  for (const record of records) {
    const passes = fieldOf(record, 'Result').startsWith('P')
    assert.equal(isVerified('rsa-pkcs1-v1.5', record), passes, fieldOf(record, 'Result'))
    if (!passes || modulusBits(record) < 2048) continue
    const figures = figuresOf(record, 'n', 'e', 'd', 'p', 'q')
    const material = materialOf('sign', rsaForm(figures), rsaPkcs8(figures))
    const scheme = { type: 'rsa-pkcs1-v1.5', hash: hashes[record['SHAAlg'] as keyof typeof hashes] } as const
    const signature = await material.sign(scheme, 'message', bytesOf(record, 'Msg'))
    assert.deepEqual(signature, bytesOf(record, 'S'))
    signed++
  }
  assert.equal(signed, 27)
})

test('PKCS #1 v1.5: every malformed encoding of SigVer15EMTest.txt is refused', () => {
  const records = vectorRecords('asymmetric/RSA/SigVer15EMTest.txt', 'Result').filter(isOurs)
  assert.equal(records.length, 90)
  for (const record of records)
    assert.equal(isVerified('rsa-pkcs1-v1.5', record), false, fieldOf(record, 'Result'))
})

for (const [file, last, salt, count] of [
  ['SigGenPSS_186-2.rsp', 'S', 20, 150],
  ['SigGenPSS_186-3.rsp', 'S', 0, 150],
  ['SigVerPSS_186-3.rsp', 'Result', 10, 270],
] as const) {
  test(`PSS: all of ${file} with SHA-2 from 256 on is refused, for its salts of ${salt} bytes are not as long as the hash`, () => {
    const records = vectorRecords(`${FIPS}/${file}`, last).filter(isOurs)
    assert.equal(records.length, count)
    for (const record of records) assert.equal(isVerified('rsa-pss', record), false, file)
  })
}

interface OaepExample {
  readonly figures: RsaFigures
  readonly cases: readonly { readonly message: string; readonly encryption: string }[]
}

/** Files in which a line `# Name:` is followed by lines of hexadecimal digits. */
function oaepExamples(path: string): OaepExample[] {
  return vectorText(path)
    .split(/^# (?:Example \d+: .*|Example)$/m)
    .slice(1)
    .map((text) => {
      const named = [...text.matchAll(/^# ([A-Z][a-z]*(?: [a-z0-9]+)*):? *\n((?:[0-9a-f ]+\s*\n)+)/gm)]
      const values = named.map(([, name, digits = '']) => [name, digits.replaceAll(/\s/g, '')] as const)
      const first = (name: string) => values.findLast(([found]) => found === name)?.[1] ?? ''
      const figures = {
        n: first('Modulus'),
        e: first('Public exponent'),
        d: first('Exponent'),
        p: first('Prime 1'),
        q: first('Prime 2'),
      }
      const all = (name: string) => values.filter(([found]) => found === name).map(([, digits]) => digits)
      const encryptions = all('Encryption')
      return {
        figures,
        cases: all('Message').map((message, index) => ({
          message,
          encryption: encryptions[index] as string,
        })),
      }
    })
}

const materialFor = ({ figures }: OaepExample) => materialOf('decrypt', rsaForm(figures), rsaPkcs8(figures))

const opened = async (material: DecryptionMaterial, hash: 'sha1' | 'sha256', encryption: string) =>
  (await material.decrypt({ hash }, Buffer.from(encryption, 'hex')))?.toString('hex')

test("OAEP: RSA Laboratories' examples with SHA-1 are opened, of the keys of 1024, 1536 and 2048 bits", () => {
  const all = oaepExamples('asymmetric/RSA/pkcs-1v2-1d2-vec/oaep-vect.txt')
  assert.equal(all.length, 10)
  // The other keys have moduli of 1025 to 1031 bits, which are not whole bytes; no key spec is like that.
  const examples = all.filter(({ figures }) => BigInt(`0x${figures.n}`).toString(2).length % 8 === 0)
  let count = 0
  for (const { figures, cases } of examples) {
    const key = createPrivateKey({ key: rsaPkcs8(figures), format: 'der', type: 'pkcs8' })
    for (const { message, encryption } of cases) {
      const ciphertext = Buffer.from(encryption, 'hex')
      assert.equal(decryptOaep(key, { hash: 'sha1' }, ciphertext)?.toString('hex'), message)
      assert.equal(decryptOaep(key, { hash: 'sha256' }, ciphertext), undefined)
      count++
    }
  }
  assert.deepEqual([examples.length, count], [3, 18])
})

test('OAEP: all examples with SHA-256, for the hash and for the mask, are opened; none of them with SHA-1', async () => {
  const examples = oaepExamples('asymmetric/RSA/oaep-custom/oaep-sha256-sha256.txt')
  let count = 0
  for (const example of examples) {
    const material = materialFor(example)
    for (const { message, encryption } of example.cases) {
      assert.equal(await opened(material, 'sha256', encryption), message)
      assert.equal(await opened(material, 'sha1', encryption), undefined)
      count++
    }
  }
  assert.deepEqual([examples.length, count], [10, 60])
})

test('OAEP: no example with another hash, or another for the mask, is opened', async () => {
  const names = ['sha1', 'sha224', 'sha256', 'sha384', 'sha512']
  let count = 0
  for (const mask of names) {
    for (const label of names) {
      if (mask === label && (mask === 'sha1' || mask === 'sha256')) continue
      for (const example of oaepExamples(`asymmetric/RSA/oaep-custom/oaep-${mask}-${label}.txt`)) {
        const material = materialFor(example)
        for (const { encryption } of example.cases) {
          assert.equal(await opened(material, 'sha1', encryption), undefined)
          assert.equal(await opened(material, 'sha256', encryption), undefined)
          count++
        }
      }
    }
  }
  assert.equal(count, 23 * 60)
})
