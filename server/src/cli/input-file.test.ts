import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { readInputFile } from './input-file.ts'

const entry = fileURLToPath(new URL('./keywright.ts', import.meta.url))
const cwd = mkdtempSync(join(tmpdir(), 'keywright-input-'))
after(() => rmSync(cwd, { recursive: true, force: true }))

test('a file is read to its end when it is no longer than it may be', () => {
  const file = join(cwd, 'file')
  const read = (path: string) =>
    readInputFile(path, { maxBytes: 64, tooLong: 'too long', unreadable: (code) => `unreadable: ${code}` })
  for (const length of [0, 1, 64]) {
    writeFileSync(file, Buffer.alloc(length, 'x'))
    assert.deepEqual(read(file), Buffer.alloc(length, 'x'))
  }
  truncateSync(file, 65)
  assert.throws(() => read(file), { name: 'CommandError', message: 'too long' })
  truncateSync(file, 2 ** 40)
  assert.throws(() => read(file), { name: 'CommandError', message: 'too long' })
  assert.throws(() => read(cwd), { name: 'CommandError', message: 'unreadable: EISDIR' })
  assert.throws(() => read(join(cwd, 'none')), { name: 'CommandError', message: 'unreadable: ENOENT' })
})

test('what has no end is refused, by every command that takes a file', () => {
  const region = [
    '--data-dir',
    join(cwd, 'data'),
    'region',
    'link',
    '/dev/zero',
    '--url',
    'https://a.example:1',
  ]
  const wrap = ['import', 'wrap', '--public-key', '/dev/zero', '--algorithm', 'RSAES_OAEP_SHA_256']
  for (const [args, reason] of [
    [['policy', 'lint', '/dev/zero'], /too long for a policy/],
    [[...wrap, '--material', 'material', '--out', 'out'], /too long for a public key/],
    [region, /longer than an identity can be/],
  ] as const) {
    const { status, stderr } = spawnSync(process.execPath, [entry, ...args], { cwd, timeout: 30_000 })
    assert.match(stderr.toString(), reason)
    assert.equal(status, 1)
  }
})

test('a pipe is taken like a file', () => {
  const piped = `printf '{"Statement":[]}' | "$0" "$1" policy lint /dev/stdin`
  const { stdout } = spawnSync('/bin/sh', ['-c', piped, process.execPath, entry], { cwd })
  assert.match(stdout.toString(), /MISSING_STATEMENT/)
})
