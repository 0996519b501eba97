import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { mlExpandedPkcs8, mlSeedPkcs8, mlSpki, type MlKem } from '../key-encodings.ts'
import { cases, figures, hex } from './cases.ts'
import { engine, materialOf } from '../material.ts'

after(() => engine.close())

const parameterSetOf = (name: string) => name.toLowerCase() as MlKem

function fromSeed(name: string, d: string, z: string) {
  const parameterSet = parameterSetOf(name)
  return materialOf('encapsulate', { type: 'ml-kem', parameterSet }, mlSeedPkcs8(parameterSet, hex(d + z)))
}

test('ML-KEM makes the public keys of NIST ACVP from their seeds, and opens what it encapsulates to them', async () => {
  type Case = { parameterSet: string; d: string; z: string; publicKey: string }
  for (const entry of cases<Case>('nist-acvp-ml-kem/key-gen.json', 15)) {
    const material = fromSeed(entry.parameterSet, entry.d, entry.z)
    assert.deepEqual(material.publicKey, mlSpki(parameterSetOf(entry.parameterSet), hex(entry.publicKey)))
    const { sharedSecret, ciphertext } = await material.encapsulate()
    assert.equal(sharedSecret.length, 32)
    assert.deepEqual(await material.decapsulate(ciphertext), sharedSecret)
  }
})

test('ML-KEM decapsulates as NIST ACVP says, ciphertexts that were modified too', async () => {
  type Case = { parameterSet: string; ciphertext: string; sharedSecret: string }
  const file = 'nist-acvp-ml-kem/decapsulation.json'
  const { cases, privateKeys } = figures<Case, { privateKeys: Record<string, string> }>(file, 30)
  for (const { parameterSet: name, ciphertext, sharedSecret } of cases) {
    const parameterSet = parameterSetOf(name)
    const bytes = mlExpandedPkcs8(parameterSet, hex(privateKeys[name] ?? ''))
    const material = materialOf('encapsulate', { type: 'ml-kem', parameterSet }, bytes)
    assert.equal((await material.decapsulate(hex(ciphertext)))?.toString('hex'), sharedSecret)
  }
})

test('a key from its seed decapsulates as the known answers say, and rejects implicitly with the secret they name', async () => {
  type Case = Record<'parameterSet' | 'd' | 'z' | 'ciphertext' | 'sharedSecret' | 'otherCiphertext' | 'otherSecret', string>
  for (const entry of cases<Case>('post-quantum-kat/ml-kem.json', 9)) {
    const material = fromSeed(entry.parameterSet, entry.d, entry.z)
    assert.equal((await material.decapsulate(hex(entry.ciphertext)))?.toString('hex'), entry.sharedSecret)
    assert.equal((await material.decapsulate(hex(entry.otherCiphertext)))?.toString('hex'), entry.otherSecret)
  }
})
