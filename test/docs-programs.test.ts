import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { kmsClient, newKey } from './kms-client.ts'
import { startServer, type ServerProcess } from './server-process.ts'

/** The JavaScript programs of the pages. Those of docs/key-types.md check what they show with assertions of their own. */

const root = fileURLToPath(new URL('..', import.meta.url))
const page = (name: string) => fences(readFileSync(join(root, name), 'utf8'))
const [beginning, ...programs] = page('docs/key-types.md')

let server: ServerProcess
before(async () => {
  server = await startServer()
})
after(() => server.stop())

describe('docs/key-types.md', () => {
  for (const [at, { heading, code }] of programs.entries()) {
    test(`program ${at + 1}, under "${heading}", runs as it stands`, async () => {
      const { status, output } = await run(`${beginning?.code}\n${code}`)
      assert.equal(status, 0, output)
    })
  }

  test('has programs, and a beginning for all of them', () => {
    assert.match(beginning?.code ?? '', /127\.0\.0\.1:5567/)
    assert.ok(programs.length > 4, `only ${programs.length} were found: the page was not read`)
  })
})

test('the JavaScript of the README makes a data key, and a signature that verifies', async () => {
  const kms = kmsClient(server)
  const { id } = await newKey(kms)
  await kms.createAlias({ AliasName: 'alias/app-encryption-key', TargetKeyId: id })
  const parts = page('README.md').map(({ code }) => code)
  assert.ok(parts.length > 1, 'the README was not read')
  assert.deepEqual(await run(parts.join('\n')), { status: 0, output: 'true\n' })
})

/** The programs of a page, each with the heading that it stands under. */
function fences(markdown: string): { heading: string; code: string }[] {
  let heading = ''
  const found = []
  for (const [, title, code] of markdown.matchAll(/^#+ (.+)$|^```js\n([\s\S]*?)^```$/gm)) {
    if (title !== undefined) heading = title
    if (code !== undefined) found.push({ heading, code })
  }
  return found
}

/** As a module in the folder of the clone, from where it finds the packages that it names. */
function run(program: string): Promise<{ status: number | null; output: string }> {
  const code = program.replaceAll('http://127.0.0.1:5567', server.url)
  const env = { ...process.env, AWS_SHARED_CREDENTIALS_FILE: join(server.dataDir, 'credentials') }
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--input-type=module', '-'], { cwd: root, env })
    let output = ''
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (output += chunk))
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => (output += chunk))
    child.on('error', reject)
    child.on('close', (status) => resolve({ status, output }))
    child.stdin.end(code)
  })
}
