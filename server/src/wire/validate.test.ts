import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AwsError } from '../aws-error.ts'
import type { Members } from '../shape.ts'
import { parseJson } from './json.ts'
import { validate } from './validate.ts'

const members = {
  KeyId: { type: 'string', required: true, min: 1, max: 8 },
  Plaintext: { type: 'blob', min: 1, max: 4, sensitive: true },
  Password: { type: 'string', min: 7, max: 32, sensitive: true },
  AliasName: { type: 'string', min: 1, max: 256, pattern: '[a-zA-Z0-9:/_-]+' },
  Note: { type: 'string', pattern: '^[a-z\\s.-]+$' },
  KeySpec: { type: 'string', enum: ['RSA_2048', 'HMAC_256'] },
  Limit: { type: 'integer', min: 1, max: 1000 },
  Offset: { type: 'long' },
  DryRun: { type: 'boolean' },
  ValidTo: { type: 'timestamp' },
  Operations: { type: 'list', max: 3, of: { type: 'string', enum: ['Encrypt', 'Decrypt'] } },
  GrantTokens: { type: 'list', min: 0, max: 2, of: { type: 'string', min: 1, max: 4 } },
  EncryptionContext: { type: 'map', key: { type: 'string' }, value: { type: 'string' } },
  Logins: { type: 'map', max: 2, key: { type: 'string', max: 3 }, value: { type: 'string', min: 1, max: 5 } },
  Tags: {
    type: 'list',
    of: {
      type: 'structure',
      members: {
        TagKey: { type: 'string', required: true, min: 1, max: 3 },
        TagValue: { type: 'string', required: true, max: 3 },
      },
    },
  },
  Recipient: {
    type: 'structure',
    members: {
      KeyEncryptionAlgorithm: { type: 'string', enum: ['RSAES_OAEP_SHA_256'] },
      AttestationDocument: { type: 'blob', min: 1 },
    },
  },
} as const satisfies Members

const check = (input: object) => validate(members, { KeyId: 'k', ...input })

function refused(input: object, code: string, message: string) {
  assert.throws(
    () => validate(members, input),
    (error) => {
      assert.ok(error instanceof AwsError, String(error))
      assert.deepEqual([error.code, error.message], [code, message])
      return true
    },
  )
}

/** One violation of a request that is otherwise fine. */
const violates = (input: object, violation: string) =>
  refused({ KeyId: 'k', ...input }, 'ValidationException', `1 validation error detected: ${violation}`)

const unreadable = (input: object, message: string) =>
  refused({ KeyId: 'k', ...input }, 'SerializationException', message)

test('a required member that is absent or null', () => {
  const text =
    "1 validation error detected: Value null at 'keyId' failed to satisfy constraint: Member must not be null"
  refused({}, 'ValidationException', text)
  refused({ KeyId: null }, 'ValidationException', text)
  refused(Object.create({ KeyId: 'inherited' }) as object, 'ValidationException', text)
})

test('length', () => {
  violates(
    { KeyId: '' },
    "Value '' at 'keyId' failed to satisfy constraint: Member must have length greater than or equal to 1",
  )
  violates(
    { KeyId: 'k'.repeat(9) },
    "Value 'kkkkkkkkk' at 'keyId' failed to satisfy constraint: Member must have length less than or equal to 8",
  )
  assert.equal(check({ KeyId: '😀😀😀😀' })['KeyId'], '😀😀😀😀')
  assert.throws(() => check({ KeyId: '😀😀😀😀x' }))
})

test('blobs are bounded by their decoded bytes, and neither they nor sensitive values are told', () => {
  violates(
    { Plaintext: Buffer.alloc(5).toString('base64') },
    "Value at 'plaintext' failed to satisfy constraint: Member must have length less than or equal to 4",
  )
  violates(
    { Plaintext: '' },
    "Value at 'plaintext' failed to satisfy constraint: Member must have length greater than or equal to 1",
  )
  violates(
    { Password: 'secret' },
    "Value at 'password' failed to satisfy constraint: Member must have length greater than or equal to 7",
  )
  assert.deepEqual(
    check({ Plaintext: Buffer.from('abcd').toString('base64') })['Plaintext'],
    Buffer.from('abcd'),
  )
})

