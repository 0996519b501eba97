import assert from 'node:assert/strict'
import { test } from 'node:test'
import { base32 } from './base32.ts'

// RFC 4648, section 10, without padding.
const base32Vectors = {
  '': '',
  f: 'MY',
  fo: 'MZXQ',
  foo: 'MZXW6',
  foob: 'MZXW6YQ',
  fooba: 'MZXW6YTB',
  foobar: 'MZXW6YTBOI',
}

test('the vectors of RFC 4648 for base32', () => {
  for (const [text, encoded] of Object.entries(base32Vectors))
    assert.equal(base32(Buffer.from(text)), encoded)
})
