import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Members } from '../shape.ts'
import { readFormBody } from './form.ts'
import { queryInput } from './query-input.ts'
import { validate } from './validate.ts'

const members = {
  Name: { type: 'string' },
  Limit: { type: 'integer', min: 1 },
  Enabled: { type: 'boolean' },
  Since: { type: 'timestamp' },
  Bytes: { type: 'blob' },
  Keys: { type: 'list', of: { type: 'string' } },
  Tags: {
    type: 'list',
    of: {
      type: 'structure',
      members: { Key: { type: 'string', required: true }, Values: { type: 'list', of: { type: 'string' } } },
    },
  },
  Context: { type: 'map', key: { type: 'string' }, value: { type: 'string' } },
  Inner: {
    type: 'structure',
    members: { Deep: { type: 'structure', members: { Name: { type: 'string' } } } },
  },
} as const satisfies Members

const read = (text: string) => queryInput(members, readFormBody(Buffer.from(text), new Map()))
const checked = (text: string) => validate(members, read(text))
const malformed = { code: 'MalformedQueryString' }

test('a form becomes the value that JSON would have brought', () => {
  assert.deepEqual(
    checked(
      'Action=X&Version=Y&Name=a&Limit=7&Enabled=true&Since=2026-11-22T10:00:00Z&Bytes=eA%3D%3D' +
        '&Keys.member.1=a&Keys.member.2=b&Tags.member.1.Key=k&Tags.member.1.Values.member.1=v' +
        '&Context.entry.1.key=__proto__&Context.entry.1.value=x&Inner.Deep.Name=n&Unknown.member.1=z',
    ),
    {
      Name: 'a',
      Limit: 7,
      Enabled: true,
      Since: new Date('2026-11-22T10:00:00Z'),
      Bytes: Buffer.from('x'),
      Keys: ['a', 'b'],
      Tags: [{ Key: 'k', Values: ['v'] }],
      Context: new Map([['__proto__', 'x']]),
      Inner: { Deep: { Name: 'n' } },
    },
  )
})

test('members of a list stand in the order of their numbers, and an empty value is an empty list', () => {
  assert.deepEqual(read('Keys.member.10=b&Keys.member.9=a&Keys.member.11=c'), { Keys: ['a', 'b', 'c'] })
  assert.deepEqual(read('Keys='), { Keys: [] })
})

test('text that is no number, boolean, time or base64 is refused as of the wrong type', () => {
  for (const text of [
    'Limit=1.5',
    'Limit=0x1',
    'Limit=',
    'Limit=1e3',
    'Enabled=yes',
    'Since=yesterday',
    'Since=5',
    'Bytes=*',
  ]) {
    assert.throws(() => checked(text), { code: 'SerializationException' }, text)
  }
})

test('constraints are told as of any other request', () => {
  assert.throws(() => checked('Limit=0&Tags.member.1.Values.member.1=v'), {
    code: 'ValidationException',
    message:
      "2 validation errors detected: Value '0' at 'limit' failed to satisfy constraint: Member must have value greater than " +
      "or equal to 1; Value null at 'tags.1.member.key' failed to satisfy constraint: Member must not be null",
  })
})

test('lists and maps that cannot be put in order are refused', () => {
  for (const text of [
    'Keys.member.0=a',
    'Keys.member.x=a',
    'Keys.member.01=a',
    'Keys.member.-1=a',
    'Context.entry.1.value=x',
    'Context.entry.1.key=a&Context.entry.2.key=a',
    `Inner.${'Deep.'.repeat(20)}Name=n`,
  ]) {
    assert.throws(() => read(text), malformed, text)
  }
})
