import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { verify } from '../../server/src/crypto/slow-signatures.ts'
import { mlSeedPkcs8, mlSpki, type MlDsa } from '../key-encodings.ts'
import { muOf } from '../ml-dsa-mu.ts'
import { cases, hex } from './cases.ts'
import { engine, materialOf, publicKeyOf } from '../material.ts'

after(() => engine.close())

const parameterSetOf = (name: string) => name.toLowerCase() as MlDsa
const scheme = { type: 'ml-dsa' } as const

test('ML-DSA makes the public keys of NIST ACVP from their seeds, and what those sign by message is what they sign by μ', async () => {
  type Case = { parameterSet: string; seed: string; publicKey: string }
  for (const entry of cases<Case>('nist-acvp-ml-dsa/key-gen.json', 15)) {
    const parameterSet = parameterSetOf(entry.parameterSet)
    const material = materialOf('sign', { type: 'ml-dsa', parameterSet }, mlSeedPkcs8(parameterSet, hex(entry.seed)))
    assert.deepEqual(material.publicKey, mlSpki(parameterSet, hex(entry.publicKey)))

    const message = Buffer.from(entry.seed)
    const mu = muOf(hex(entry.publicKey), message)
    const signatures = [await material.sign(scheme, 'message', message), await material.sign(scheme, 'mu', mu)]
    assert.notDeepEqual(signatures[0], signatures[1])
    for (const signature of signatures) {
      assert.equal(await material.verify(scheme, 'message', message, signature), true)
      assert.equal(await material.verify(scheme, 'mu', mu, signature), true)
      assert.equal(await material.verify(scheme, 'mu', muOf(hex(entry.publicKey), mu), signature), false)
    }
  }
})

interface VerificationCase {
  readonly parameterSet: string
  readonly publicKey: string
  readonly mu?: string
  readonly message?: string
  readonly context?: string
  readonly signature: string
  readonly valid: boolean
  readonly reason: string
}

test('ML-DSA judges signatures as NIST ACVP does: by μ, by message, and by the μ of a message with a context', () => {
  const seen = { mu: 0, message: 0, context: 0 }
  for (const entry of cases<VerificationCase>('nist-acvp-ml-dsa/sig-ver.json', 24)) {
    const publicKey = publicKeyOf(mlSpki(parameterSetOf(entry.parameterSet), hex(entry.publicKey)))
    const signature = hex(entry.signature)
    if (entry.mu !== undefined) {
      assert.equal(verify(publicKey, scheme, 'mu', hex(entry.mu), signature), entry.valid, entry.reason)
      seen.mu++
      continue
    }
    const [context, message] = [hex(entry.context ?? ''), hex(entry.message ?? '')]
    const mu = muOf(hex(entry.publicKey), message, context)
    assert.equal(verify(publicKey, scheme, 'mu', mu, signature), entry.valid, entry.reason)
    // Keys of AWS sign with an empty context: a signature for another one is not valid for the message.
    const withoutContext = entry.valid && context.length === 0
    assert.equal(verify(publicKey, scheme, 'message', message, signature), withoutContext, entry.reason)
    seen[context.length === 0 ? 'message' : 'context']++
  }
  assert.deepEqual(seen, { mu: 15, message: 3, context: 6 })
})
