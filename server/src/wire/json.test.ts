import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { AwsError } from '../aws-error.ts'
import { parseJson, writeJson } from './json.ts'

const parse = (text: string) => parseJson(Buffer.from(text))

function refused(body: string | Buffer, message = '') {
  assert.throws(
    () => parseJson(Buffer.from(body as string)),
    (error) =>
      error instanceof AwsError && error.code === 'SerializationException' && error.message === message,
    JSON.stringify(body.toString()),
  )
}

/** Objects whose names need escapes, look like array indices or mean something to JavaScript, too. */
const names = fc.oneof(
  fc.string(),
  fc.constantFrom('__proto__', 'constructor', '0', '1', '', '"', '\\', ':', 'é', '😀'),
)
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.string({ unit: 'grapheme' }),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => number + 0),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 4 }),
    fc
      .uniqueArray(fc.tuple(names, tie('value')), { selector: ([name]) => name, maxLength: 5 })
      .map((entries) => Object.fromEntries(entries)),
  ),
}))
const object = fc
  .uniqueArray(fc.tuple(names, value), { selector: ([name]) => name, maxLength: 5 })
  .map((entries) => Object.fromEntries(entries))

test('what has no repeated names is read as JSON.parse reads it', () => {
  fc.assert(
    fc.property(object, fc.nat(3), (input, indent) => {
      const text = JSON.stringify(input, null, indent)
      assert.deepEqual(parse(text), input)
      assert.deepEqual(Object.keys(parse(text) as object), Object.keys(input))
    }),
    { numRuns: 500 },
  )
})

test('a name that occurs twice in one object is refused, at any depth and however it is written', () => {
  const escaped = (name: string) =>
    `"${Array.from({ length: name.length }, (_, i) => `\\u${name.charCodeAt(i).toString(16).padStart(4, '0')}`).join('')}"`
  fc.assert(
    fc.property(object, names, value, value, fc.boolean(), (outer, name, first, second, escape) => {
      const repeated = escape ? escaped(name) : JSON.stringify(name)
      const twice = `{${JSON.stringify(name)}:${JSON.stringify(first)},${repeated}:${JSON.stringify(second)}}`
      const rest = JSON.stringify(outer)
      refused(twice)
      refused(`{"a":[${rest},${twice}]}`)
      refused(`{"a":${twice},"b":${rest}}`)
    }),
  )
  refused('{"a":1,"\\u0061":1}')
  refused('{"__proto__":1,"__proto__":2}')
})

test('an escaped name is itself, whatever was read before', () => {
  // nodejs/node issue 63785: each first text makes JSON.parse misread the second one.
  for (const [before, text, name] of [
    ['{"b":1,"\\\\":2}', '{"b":1,"\\u0061":2}', 'a'],
    ['{"d":1,"\\\\":2}', '{"d":1,"\\"":2}', '"'],
    ['{"f":1,"\\\\u0061xy":2}', '{"f":1,"\\u0061xyzwuvt":2}', 'axyzwuvt'],
  ] as const) {
    const kept = Array.from({ length: 3 }, () => parse(before))
    assert.deepEqual(Object.keys(parse(text) as object)[1], name)
    assert.equal(kept.length, 3)
  }
})

test('__proto__ is an ordinary member', () => {
  for (const text of ['{"__proto__":{"polluted":true}}', '{"__proto__":{"polluted":true},"a":"\\n"}']) {
    const read = parse(text) as Record<string, unknown>
    assert.equal(Object.keys(read)[0], '__proto__')
    assert.equal(read['polluted'], undefined)
    assert.equal(Object.getPrototypeOf(read), Object.prototype)
  }
})

test('an empty body is an empty structure', () => {
  assert.deepEqual(parse(''), {})
})

test('what is no JSON object is refused; AWS has a text only for a list', () => {
  for (const text of [
    ' ',
    '{',
    '{}{}',
    'null',
    '1',
    '"a"',
    'true',
    "{'a':1}",
    '{"a":1,}',
    '{"a":NaN}',
    '{"a"}',
    '"',
    '{"a\\',
  ]) {
    refused(text)
  }
  refused('[]', 'Start of list found where not expected')
})

test('ill-formed UTF-8 and a byte order mark are refused', () => {
  refused(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]))
  refused(Buffer.from([0x7b, 0x22, 0xed, 0xa0, 0x80, 0x22, 0x3a, 0x31, 0x7d]))
  refused(Buffer.from('\ufeff{}'))
  refused(Buffer.from('{}', 'utf16le'))
})

test('32 levels are read and 33 are not', () => {
  const nested = (levels: number) => `{"a":${'['.repeat(levels - 1)}${']'.repeat(levels - 1)}}`
  assert.doesNotThrow(() => parse(nested(32)))
  refused(nested(33))
  refused('['.repeat(1_000_000))
  assert.doesNotThrow(() => parse(`{"a":${JSON.stringify('['.repeat(100))}}`))
})

test('a megabyte of escaped quotes is scanned once', () => {
  const text = JSON.stringify({ a: '"\\'.repeat(250_000) })
  const startedAt = performance.now()
  parse(text)
  // 20 ms; minutes if each quote were searched from the start of its string.
  assert.ok(performance.now() - startedAt < 5000)
})

test('answers hold base64, epoch seconds down to the millisecond, and maps as objects', () => {
  assert.equal(
    writeJson({
      CiphertextBlob: Buffer.from('secret').subarray(1, 3),
      CreationDate: new Date(1_700_000_000_123),
      DeletionDate: new Date(1_700_000_000_000),
      Tags: [{ TagKey: 'a', TagValue: '' }],
      Context: new Map([
        ['__proto__', 'x'],
        ['b', 'é"\n'],
      ]),
      Truncated: false,
      NumberOfBytes: 0,
      Nothing: null,
      Absent: undefined,
      Empty: {},
      EmptyList: [],
    }),
    '{"CiphertextBlob":"ZWM=","CreationDate":1700000000.123,"DeletionDate":1700000000,' +
      '"Tags":[{"TagKey":"a","TagValue":""}],"Context":{"__proto__":"x","b":"é\\"\\n"},"Truncated":false,' +
      '"NumberOfBytes":0,"Nothing":null,"Empty":{},"EmptyList":[]}',
  )
})

test('what is written is what JSON.stringify writes, where both have a form', () => {
  fc.assert(fc.property(object, (input) => assert.equal(writeJson(input), JSON.stringify(input))))
})

test('what has no form on the wire is a mistake of ours', () => {
  for (const input of [
    undefined,
    NaN,
    Infinity,
    1n,
    () => 1,
    [undefined],
    { a: Symbol('a') },
    new Date(NaN),
  ]) {
    assert.throws(() => writeJson(input), TypeError)
  }
})
