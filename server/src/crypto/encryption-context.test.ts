import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { encodeEncryptionContext } from './encryption-context.ts'

const text = fc.string({ unit: 'binary', maxLength: 6 })
const ascii = fc.string({ unit: 'binary-ascii', maxLength: 4 })
const pairs = fc.oneof(
  fc.uniqueArray(fc.tuple(text, text), { selector: ([name]) => name, maxLength: 6 }),
  fc.uniqueArray(fc.tuple(ascii, ascii), { selector: ([name]) => name, maxLength: 6 }),
)

/** The documented format, read back. */
function decode(encoded: Buffer): [string, string][] {
  let offset = 4
  const next = () => {
    const length = encoded.readUInt32BE(offset)
    const bytes = encoded.subarray(offset + 4, offset + 4 + length)
    offset += 4 + length
    return bytes.toString('utf8')
  }
  const decoded: [string, string][] = []
  for (let left = encoded.readUInt32BE(0); left > 0; left--) decoded.push([next(), next()])
  assert.equal(offset, encoded.length)
  return decoded
}

test('an empty context is a count of zero', () => {
  assert.equal(encodeEncryptionContext(new Map()).toString('hex'), '00000000')
})

test('pairs are written as count, then each string after its length', () => {
  const encoded = encodeEncryptionContext(
    new Map([
      ['b', 'zz'],
      ['a', ''],
    ]),
  )
  assert.equal(
    encoded.toString('hex'),
    '00000002' + '0000000161' + '00000000' + '0000000162' + '000000027a7a',
  )
})

test('the order in which pairs are given does not matter', () => {
  const shuffled = pairs.chain((list) =>
    fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length })),
  )
  fc.assert(
    fc.property(shuffled, ([list, other]) => {
      assert.deepEqual(encodeEncryptionContext(new Map(list)), encodeEncryptionContext(new Map(other)))
    }),
  )
})

test('every context can be read back, sorted by the bytes of the names, so two that differ never encode alike', () => {
  fc.assert(
    fc.property(pairs, (list) => {
      const decoded = decode(encodeEncryptionContext(new Map(list)))
      assert.deepEqual(new Map(decoded), new Map(list))
      for (const [i, [name]] of decoded.entries()) {
        const previous = decoded[i - 1]
        if (previous) assert.equal(Buffer.compare(Buffer.from(previous[0]), Buffer.from(name)), -1)
      }
    }),
    { numRuns: 300 },
  )
})

test('names sort by UTF-8 bytes where UTF-16 would sort them the other way round', () => {
  const halfWidth = '\uff61'
  const astral = '\u{10000}'
  assert.equal(astral < halfWidth, true)
  const decoded = decode(
    encodeEncryptionContext(
      new Map([
        [astral, '1'],
        [halfWidth, '2'],
      ]),
    ),
  )
  assert.deepEqual(decoded, [
    [halfWidth, '2'],
    [astral, '1'],
  ])
})

test('one name beyond ASCII sorts among ASCII names by bytes', () => {
  const decoded = decode(
    encodeEncryptionContext(
      new Map([
        ['é', '1'],
        ['z', '2'],
        ['a', 'ü'],
      ]),
    ),
  )
  assert.deepEqual(decoded, [
    ['a', 'ü'],
    ['z', '2'],
    ['é', '1'],
  ])
})

test('composed and decomposed letters are different contexts', () => {
  const composed = encodeEncryptionContext(new Map([['n', '\u00e9']]))
  const decomposed = encodeEncryptionContext(new Map([['n', 'e\u0301']]))
  assert.notDeepEqual(composed, decomposed)
})

test('__proto__ is a name like any other', () => {
  const encoded = encodeEncryptionContext(
    new Map([
      ['__proto__', 'x'],
      ['constructor', 'y'],
    ]),
  )
  assert.deepEqual(decode(encoded), [
    ['__proto__', 'x'],
    ['constructor', 'y'],
  ])
})

test('a lone surrogate is refused in names and values', () => {
  for (const lone of ['\ud800', '\udc00', 'a\udfffb']) {
    assert.throws(() => encodeEncryptionContext(new Map([[lone, 'v']])), RangeError)
    assert.throws(() => encodeEncryptionContext(new Map([['n', lone]])), RangeError)
  }
})
