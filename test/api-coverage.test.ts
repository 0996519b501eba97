import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import * as analyzer from '@aws-sdk/client-accessanalyzer'
import * as iam from '@aws-sdk/client-iam'
import * as sdk from '@aws-sdk/client-kms'
import * as sts from '@aws-sdk/client-sts'
import { operationNames as analyzerNames } from '../server/src/services/access-analyzer/operation-names.ts'
import { supportedAccessAnalyzerOperations } from '../server/src/services/access-analyzer/service.ts'
import { operations as analyzerShapes } from '../server/src/services/access-analyzer/shapes.ts'
import { operationNames as iamNames } from '../server/src/services/iam/operation-names.ts'
import { iamOperations, supportedIamOperations } from '../server/src/services/iam/service.ts'
import { operationNames } from '../server/src/services/kms/operation-names.ts'
import { supportedOperations } from '../server/src/services/kms/service.ts'
import { operations } from '../server/src/services/kms/shapes.ts'
import { operationNames as stsNames } from '../server/src/services/sts/operation-names.ts'
import { supportedStsOperations } from '../server/src/services/sts/service.ts'
import { operations as stsShapes } from '../server/src/services/sts/shapes.ts'

interface Row {
  readonly operation: string
  readonly state: string
  readonly unsupportedMembers: readonly string[]
  readonly notes: string
}

const page = readFileSync(new URL('../docs/api-coverage.md', import.meta.url), 'utf8')
const rows = coverageRows(page)
const dependencies = (
  JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    devDependencies: Record<string, string>
  }
).devDependencies
const supported = rows.filter((row) => row.state === 'supported').map((row) => row.operation)

test('the page names every operation of AWS KMS once, and no other', () => {
  assert.equal(operationNames.length, 56)
  assert.deepEqual(operationNames, [...new Set(operationNames)].toSorted())
  assert.deepEqual(rows.map((row) => row.operation).toSorted(), operationNames)
})

test('the list of operations is that of the AWS SDK for JavaScript', () => {
  assert.deepEqual(commandsOf(sdk), operationNames)
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
      membersOf(responseOf(operation)).toSorted(),
      `${operation}, answer`,
    )
  }
})

test('the figures and the version in the text are those of the table and of package.json', () => {
  const text = page.replaceAll(/\s+/g, ' ')
  assert.ok(text.includes(`${rows.length} operations, of which ${supported.length} are supported`))
  assert.ok(text.includes(`\`@aws-sdk/client-kms\` ${dependencies['@aws-sdk/client-kms']}`))
})

/** What stands beside AWS KMS: one section of the page for each, its tables name what is supported. */
const companions = [
  { heading: 'AWS STS', client: 'client-sts', sdk: sts, names: stsNames, shapes: stsShapes },
  { heading: 'AWS IAM', client: 'client-iam', sdk: iam, names: iamNames, shapes: iamOperations },
  {
    heading: 'IAM Access Analyzer',
    client: 'client-accessanalyzer',
    sdk: analyzer,
    names: analyzerNames,
    shapes: analyzerShapes,
  },
] as const
const served: Readonly<Record<(typeof companions)[number]['heading'], readonly string[]>> = {
  'AWS STS': supportedStsOperations,
  'AWS IAM': supportedIamOperations,
  'IAM Access Analyzer': supportedAccessAnalyzerOperations,
}

