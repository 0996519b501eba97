import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { shellWord, textTable, timeText } from './output.ts'

test('columns of a table line up, and no line ends in spaces', () => {
  const table = textTable(
    ['ACCOUNT', 'NAME'],
    [
      ['111122223333', 'billing'],
      ['444455556666', ''],
    ],
  )
  assert.equal(table, 'ACCOUNT       NAME\n111122223333  billing\n444455556666\n')
})

test('a cell cannot write control characters, line ends or bidirectional marks to a terminal', () => {
  const table = textTable(['NAME'], [['a\u001b[31mb\nc\u202ed\u009b']])
  assert.equal(table, 'NAME\na?[31mb c?d?\n')
})

test('a printed path is one word to a shell', () => {
  for (const path of ['/plain/path-1.0', '/with space', "/it's", '/$(touch x)`y`', '/a;b&c|d', '/ü*?']) {
    const read = execFileSync('/bin/sh', ['-c', `printf %s ${shellWord(path)}`], { encoding: 'utf8' })
    assert.equal(read, path)
  }
})

test('times are printed in UTC', () => {
  assert.equal(timeText(0), '1970-01-01T00:00:00.000Z')
})
