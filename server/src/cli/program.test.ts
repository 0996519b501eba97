import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import type { ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'

const entry = fileURLToPath(new URL('./keywright.ts', import.meta.url))
const folders: string[] = []
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'keywright-cli-'))
  folders.push(made)
  return made
}

type Process = ChildProcessByStdio<null, Readable, Readable>

/** Starts the command as a user would, in a working directory and with no other settings than these. */
function start(cwd: string, args: readonly string[], env: Record<string, string> = {}): Process {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(KEYWRIGHT|AWS)_/.test(name))
  return spawn(process.execPath, [entry, ...args], {
    cwd,
    env: { ...Object.fromEntries(inherited), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

async function keywright(cwd: string, args: readonly string[], env: Record<string, string> = {}) {
  const child = start(cwd, args, env)
  const exit = once(child, 'exit') as Promise<[number | null, string | null]>
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)])
  const [code] = await exit
  return { code, stdout, stderr }
}

/** The URL of the first line that a server prints. */
async function urlOf(child: Process): Promise<string> {
  let seen = ''
  for await (const chunk of child.stdout.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    seen += chunk.toString()
    const url = /^Keywright is serving (\S+)\n/.exec(seen)?.[1]
    if (url !== undefined) return url
  }
  throw new Error(`the server ended: ${await text(child.stderr)}`)
}

async function serving(
  cwd: string,
  use: (url: string, child: Process) => Promise<void>,
  args: readonly string[] = [],
): Promise<void> {
  const child = start(cwd, ['serve', '--port', '0', ...args])
  const exit = once(child, 'exit')
  try {
    const url = await urlOf(child)
    child.stdout.resume()
    child.stderr.resume()
    await use(url, child)
  } finally {
    child.kill('SIGKILL')
    await exit
  }
}

const misuses: [string[], RegExp][] = [
  [['--prot', '1'], /^keywright: unknown setting --prot: did you mean --port\?\n$/],
  [['serve', '--port', 'x'], /^keywright: --port must be a whole number from 0 to 65535, not "x"\n$/],
  [['serv'], /^keywright: unknown command 'serv'.*\n$/],
  [['credentials', 'disable'], /^keywright: missing required argument.*\n$/],
  [['account', 'list', 'extra'], /^keywright: too many arguments.*\n$/],
  [
    ['serve', '--root-secret-access-key', 'hunter2hunter2hunter2'],
    /^keywright: --root-secret-access-key is not offered: .*\n$/,
  ],
  [['audit', 'tail', '--limit', '-1'], /^keywright: .*\n$/],
  [['serve', '--config', 'absent.yaml'], /^keywright: .*absent\.yaml does not exist\n$/],
]
for (const [args, expected] of misuses) {
  test(`"keywright ${args.slice(0, 2).join(' ')}" is refused in one line with exit code 2, and makes nothing`, async () => {
    const cwd = folder()
    const { code, stdout, stderr } = await keywright(cwd, args)
    assert.match(stderr, expected)
    assert.ok(!stderr.includes('hunter2'))
    assert.equal(stdout, '')
    assert.equal(code, 2)
    assert.equal(existsSync(join(cwd, '.keywright')), false)
  })
}

test('an unknown variable is refused before anything is made', async () => {
  const cwd = folder()
  const { code, stderr } = await keywright(cwd, ['serve'], { KEYWRIGHT_PROT: '1' })
  assert.equal(stderr, 'keywright: unknown setting KEYWRIGHT_PROT: did you mean KEYWRIGHT_PORT?\n')
  assert.equal(code, 2)
})

test('version and help succeed, and a command line without a command shows help', async () => {
  const cwd = folder()
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string
  }
  for (const args of [['version'], ['--version'], ['account', '--version']]) {
    const { code, stdout } = await keywright(cwd, args)
    assert.deepEqual([code, stdout], [0, `keywright ${version}\n`])
  }
  const help = await keywright(cwd, ['help'])
  assert.equal(help.code, 0)
  assert.match(help.stdout, /--data-dir <value>/)
  assert.ok(!help.stdout.includes('--root-secret-access-key <'))
  const bare = await keywright(cwd, [])
  assert.deepEqual([bare.code, bare.stdout], [2, ''])
  assert.match(bare.stderr, /^Usage: keywright/)
})

