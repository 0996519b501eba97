import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { caseFileNames, readCaseFile } from './case-files.ts'

const page = readFileSync(new URL('../../docs/policy-evaluation.md', import.meta.url), 'utf8')

interface Named {
  readonly name: string
}
interface CaseFile {
  readonly cases?: readonly Named[]
  readonly malformed?: readonly Named[]
  readonly wellFormed?: readonly Named[]
}

const names = new Map(
  caseFileNames().map((file) => {
    const { cases = [], malformed = [], wellFormed = [] } = readCaseFile<CaseFile>(file)
    return [file, new Set([...cases, ...malformed, ...wellFormed].map(({ name }) => name))]
  }),
)
const link = /\[([^\]]+)\]\(\.\.\/test\/policy\/cases\/([a-z-]+\.json)\)/g

test('every case that the page on policy evaluation links to exists', () => {
  const links = [...page.matchAll(link)]
  for (const [, name = '', file = ''] of links) assert.ok(names.get(file)?.has(name), `${file}: ${name}`)
  assert.ok(links.length > 100, `only ${links.length} links were found: the page was not read`)
})

test('every rule on the page on policy evaluation links to a case', () => {
  const rows = page.split('\n').filter((line) => line.startsWith('| ') && !line.endsWith('| Proved by |'))
  assert.ok(rows.length > 30, `only ${rows.length} rules were found: the page was not read`)
  for (const row of rows) assert.match(row, new RegExp(link.source), row)
})