for (const { heading, client, sdk: module, names, shapes } of companions) {
  const section = sectionOf(page, heading)
  const supportedNames = served[heading].toSorted()

  test(`${heading}: every operation that AWS has is on the page once, as supported exactly when the server has it`, () => {
    assert.deepEqual([...names], commandsOf(module))
    const listed = section.split('\n').filter((line) => /^\| [A-Z]/.test(line))
    assert.deepEqual(listed.flatMap(operationsIn).toSorted(), supportedNames)
    const [, rest = ''] = /^Not supported: ([^.]*)\./m.exec(section) ?? []
    const others = names.filter((name) => !supportedNames.includes(name))
    assert.deepEqual(rest.split(/,\s+/), others)
    const figures = `\`@aws-sdk/${client}\` ${dependencies[`@aws-sdk/${client}`]} has it: ${names.length} operations, of which ${supportedNames.length} are supported`
    assert.ok(section.replaceAll(/\s+/g, ' ').includes(figures), figures)
  })

  test(`${heading}: shapes have the members that the AWS SDK knows, but for those that the page names`, () => {
    assert.deepEqual(Object.keys(shapes).toSorted(), supportedNames)
    for (const [operation, { input, output }] of Object.entries<Shapes>(shapes)) {
      const unsupported = unsupportedMembers(section, operation)
      const [asked, answered] = operationMembers(module, operation)
      for (const member of unsupported) assert.ok([...asked, ...answered].includes(member), member)
      const but = (members: readonly string[], kept: object) =>
        members.filter((member) => Object.hasOwn(kept, member) || !unsupported.includes(member)).toSorted()
      assert.deepEqual(Object.keys(input).toSorted(), but(asked, input), `${operation}, request`)
      assert.deepEqual(
        Object.keys(output ?? {}).toSorted(),
        but(answered, output ?? {}),
        `${operation}, answer`,
      )
    }
  })
}

interface Shapes {
  readonly input: object
  readonly output: object | null
}

function commandsOf(module: object): string[] {
  return Object.keys(module)
    .filter((name) => name.endsWith('Command') && name !== '$Command')
    .map((name) => name.slice(0, -'Command'.length))
    .toSorted()
}

/** From the heading to the next of its level. */
function sectionOf(markdown: string, heading: string): string {
  const start = markdown.indexOf(`\n## ${heading}\n`)
  assert.notEqual(start, -1, `the page has no section ${heading}`)
  const end = markdown.indexOf('\n## ', start + 1)
  return markdown.slice(start, end === -1 ? undefined : end)
}

/** The operations of a row: those of its second cell, a list, or else its first cell. */
function operationsIn(row: string): string[] {
  const cells = row.split('|').map((cell) => cell.trim())
  const [, first = '', second = ''] = cells
  if (second === 'Operations' || first === 'Operation') return []
  return /^[A-Z]\w+(, [A-Z]\w+)*$/.test(second) ? second.split(', ') : [first]
}

function unsupportedMembers(section: string, operation: string): string[] {
  const row = section.split('\n').find((line) => line.startsWith(`| ${operation} |`))
  return row === undefined ? [] : codeSpans(row.split('|')[2] ?? '')
}

/** The SDK describes an operation as [kind, namespace, name, traits, input, output]. */
function operationMembers(module: object, operation: string): [readonly string[], readonly string[]] {
  const [, , , , input, output] = (module as Record<string, unknown>)[`${operation}$`] as unknown[]
  return [memberNames(input), memberNames(output)]
}

/** Of [kind, namespace, name, traits, member names, member shapes], or of what gives it; an empty answer is none. */
function memberNames(schema: unknown): readonly string[] {
  const structure: unknown = typeof schema === 'function' ? (schema as () => unknown)() : schema
  if (!Array.isArray(structure)) return []
  const names: unknown = structure[4]
  return Array.isArray(names) ? names.map(String) : []
}

/** The rows of the tables of AWS KMS, which stand before those of the other APIs. */
function coverageRows(markdown: string): Row[] {
  const found: Row[] = []
  for (const line of markdown.slice(0, markdown.indexOf('\n## AWS STS\n')).split('\n')) {
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

/** Two operations share one answer. */
function responseOf(operation: string): string {
  return `${operation === 'ListRetirableGrants' ? 'ListGrants' : operation}Response$`
}

/** The SDK describes each structure as [kind, namespace, name, traits, member names, member shapes]. */
function membersOf(structure: string): readonly string[] {
  const schema = (sdk as Record<string, unknown>)[structure]
  assert.ok(Array.isArray(schema), `the SDK has no ${structure}`)
  const names: unknown = schema[4]
  assert.ok(Array.isArray(names) && names.every((name) => typeof name === 'string'), structure)
  return names
}