test('administration without a data directory says what to do, and makes none', async () => {
  const cwd = folder()
  const { code, stderr } = await keywright(cwd, ['account', 'list'])
  assert.match(stderr, /^keywright: there is no data directory .*: run keywright init, .*\n$/)
  assert.equal(code, 1)
  assert.equal(existsSync(join(cwd, '.keywright')), false)
})

test('a stack is shown at the log level debug only', async () => {
  const cwd = folder()
  writeFileSync(join(cwd, '.keywright'), 'a file')
  assert.ok(!(await keywright(cwd, ['account', 'list'])).stderr.includes('    at '))
  assert.match((await keywright(cwd, ['account', 'list', '--log-level', 'debug'])).stderr, /\n {4}at /)
})

test('init makes private files; accounts and access keys are then administered without a server', async () => {
  const cwd = folder()
  const init = await keywright(cwd, ['init', '--json'])
  assert.equal(init.code, 0, init.stderr)
  const made = JSON.parse(init.stdout) as { accountId: string; accessKeyId: string; credentialsFile: string }
  assert.equal(made.accountId, '000000000000')
  assert.equal(statSync(made.credentialsFile).mode & 0o777, 0o600)
  assert.match(
    readFileSync(made.credentialsFile, 'utf8'),
    new RegExp(`aws_access_key_id = ${made.accessKeyId}\n`),
  )
  assert.ok(!init.stdout.includes('secret'))

  const again = await keywright(cwd, ['init'])
  assert.equal(again.code, 1)
  assert.match(again.stderr, /^keywright: [^\n]+\n$/)

  const created = await keywright(cwd, ['account', 'create', '111122223333', '--name', 'billing', '--json'])
  assert.equal(created.code, 0, created.stderr)
  const listed = await keywright(cwd, ['account', 'list'])
  assert.match(listed.stdout, /^ACCOUNT +NAME +CREATED\n/)
  assert.match(listed.stdout, /^111122223333 +billing +\d{4}-/m)

  const ambiguous = await keywright(cwd, ['credentials', 'create'])
  assert.equal(ambiguous.code, 1)
  assert.match(ambiguous.stderr, /there are 2 accounts/)

  const output = join(cwd, 'billing-credentials')
  const key = await keywright(cwd, [
    'credentials',
    'create',
    '--account-id',
    '111122223333',
    '--output',
    output,
    '--json',
  ])
  assert.equal(key.code, 0, key.stderr)
  assert.equal(statSync(output).mode & 0o777, 0o600)
  const secret = /aws_secret_access_key = (\S+)/.exec(readFileSync(output, 'utf8'))?.[1] ?? assert.fail()
  assert.ok(!key.stdout.includes(secret))
  const { accessKeyId } = JSON.parse(key.stdout) as { accessKeyId: string }

  const refused = await keywright(cwd, ['credentials', 'create', '111122223333', '--output', output])
  assert.match(refused.stderr, /it exists already/)

  for (const [verb, status] of [
    ['disable', 'Inactive'],
    ['enable', 'Active'],
  ] as const) {
    assert.equal((await keywright(cwd, ['credentials', verb, accessKeyId])).code, 0)
    const keys = await keywright(cwd, ['credentials', 'list', '111122223333', '--json'])
    const statuses = (JSON.parse(keys.stdout) as { accessKeyId: string; status: string }[]).map((each) => [
      each.accessKeyId,
      each.status,
    ])
    assert.deepEqual(statuses, [[accessKeyId, status]])
    assert.ok(!keys.stdout.includes(secret))
  }
  assert.equal((await keywright(cwd, ['credentials', 'delete', accessKeyId])).code, 0)
  assert.deepEqual(
    JSON.parse((await keywright(cwd, ['credentials', 'list', '111122223333', '--json'])).stdout),
    [],
  )
  assert.equal((await keywright(cwd, ['credentials', 'delete', accessKeyId])).code, 1)
})