test('range', () => {
  violates(
    { Limit: 1001 },
    "Value '1001' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 1000",
  )
  violates(
    { Limit: -1 },
    "Value '-1' at 'limit' failed to satisfy constraint: Member must have value greater than or equal to 1",
  )
})

test('enum', () => {
  violates(
    { KeySpec: 'RSA_1' },
    "Value 'RSA_1' at 'keySpec' failed to satisfy constraint: Member must satisfy enum value set: [RSA_2048, HMAC_256]",
  )
  violates(
    { KeySpec: 'toString' },
    "Value 'toString' at 'keySpec' failed to satisfy constraint: Member must satisfy enum value set: [RSA_2048, HMAC_256]",
  )
})

test('pattern, of the whole value', () => {
  for (const name of ['alias/ö', 'alias/a\n', ' alias/a']) {
    violates(
      { AliasName: name },
      `Value '${name}' at 'aliasName' failed to satisfy constraint: ` +
        'Member must satisfy regular expression pattern: [a-zA-Z0-9:/_-]+',
    )
  }
})

test('white space in a pattern is that of ASCII, as the patterns of AWS mean it', () => {
  for (const note of ['a\u00a0b', 'a\u2028b', 'a\ufeffb', 'a\u3000b']) {
    violates(
      { Note: note },
      `Value '${note}' at 'note' failed to satisfy constraint: ` +
        'Member must satisfy regular expression pattern: ^[a-z\\s.-]+$',
    )
  }
})

test('all violations are told in one text', () => {
  refused(
    { AliasName: '', Limit: 0, Recipient: { KeyEncryptionAlgorithm: 'x' } },
    'ValidationException',
    '5 validation errors detected: ' +
      "Value null at 'keyId' failed to satisfy constraint: Member must not be null; " +
      "Value '' at 'aliasName' failed to satisfy constraint: Member must have length greater than or equal to 1; " +
      "Value '' at 'aliasName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9:/_-]+; " +
      "Value '0' at 'limit' failed to satisfy constraint: Member must have value greater than or equal to 1; " +
      "Value 'x' at 'recipient.keyEncryptionAlgorithm' failed to satisfy constraint: " +
      'Member must satisfy enum value set: [RSAES_OAEP_SHA_256]',
  )
})

test('members of list items have their place in the path', () => {
  violates(
    { Tags: [{ TagKey: 'abcd', TagValue: '' }] },
    "Value 'abcd' at 'tags.1.member.tagKey' failed to satisfy constraint: Member must have length less than or equal to 3",
  )
  violates(
    { Tags: [{ TagKey: 'a', TagValue: '' }, { TagKey: 'b' }] },
    "Value null at 'tags.2.member.tagValue' failed to satisfy constraint: Member must not be null",
  )
  violates(
    { Tags: [null] },
    "Value null at 'tags.1.member' failed to satisfy constraint: Member must not be null",
  )
})

test('list items and map entries are told with all their rules', () => {
  violates(
    { Operations: ['Encrypt', 'x'] },
    "Value '[Encrypt, x]' at 'operations' failed to satisfy constraint: " +
      'Member must satisfy constraint: [Member must satisfy enum value set: [Encrypt, Decrypt]]',
  )
  violates(
    { GrantTokens: [''] },
    "Value '[]' at 'grantTokens' failed to satisfy constraint: Member must satisfy constraint: " +
      '[Member must have length less than or equal to 4, Member must have length greater than or equal to 1]',
  )
  violates(
    { Operations: [null] },
    "Value '[null]' at 'operations' failed to satisfy constraint: Member must satisfy constraint: " +
      '[Member must satisfy enum value set: [Encrypt, Decrypt], Member must not be null]',
  )
  violates(
    { Logins: { a: '' } },
    "Value '{a=}' at 'logins' failed to satisfy constraint: Map value must satisfy constraint: " +
      '[Member must have length less than or equal to 5, Member must have length greater than or equal to 1]',
  )
  violates(
    { Logins: { abcd: 'x' } },
    "Value '{abcd=x}' at 'logins' failed to satisfy constraint: Map keys must satisfy constraint: " +
      '[Member must have length less than or equal to 3]',
  )
  violates(
    { EncryptionContext: { a: null } },
    "Value '{a=null}' at 'encryptionContext' failed to satisfy constraint: Map value must satisfy constraint: " +
      '[Member must not be null]',
  )
})

