import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ambiguous, type RequestContext } from './request.ts'
import { joined, readTemplate } from './template.ts'

const context: RequestContext = {
  get: (key) =>
    ({ 'aws:username': 'alice', 'aws:principaltag/my team': '*', 'aws:tagkeys': ['a', 'b'] })[key] ??
    (key === 'kms:encryptioncontext:x' ? ambiguous : undefined),
}

function filled(text: string): string | typeof ambiguous | undefined {
  const pieces = readTemplate(text, { variables: true, wild: true }).fill(context)
  return pieces === undefined || pieces === ambiguous ? pieces : joined(pieces)
}

test('variables take the place of their values, once', () => {
  assert.equal(filled('a-${aws:username}-${ AWS:UserName }!'), 'a-alice-alice!')
  assert.equal(filled("${aws:none, '${aws:username}'}"), '${aws:username}')
  assert.equal(filled("${aws:none , 'it''s'}"), "it's")
  assert.equal(filled("${aws:tagkeys, ''}"), '')
  assert.equal(filled('${*}${?}${$}{x}'), '*?${x}')
})

test('a variable without a value leaves no text, an ambiguous one says so', () => {
  assert.equal(filled('${aws:none}'), undefined)
  assert.equal(filled('${aws:tagkeys}'), undefined)
  assert.equal(filled('x${kms:EncryptionContext:x}'), ambiguous)
  assert.equal(filled('${kms:EncryptionContext:x}${aws:none}'), undefined)
})

test('what is no variable is ordinary text', () => {
  for (const text of [
    '$',
    '${',
    '${}',
    '${ }',
    '${a',
    '${a,b}',
    "${a, 'b}",
    "${a, 'b' c}",
    '${a{b}',
    '$ {aws:username}',
  ]) {
    assert.equal(filled(text), text)
  }
  assert.equal(filled('${a${aws:username}'), '${aalice')
})

test("a variable's value is no pattern, and the text around it is one", () => {
  const pieces = readTemplate('x*${aws:PrincipalTag/my team}', { variables: true, wild: true }).fill(context)
  assert.deepEqual(pieces, [
    { text: 'x*', wild: true },
    { text: '*', wild: false },
  ])
})

test('a text that is made to be read slowly is not', () => {
  const start = process.cpuUsage()
  for (const unit of [' ', '${', "${a,'", "${a, '''", '${ ', "'"]) {
    const text = '${' + unit.repeat(130_000 / unit.length)
    readTemplate(text, { variables: true, wild: false })
  }
  assert.ok(process.cpuUsage(start).user < 1_000_000)
})