test('while a server runs, commands go through it, a second start is refused, and SIGTERM ends it with exit code 0', async () => {
  const cwd = folder()
  await serving(cwd, async (url, child) => {
    assert.match(url, /^http:\/\/127\.0\.0\.1:\d+$/)
    assert.equal(statSync(join(cwd, '.keywright', 'control.sock')).mode & 0o777, 0o600)

    const second = await keywright(cwd, ['serve', '--port', '0'])
    assert.equal(second.code, 1)
    assert.match(
      second.stderr,
      new RegExp(`^keywright: the data directory .* is in use by process ${child.pid}: [^\n]+\n$`),
    )

    const created = await keywright(cwd, ['account', 'create', '111122223333'])
    assert.equal(created.code, 0, created.stderr)
    const duplicate = await keywright(cwd, ['account', 'create', '111122223333'])
    assert.equal(duplicate.code, 1)
    assert.match(duplicate.stderr, /^keywright: [^\n]+\n$/)

    const signalled = performance.now()
    child.kill('SIGTERM')
    const [code] = (await once(child, 'exit')) as [number]
    assert.equal(code, 0)
    assert.ok(performance.now() - signalled < 10_000)
  })
  assert.equal(existsSync(join(cwd, '.keywright', 'control.sock')), false)
  assert.match((await keywright(cwd, ['account', 'list'])).stdout, /^111122223333 /m)
})

test('after kill -9 the next start takes the data directory and its stale socket', async () => {
  const cwd = folder()
  await serving(cwd, async (_url, child) => {
    child.kill('SIGKILL')
    await once(child, 'exit')
  })
  assert.ok(existsSync(join(cwd, '.keywright', 'control.sock')))
  await serving(cwd, async () => {
    assert.equal((await keywright(cwd, ['account', 'list'])).code, 0)
  })
})

test('a data directory that others can write to is refused by every command', async () => {
  const cwd = folder()
  mkdirSync(join(cwd, '.keywright'))
  chmodSync(join(cwd, '.keywright'), 0o777)
  for (const args of [['serve', '--port', '0'], ['init'], ['account', 'list'], ['audit', 'verify']]) {
    const { code, stderr } = await keywright(cwd, args)
    assert.equal(code, 1)
    assert.match(
      stderr,
      /^keywright: other users can write to the data directory .*: run chmod 700 [^\n]+\n$/,
    )
  }
})

test('the journal is shown and verified beside a running server', async () => {
  const cwd = folder()
  await serving(cwd, async () => {
    assert.equal((await keywright(cwd, ['account', 'create', '111122223333'])).code, 0)
    const tail = await keywright(cwd, ['audit', 'tail', '--json'])
    assert.equal(tail.code, 0, tail.stderr)
    const names = tail.stdout
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { eventName: string }).eventName)
    assert.match(names.join(), /account/i)
    const lines = await keywright(cwd, ['audit', 'tail', '--limit', '1'])
    assert.equal(lines.stdout.split('\n').length, 2)
    const verify = await keywright(cwd, ['audit', 'verify'])
    assert.equal(verify.code, 0, verify.stderr)
    assert.match(verify.stdout, /The journal verifies\. Records: [1-9]\d*, chains: 1\.\n$/)
  })
  const anchors = await keywright(cwd, ['audit', 'anchors'])
  assert.equal(anchors.code, 0, anchors.stderr)
  writeFileSync(join(cwd, 'anchors'), anchors.stdout)
  assert.equal((await keywright(cwd, ['audit', 'verify', '--anchor', 'anchors'])).code, 0)
})

test('a new passphrase is taken through the running server; afterwards only the new one opens the deployment', async () => {
  const cwd = folder()
  writeFileSync(join(cwd, 'old'), 'correct horse battery staple\n', { mode: 0o600 })
  writeFileSync(join(cwd, 'new'), 'an entirely different phrase\n', { mode: 0o600 })
  const withPassphrase = (file: string) => ['--root-key-provider', 'passphrase', '--passphrase-file', file]
  const changed = async () => {
    const { code, stdout, stderr } = await keywright(cwd, [
      'root-key',
      'passphrase',
      '--new-passphrase-file',
      'new',
    ])
    assert.equal(code, 0, stderr)
    assert.match(stdout, /^Root key [0-9a-f]{16} of the provider passphrase is in force/)
  }
  await serving(cwd, changed, withPassphrase('old'))
  const old = await keywright(cwd, ['root-key', 'show', ...withPassphrase('old')])
  assert.equal(old.code, 1)
  assert.match(old.stderr, /^keywright: the passphrase is not the one of this deployment[^\n]*\n$/)
  assert.equal((await keywright(cwd, ['root-key', 'show', ...withPassphrase('new')])).code, 0)
})
