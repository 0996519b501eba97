import assert from 'node:assert/strict'
import { createHmac, createSecretKey } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { encodeRow, rowMac } from './row-mac.ts'

const key = createSecretKey(Buffer.alloc(32, 7))

const account = {
  account_id: '000000000000',
  name: 'é',
  created_at: -2,
  version: 1,
  // Columns of later migrations start out null, and leave the encoding of rows that exist as it was.
  account_alias: null,
  organization_path: null,
  quarantine: null,
}

const prefixed = (hex: string) => (hex.length / 2).toString(16).padStart(8, '0') + hex
const words = (...all: string[]) => all.map((word) => prefixed(Buffer.from(word).toString('hex'))).join('')

// Rows that exist in databases were authenticated with these very bytes.
const ACCOUNT_ENCODED =
  words('keywright row 1', 'accounts') +
  (words('account_id', 'text') + prefixed('303030303030303030303030')) +
  (words('version', 'integer') + prefixed('0000000000000001')) +
  (words('name', 'text') + prefixed('c3a9')) +
  (words('created_at', 'integer') + prefixed('fffffffffffffffe'))

test('a row is encoded as it always was, and the HMAC is over that', () => {
  const encoded = encodeRow('accounts', account)
  assert.equal(encoded.toString('hex'), ACCOUNT_ENCODED)
  assert.deepEqual(rowMac(key, 'accounts', account), createHmac('sha256', key).update(encoded).digest())
})

test('the order of the members, the mac and members that are no columns do not matter', () => {
  const { version, ...rest } = account
  const other = { version, mac: Buffer.alloc(32), ...rest, unknown: 'x' }
  assert.deepEqual(rowMac(key, 'accounts', other), rowMac(key, 'accounts', account))
})

test('two rows that differ in a nullable, text, integer or binary column never share an encoding', () => {
  const chain = fc.record({
    chain_id: fc.string({ unit: 'grapheme', maxLength: 4 }),
    version: fc.nat(3),
    node: fc.string({ unit: 'grapheme', maxLength: 4 }),
    started_at: fc.nat(3),
    genesis_hash: fc.constant(''),
    closed_sequence: fc.option(fc.nat(2)),
    closed_hash: fc.option(fc.string({ unit: 'grapheme', maxLength: 2 })),
    closed_reason: fc.option(fc.string({ unit: 'grapheme', maxLength: 2 })),
  })
  fc.assert(
    fc.property(chain, chain, (a, b) => {
      const same = encodeRow('journal_chains', a).equals(encodeRow('journal_chains', b))
      assert.equal(same, JSON.stringify(a) === JSON.stringify(b))
    }),
    { numRuns: 2000 },
  )
})

test('a number and the text of it, and a text and its bytes, are different values', () => {
  const macs = [{ name: '5' }, { name: 5 }, { name: Buffer.from('5') }, { name: null }].map(({ name }) =>
    rowMac(key, 'accounts', { ...account, name }).toString('hex'),
  )
  assert.equal(new Set(macs).size, macs.length)
})

test('what no row can hold is refused', () => {
  for (const name of [undefined, 1.5, 2 ** 53, NaN, 5n, true, {}, 'lone \ud800 surrogate', 'nul \0']) {
    assert.throws(() => rowMac(key, 'accounts', { ...account, name }), TypeError)
  }
})
