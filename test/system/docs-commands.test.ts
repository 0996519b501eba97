import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { startServer, temporaryFolder, type ServerProcess } from '../server-process.ts'
import type { Shown } from './terminal.ts'

/** The commands that the pages show, in their order, in the folder of a clone that serves the address they name. */

const root = fileURLToPath(new URL('../..', import.meta.url))
const page = (name: string) => readFileSync(join(root, name), 'utf8')

const clone = temporaryFolder()
let server: ServerProcess
before(async () => {
  server = await startServer({ dataDir: join(clone, '.keywright') })
  // Of npx there is only what the pages use: the command of the clone.
  const bin = join(clone, 'node_modules', '.bin')
  mkdirSync(bin, { recursive: true })
  const command = join(root, 'server/src/cli/keywright.ts')
  writeFileSync(join(bin, 'npx'), `#!/bin/sh\nshift\nexec '${process.execPath}' '${command}' "$@"\n`)
  chmodSync(join(bin, 'npx'), 0o755)
})
after(() => server.stop())

test('the first five minutes of the README go as it says', async () => {
  const commands = fences(section(page('README.md'), 'The first five minutes')).slice(1)
  const { stdout, stderr } = await run(commands.join('\n'))
  assert.match(stdout, /^attack at dawn/m)
  // Two of the last three who ask for a data key are refused, each with a reason of its own.
  const refusals = stderr.match(/An error occurred.*/g) ?? []
  assert.equal(refusals.length, 2, stderr)
  for (const refusal of refusals) {
    assert.match(
      refusal,
      /^An error occurred \(AccessDeniedException\) when calling the GenerateDataKey operation: /,
    )
  }
  for (const printed of printedBy(commands)) assert.ok(stdout.includes(printed), `${printed}\n${stdout}`)
})

test('the Python of the README runs as it stands', async () => {
  const [, program = ''] = /^```python\n([\s\S]*?)^```$/m.exec(page('README.md')) ?? []
  assert.match(program, /boto3/)
  writeFileSync(join(clone, 'program.py'), program.replaceAll('http://127.0.0.1:5567', server.url))
  const credentials = 'export AWS_SHARED_CREDENTIALS_FILE=$PWD/.keywright/credentials'
  const { code, stderr } = await run(`${credentials}; /usr/bin/python3 program.py`)
  assert.equal(code, 0, stderr)
})

test('the commands of docs/key-types.md print what it says', async () => {
  const commands = fences(page('docs/key-types.md'))
  const { code, stdout, stderr } = await run(`set -euo pipefail\n${commands.join('\n')}`)
  assert.equal(code, 0, stderr)
  const expected = printedBy(commands)
  assert.ok(expected.length > 4, `only ${expected.length} were found: the page was not read`)
  assert.deepEqual(stdout.trimEnd().split('\n'), expected)
})

test('the commands of docs/multi-region.md print what it says', async () => {
  const commands = fences(page('docs/multi-region.md'))
  const { code, stdout, stderr } = await run(`set -euo pipefail\n${commands.join('\n')}`)
  assert.equal(code, 0, stderr)
  const expected = printedBy(commands)
  assert.ok(expected.length > 4, `only ${expected.length} were found: the page was not read`)
  assert.deepEqual(stdout.trimEnd().split('\n'), expected)
})

/** A page's part below a heading of the second level. */
function section(markdown: string, heading: string): string {
  const [, part = ''] = markdown.split(`\n## ${heading}\n`)
  return part.split(/^## /m)[0] ?? ''
}

function fences(markdown: string): string[] {
  return [...markdown.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, code = '']) => code)
}

/** What the comments behind commands say that they print. */
function printedBy(commands: readonly string[]): string[] {
  return commands.flatMap((text) =>
    [...text.matchAll(/ # prints (.+)$/gm)].map(([, printed = '']) => printed),
  )
}

function run(script: string): Promise<Shown> {
  const commands = script.replaceAll('http://127.0.0.1:5567', server.url)
  const env = {
    HOME: clone,
    PATH: `${join(clone, 'node_modules', '.bin')}:/usr/bin:/bin`,
    LANG: 'C.UTF-8',
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_PAGER: '',
  }
  return new Promise((resolve, reject) => {
    const child = spawn('/bin/bash', ['-c', commands], { cwd: clone, env, stdio: ['ignore', 'pipe', 'pipe'] })
    let [stdout, stderr] = ['', '']
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk))
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk))
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, stdout, stderr }))
  })
}
