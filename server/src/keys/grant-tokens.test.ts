import assert from 'node:assert/strict'
import { createSecretKey } from 'node:crypto'
import { test } from 'node:test'
import { systemRandom } from '../crypto/random.ts'
import { makeGrantToken, readGrantToken } from './grant-tokens.ts'

const key = createSecretKey(systemRandom.bytes(32))
const named = {
  region: 'eu-central-1',
  keyId: 'mrk-00000000000000000000000000000000',
  grantId: 'a'.repeat(64),
}

test('a grant token says which grant it is of, and each is different', () => {
  const [one, other] = [makeGrantToken(key, systemRandom, named), makeGrantToken(key, systemRandom, named)]
  assert.notEqual(one, other)
  assert.deepEqual(readGrantToken(key, one), named)
  assert.deepEqual(readGrantToken(key, other), named)
})

test('whatever was not made here is no grant token', () => {
  const token = makeGrantToken(key, systemRandom, named)
  const refused = (text: string) => {
    assert.throws(() => readGrantToken(key, text), { code: 'InvalidGrantTokenException' })
  }
  refused('x')
  refused('AAAA')
  refused(`${token} `)
  refused(`${token}\n`)
  refused(token.replaceAll('=', ''))
  refused('A'.repeat(9000))
  const bytes = Buffer.from(token, 'base64')
  for (let at = 0; at < bytes.length; at++) {
    const changed = Buffer.from(bytes)
    changed[at] = (changed[at] ?? 0) ^ 1
    refused(changed.toString('base64'))
  }
  assert.throws(() => readGrantToken(createSecretKey(systemRandom.bytes(32)), token), {
    code: 'InvalidGrantTokenException',
  })
})