test('lists and maps have their own bounds', () => {
  violates(
    { GrantTokens: ['a', 'b', 'c'] },
    "Value '[a, b, c]' at 'grantTokens' failed to satisfy constraint: Member must have length less than or equal to 2",
  )
  violates(
    { Logins: { a: '1', b: '2', c: '3' } },
    "Value '{a=1, b=2, c=3}' at 'logins' failed to satisfy constraint: Member must have length less than or equal to 2",
  )
})

test('a JSON value of another type is not converted', () => {
  const map = 'Start of structure or map found where not expected.'
  const list = 'Start of list found where not expected'
  const cases: [object, string][] = [
    [{ KeyId: 23 }, 'NUMBER_VALUE can not be converted to a String'],
    [{ KeyId: true }, 'TRUE_VALUE can not be converted to a String'],
    [{ KeyId: false }, 'FALSE_VALUE can not be converted to a String'],
    [{ KeyId: {} }, map],
    [{ KeyId: [] }, list],
    [{ Limit: '23' }, 'STRING_VALUE can not be converted to an Integer'],
    [{ Limit: {} }, map],
    [{ Offset: '23' }, 'STRING_VALUE can not be converted to a Long'],
    [{ DryRun: 'true' }, 'STRING_VALUE can not be converted to a Boolean'],
    [{ DryRun: 1 }, 'NUMBER_VALUE can not be converted to a Boolean'],
    [{ ValidTo: '2030-01-01' }, 'STRING_VALUE can not be converted to milliseconds since epoch'],
    [{ Plaintext: 23 }, 'NUMBER_VALUE can not be converted to a Blob'],
    [{ Plaintext: [] }, list],
    [{ Tags: 'a' }, 'Expected list or null'],
    [{ Tags: {} }, map],
    [{ Tags: ['a'] }, 'Expected null'],
    [{ Tags: [[]] }, list],
    [{ Operations: [1] }, 'NUMBER_VALUE can not be converted to a String'],
    [{ Recipient: 'a' }, 'Expected null'],
    [{ Recipient: [] }, list],
    [{ EncryptionContext: 'a' }, 'Expected map or null'],
    [{ EncryptionContext: [] }, list],
    [{ EncryptionContext: { a: 1 } }, 'NUMBER_VALUE can not be converted to a String'],
    [{ EncryptionContext: { a: {} } }, map],
    [{ GrantTokens: ['a', 'b', { toString: 1, valueOf: 1 }] }, map],
  ]
  for (const [input, message] of cases) unreadable(input, message)
  // The type of everything comes before any constraint.
  unreadable({ AliasName: '', DryRun: 1 }, 'NUMBER_VALUE can not be converted to a Boolean')
})

test('a number that would have to be cut is refused', () => {
  for (const limit of [1.5, 2 ** 31, -(2 ** 31) - 1, Infinity]) {
    unreadable({ Limit: limit }, 'NUMBER_VALUE can not be converted to an Integer')
  }
  for (const offset of [0.5, 2 ** 53, Infinity]) {
    unreadable({ Offset: offset }, 'NUMBER_VALUE can not be converted to a Long')
  }
  unreadable({ ValidTo: 8.64e12 + 1 }, 'NUMBER_VALUE can not be converted to milliseconds since epoch')
  assert.equal(check({ Offset: -(2 ** 53) + 1 })['Offset'], -(2 ** 53) + 1)
})

test('times are epoch seconds, with a fraction or without', () => {
  assert.deepEqual(check({ ValidTo: 1_700_000_000.123 })['ValidTo'], new Date(1_700_000_000_123))
  assert.deepEqual(check({ ValidTo: 0 })['ValidTo'], new Date(0))
})

