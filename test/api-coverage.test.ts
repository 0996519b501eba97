import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import * as sdk from '@aws-sdk/client-kms'
import { operationNames } from '../server/src/services/kms/operation-names.ts'
import { supportedOperations } from '../server/src/services/kms/service.ts'
import { operations } from '../server/src/services/kms/shapes.ts'

interface Row {
  readonly operation: string
  readonly state: string
  readonly unsupportedMembers: readonly string[]
  readonly notes: string
}

const page = readFileSync(new URL('../docs/api-coverage.md', import.meta.url), 'utf8')
const rows = coverageRows(page)
const supported = rows.filter((row) => row.state === 'supported').map((row) => row.operation)

test('the page names every operation of AWS KMS once, and no other', () => {
  assert.equal(operationNames.length, 56)
  assert.deepEqual(operationNames, [...new Set(operationNames)].toSorted())
  assert.deepEqual(rows.map((row) => row.operation).toSorted(), operationNames)
})

test('the list of operations is that of the AWS SDK for JavaScript', () => {
  const commands = Object.keys(sdk)
    .filter((name) => name.endsWith('Command') && name !== '$Command')
    .map((name) => name.slice(0, -'Command'.length))
  assert.deepEqual(commands.toSorted(), operationNames)
})

test('an operation is called supported exactly when the server has it', () => {
  assert.deepEqual(supported.toSorted(), supportedOperations.toSorted())
  for (const { operation, state } of rows) assert.match(state, /^(supported|planned)$/, operation)
})

test('the members that a row names are members of that operation', () => {
  let named = 0
  for (const { operation, unsupportedMembers, notes } of rows) {
    const members = membersOf(`${operation}Request$`)
    for (const member of [...unsupportedMembers, ...codeSpans(notes)]) {
      assert.ok(members.includes(member), `${operation} has no member ${member}`)
      named += 1
    }
  }
  assert.ok(named >= 10, `only ${named} members are named: the table was not read`)
})

test('only a supported operation has members that are not supported', () => {
  for (const { operation, state, unsupportedMembers } of rows) {
    assert.ok(state === 'supported' || unsupportedMembers.length === 0, operation)
  }
})

test('the shapes of a supported operation have the members that the AWS SDK knows, no more and no fewer', () => {
  assert.deepEqual(Object.keys(operations).toSorted(), supported.toSorted())
  for (const [operation, { input, output }] of Object.entries(operations)) {
    assert.deepEqual(
      Object.keys(input).toSorted(),
      membersOf(`${operation}Request$`).toSorted(),
      `${operation}, request`,
    )
    if (output === null) continue
    assert.deepEqual(
      Object.keys(output).toSorted(),
      membersOf(`${operation}Response$`).toSorted(),
      `${operation}, answer`,
    )
  }
})

test('the figures and the version in the text are those of the table and of package.json', () => {
  const text = page.replaceAll(/\s+/g, ' ')
  assert.ok(text.includes(`${rows.length} operations, of which ${supported.length} are supported`))
  const root = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    devDependencies: Record<string, string>
  }
  assert.ok(text.includes(`\`@aws-sdk/client-kms\` ${root.devDependencies['@aws-sdk/client-kms']}`))
})

/** The rows of every table whose first heading is "Operation". */
function coverageRows(markdown: string): Row[] {
  const found: Row[] = []
  for (const line of markdown.split('\n')) {
    if (!line.startsWith('|')) continue
    const cells = line.split('|').slice(1, -1)
    const [operation = '', state = '', members = '', notes = ''] = cells.map((cell) => cell.trim())
    if (operation === 'Operation' || operation.startsWith('---')) continue
    assert.equal(cells.length, 4, `not four cells: ${line}`)
    found.push({ operation, state, unsupportedMembers: codeSpans(members), notes })
  }
  return found
}

function codeSpans(markdown: string): string[] {
  return [...markdown.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? '')
}

/** The SDK describes each structure as [kind, namespace, name, traits, member names, member shapes]. */
function membersOf(structure: string): readonly string[] {
  const schema = (sdk as Record<string, unknown>)[structure]
  assert.ok(Array.isArray(schema), `the SDK has no ${structure}`)
  const names: unknown = schema[4]
  assert.ok(Array.isArray(names) && names.every((name) => typeof name === 'string'), structure)
  return names
}
