import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readFormBody, readQueryString } from './form.ts'

const refused = { code: 'MalformedQueryString' }
const empty = new Map<string, string>()

test('names and values are decoded once', () => {
  assert.deepEqual(
    [...readQueryString('Action=A%20b&x=%2525&%41=%C3%A9&flag&&e=')],
    [
      ['Action', 'A b'],
      ['x', '%25'],
      ['A', 'é'],
      ['flag', ''],
      ['e', ''],
    ],
  )
})

test('a plus sign is a space in a body and itself in a query string', () => {
  assert.equal(readFormBody(Buffer.from('a=1+2%2B3'), empty).get('a'), '1 2+3')
  assert.equal(readQueryString('a=1+2%2B3').get('a'), '1+2+3')
})

test('a name that occurs twice is refused, however it is written and wherever it stands', () => {
  for (const text of ['a=1&a=1', 'a=1&%61=2', 'a&a=']) assert.throws(() => readQueryString(text), refused)
  assert.throws(() => readFormBody(Buffer.from('Action=A'), readQueryString('Action=B')), refused)
})

test('what is no percent encoding of UTF-8 is refused', () => {
  for (const text of ['a=%', 'a=%4', 'a=%zz', 'a=%C3', 'a=%ED%A0%80', 'a=%FF', '%C0%AF=1']) {
    assert.throws(() => readQueryString(text), refused)
  }
  assert.throws(() => readFormBody(Buffer.from([0x61, 0x3d, 0xff]), empty), refused)
})

test('a form has no more parameters than any request of the API', () => {
  const many = (count: number) => Array.from({ length: count }, (_, i) => `p${i}=`).join('&')
  assert.equal(readQueryString(many(4096)).size, 4096)
  assert.throws(() => readQueryString(many(4097)), refused)
  assert.throws(() => readQueryString(`${'n'.repeat(513)}=1`), refused)
})

test('no parameter is left out for what stands before it', () => {
  assert.equal(readQueryString('&&a=1&&b=2&').size, 2)
  assert.throws(() => readQueryString(`${'&'.repeat(5000)}b=2`), refused)
})

test('a large body of escapes is read in a few milliseconds: who sent it is not known yet', () => {
  const body = Buffer.from(`a=${'%41'.repeat(340_000)}`)
  const times = Array.from({ length: 5 }, () => {
    const begin = performance.now()
    assert.equal(readFormBody(body, empty).get('a')?.length, 340_000)
    return performance.now() - begin
  })
  // The fastest, since the machine may be busy. A function for each escape takes a hundred milliseconds and more.
  assert.ok(Math.min(...times) < 50, `${Math.min(...times)} ms`)
})