test('base64 has its padding, no bits left over and nothing else in it; the text is not told', () => {
  const blob = (text: string, why: string) =>
    unreadable({ Plaintext: text }, `STRING_VALUE can not be converted to a Blob: ${why}`)
  blob('23456', 'Base64 encoded length is expected a multiple of 4 bytes but found: 5')
  blob('YQ', 'Base64 encoded length is expected a multiple of 4 bytes but found: 2')
  blob('+/+=', 'Invalid last non-pad Base64 character dectected')
  for (const text of ['=+/=', 'YW-_', 'YWJ\n', 'Y===', '====', 'YQ==YQ==', 'éééé'])
    blob(text, 'Invalid Base64 character')
})

test('ill-formed Unicode is refused wherever a string stands, and not repeated', () => {
  const text = 'Member must be well-formed Unicode'
  violates({ KeyId: '\ud800' }, `Value at 'keyId' failed to satisfy constraint: ${text}`)
  const read = (json: string) => parseJson(Buffer.from(json)) as object
  violates(
    read('{"EncryptionContext":{"a":"\\udfff"}}'),
    `Value '{a=\ufffd}' at 'encryptionContext' failed to satisfy constraint: Map value must satisfy constraint: [${text}]`,
  )
  violates(
    read('{"EncryptionContext":{"\\ud800":"a"}}'),
    `Value '{\ufffd=a}' at 'encryptionContext' failed to satisfy constraint: Map keys must satisfy constraint: [${text}]`,
  )
  violates(
    { GrantTokens: ['\ud800'] },
    `Value '[\ufffd]' at 'grantTokens' failed to satisfy constraint: Member must satisfy constraint: [${text}]`,
  )
})

test('maps are Maps, and names that mean something to JavaScript are ordinary', () => {
  const { EncryptionContext } = check(
    parseJson(Buffer.from('{"EncryptionContext":{"__proto__":"a","constructor":"b","1":"c"}}')) as object,
  )
  assert.ok(EncryptionContext instanceof Map)
  assert.deepEqual(
    new Map([...(EncryptionContext as Map<string, string>)].sort(([a], [b]) => (a < b ? -1 : 1))),
    new Map([
      ['1', 'c'],
      ['__proto__', 'a'],
      ['constructor', 'b'],
    ]),
  )
})

test('members come in the order of the table; unknown and null ones are left out', () => {
  const input = { Unknown: '\ud800', Limit: 5, AliasName: null, KeySpec: 'HMAC_256', toString: 'x', Tags: [] }
  const structure = validate(members, { ...input, KeyId: 'k' })
  assert.deepEqual(Object.entries(structure), [
    ['KeyId', 'k'],
    ['KeySpec', 'HMAC_256'],
    ['Limit', 5],
    ['Tags', []],
  ])
})

test('long values and many violations are cut', () => {
  const long = `${'k'.repeat(2047)}😀${'k'.repeat(1_000_000)}`
  violates(
    { KeyId: long },
    `Value '${'k'.repeat(2047)}...' at 'keyId' failed to satisfy constraint: Member must have length less than or equal to 8`,
  )
  assert.throws(
    () => check({ Tags: Array.from({ length: 5000 }, () => ({ TagKey: 'long', TagValue: '' })) }),
    (error) =>
      error instanceof AwsError &&
      error.message.startsWith('5000 validation errors detected: ') &&
      error.message.split('; ').length === 20,
  )
  assert.throws(
    () => check({ GrantTokens: Array.from({ length: 200_000 }, () => 'long token') }),
    (error) => error instanceof AwsError && error.message.length < 5000,
  )
})

test('a text with U+0000, which no database can hold, is refused where it would be stored', () => {
  const members = {
    Description: { type: 'string' },
    EncryptionContext: { type: 'map', key: { type: 'string' }, value: { type: 'string' } },
  } as const satisfies Members
  assert.throws(() => validate(members, { Description: 'a\0b' }), {
    code: 'ValidationException',
    message:
      "1 validation error detected: Value at 'description' failed to satisfy constraint: Member must not contain U+0000",
  })
  const { EncryptionContext } = validate(members, { EncryptionContext: { 'a\0': 'b\0' } })
  assert.deepEqual(EncryptionContext, new Map([['a\0', 'b\0']]))
})
