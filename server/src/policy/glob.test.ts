import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { compileGlob, type Reach } from './glob.ts'

const matches = (pattern: string, value: string, reach?: Reach) =>
  compileGlob([{ text: pattern, wild: true }], reach).matches(value)

/** The definition: what a pattern means, at whatever cost. */
function model(pattern: string, value: string, colons = Infinity): boolean {
  if (pattern === '') return value === ''
  const [first = '', rest] = [pattern[0], pattern.slice(1)]
  const left = first === ':' ? colons + 1 : colons
  if (first !== '*') {
    const fits = value !== '' && (first === value[0] || (first === '?' && (colons >= 5 || value[0] !== ':')))
    return fits && model(rest, value.slice(1), left)
  }
  // What follows a run of stars says how far they reach.
  const after = rest.replace(/^\*+/, '')
  const bound = colons < 5 && after !== '' && !after.startsWith(':')
  for (let taken = 0; taken <= value.length; taken++) {
    if (model(rest, value.slice(taken), colons)) return true
    if (bound && value[taken] === ':') return false
  }
  return false
}

test('a star is any text and a question mark one character', () => {
  assert.ok(matches('*', ''))
  assert.ok(matches('a*c', 'ac'))
  assert.ok(matches('a*b*c', 'a-b-b-c'))
  assert.ok(!matches('a*b*c', 'a-c'))
  assert.ok(!matches('?', ''))
  assert.ok(matches('??', 'ab'))
  assert.ok(!matches('ab*ba', 'aba'), 'a prefix and a suffix do not share characters')
  assert.ok(matches('*é?\u4e2d*', 'x\u00e9y\u4e2d'))
  assert.ok(!matches('*\u4e2d*b', '\u4e2ea\u4e2eb'))
})

test('in an ARN a star reaches over colons only where it ends a segment', () => {
  const arn = 'arn:aws:kms:us-east-1:111122223333:key/a:b'
  for (const pattern of ['arn:*', 'arn:aws:kms:*', 'arn:aws:kms:*:key/*', 'arn:a?s:kms:us-*-1:1*:key/?:b']) {
    assert.ok(matches(pattern, arn, 'arn'), pattern)
  }
  for (const pattern of ['arn:a*s:us-east-1:111122223333:key/a:b', 'arn:aws?kms:us-east-1:111122223333:*']) {
    assert.ok(!matches(pattern, arn, 'arn'), pattern)
  }
})

test('a literal piece has no wildcards', () => {
  const glob = compileGlob([
    { text: 'a', wild: true },
    { text: '*', wild: false },
    { text: '*', wild: true },
  ])
  assert.ok(glob.matches('a*b'))
  assert.ok(!glob.matches('abb'))
})

const letters = fc.constantFrom('a', 'b', ':', '\u4e2d')
const patterns = fc
  .array(fc.oneof(letters, fc.constantFrom('*', '?')), { maxLength: 9 })
  .map((all) => all.join(''))
const texts = fc.array(letters, { maxLength: 9 }).map((all) => all.join(''))

test('patterns agree with their definition', () => {
  fc.assert(
    fc.property(patterns, texts, (pattern, value) => {
      assert.equal(matches(pattern, value), model(pattern, value))
      assert.equal(matches(pattern, value, 'arn'), model(pattern, value, 0))
    }),
    { numRuns: 20_000 },
  )
})

test('patterns of more tokens than a word has bits agree with their definition', () => {
  const long = fc.array(fc.constantFrom('a', 'b', '*', '?', 'ab', 'aaaa'), { minLength: 25, maxLength: 60 })
  fc.assert(
    fc.property(long, fc.infiniteStream(fc.constantFrom('a', 'b')), (parts, stream) => {
      const pattern = parts.join('').replaceAll(/\*+/g, '*')
      // A value that matches: every star taken as some letters, every question mark as one.
      const value = pattern.replaceAll(/[*?]/g, (wild) =>
        [...stream.take(wild === '?' ? 1 : pattern.length % 4)].join(''),
      )
      assert.ok(matches(pattern, value), `${pattern} ${value}`)
      assert.ok(matches(`${pattern}?*`, `${value}a`))
      assert.ok(!matches(pattern, `c${value}`) || pattern.startsWith('*') || pattern.startsWith('?'))
      assert.ok(!matches(pattern, `${value}c`) || pattern.endsWith('*') || pattern.endsWith('?'))
    }),
    { numRuns: 2000 },
  )
})

test('a pattern that would make a matcher with backtracking run for years takes milliseconds', () => {
  const start = process.cpuUsage()
  for (const pattern of ['*a'.repeat(1000) + 'b', '?*'.repeat(1000) + 'b', '*' + 'a?'.repeat(1000) + 'b']) {
    assert.ok(!matches(pattern + '*c', `${'a'.repeat(8000)}c`))
  }
  assert.ok(process.cpuUsage(start).user < 1_000_000)
})
