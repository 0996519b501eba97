import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MalformedPolicyError, parsePolicy } from './document.ts'

const text = `{
  "Version": "2012-10-17",
  "Id": "pair",
  "Statement": [
    { "Sid": "Use the key", "Effect": "Allow", "Principal": { "AWS": ["111122223333", "*"] },
      "Action": ["kms:Decrypt",
                 "kms:Encrypt"], "Resource": "*",
      "Condition": { "Bool": { "aws:SecureTransport": true } } }
  ]
}`

function refusal(of: string): MalformedPolicyError {
  try {
    parsePolicy(of, 'resource')
  } catch (error) {
    if (error instanceof MalformedPolicyError) return error
    throw error
  }
  throw new assert.AssertionError({ message: `taken: ${of}` })
}

test('a policy is read as it is written', () => {
  const { version, id, statements } = parsePolicy(text, 'resource')
  const { location, principal, conditions, ...statement } = statements[0] ?? assert.fail()
  assert.deepEqual({ version, id, count: statements.length }, { version: '2012-10-17', id: 'pair', count: 1 })
  assert.deepEqual(statement, {
    index: 0,
    sid: 'Use the key',
    effect: 'Allow',
    actions: ['kms:Decrypt', 'kms:Encrypt'],
    resources: ['*'],
  })
  assert.deepEqual(
    [principal?.everyone, principal?.entries.map(({ value }) => value)],
    [true, ['111122223333', '*']],
  )
  assert.deepEqual(
    conditions.map(({ operator, key, values }) => ({ operator, key, values })),
    [{ operator: 'Bool', key: 'aws:SecureTransport', values: ['true'] }],
  )
  assert.equal(text.slice(location.offset, location.end.offset).slice(0, 15), '{ "Sid": "Use t')
})

test('a policy without a version is one of 2008, and one statement needs no list', () => {
  const { version, statements } = parsePolicy(
    '{"Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}',
    'identity',
  )
  assert.deepEqual(
    [version, statements.length, statements[0]?.location.path],
    ['2008-10-17', 1, ['Statement']],
  )
})

test('every part can be located by its path', () => {
  const document = parsePolicy(text, 'resource')
  const place = document.locate(['Statement', 0, 'Action', 1])
  assert.deepEqual([place?.line, place?.column], [7, 17])
  assert.equal(text.slice(place?.offset, place?.end.offset), '"kms:Encrypt"')
  assert.equal(document.locate(['Statement', 0, 'NotAction']), undefined)
  assert.equal(document.locate(['Statement', 1]), undefined)
})

test('an error says where it is', () => {
  const { location, message } = refusal(text.replace('kms:Encrypt', 'Encrypt'))
  assert.deepEqual([location.line, location.column, location.path], [7, 17, ['Statement', 0, 'Action', 1]])
  assert.match(message, /prefaced by a vendor/)
  assert.equal(refusal(text.replace('"*",', '*,')).location.line, 7)
})

test('a document nested more deeply, or larger, than a policy can be is refused', () => {
  const deep = `{"Statement":[{"Effect":"Allow","Condition":${'['.repeat(5000)}${']'.repeat(5000)}}]}`
  assert.match(refusal(deep).message, /nested too deeply/)
  assert.match(refusal(' '.repeat(200_000)).message, /too large/)
})

test('a policy of many members costs no more than its length', () => {
  const many = Array.from({ length: 4000 }, (_, i) => `"aws:RequestTag/${i}":\n"x"`).join(',')
  const start = process.cpuUsage()
  parsePolicy(
    `{"Statement":{"Effect":"Allow","Action":"kms:*","Resource":"*","Condition":{"StringEquals":{${many}}}}}`,
    'identity',
  )
  assert.ok(process.cpuUsage(start).user < 500_000)
})

test('any text is a policy or is refused with its place', () => {
  const fragments = fc.constantFrom(
    '{',
    '}',
    '[',
    ']',
    '"',
    ':',
    ',',
    '\\',
    '\n',
    'é',
    '\u0000',
    '"Statement"',
    'Effect',
    '1e9',
    'null',
  )
  const mutations = fc.array(fc.tuple(fc.nat(text.length), fc.nat(8), fragments), {
    minLength: 1,
    maxLength: 4,
  })
  const property = fc.property(mutations, (cuts) => {
    let changed = text
    for (const [at, length, put] of cuts) changed = changed.slice(0, at) + put + changed.slice(at + length)
    try {
      parsePolicy(changed, 'resource')
      JSON.parse(changed)
    } catch (error) {
      assert.ok(error instanceof MalformedPolicyError, String(error))
      assert.ok(error.location.end.offset <= changed.length)
    }
  })
  fc.assert(property, { numRuns: 2000 })
})

test('a long string with escapes is read', () => {
  const id = 'x\\n'.repeat(40_000)
  const document = parsePolicy(
    `{"Id":"${id}","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}`,
    'identity',
  )
  assert.equal(document.id?.length, 80_000)
})
