import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, linkSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, test } from 'node:test'
import type { CommandRequest } from './commands.ts'
import { callControl, controlSocketOf, NoServerError, operatorName, startControlServer } from './control.ts'
import { CommandError } from './failure.ts'

const folders: string[] = []
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'keywright-control-'))
  folders.push(made)
  return made
}

/** Sends bytes as they are and returns all that comes back. */
async function send(dataDir: string, bytes: string | Buffer): Promise<string> {
  const socket = connect(controlSocketOf(dataDir))
  socket.on('error', () => {})
  socket.end(bytes)
  return text(socket)
}

async function serving(
  dataDir: string,
  run: (request: CommandRequest) => Promise<unknown>,
  use: () => Promise<void>,
): Promise<void> {
  const server = await startControlServer({ dataDir }, run)
  try {
    await use()
  } finally {
    await server.close()
  }
}

test('the socket is for its owner alone, carries a command with its operator, and is gone afterwards', async () => {
  const dataDir = folder()
  const before = process.umask(0)
  const requests: CommandRequest[] = []
  const run = async (request: CommandRequest) => {
    requests.push(request)
    return { accountId: '111122223333', name: 'billing', createdAt: 1 }
  }
  try {
    await serving(dataDir, run, async () => {
      assert.equal(statSync(controlSocketOf(dataDir)).mode & 0o777, 0o600)
      assert.equal(process.umask(), 0, 'the mask is as it was')
      const result = await callControl(dataDir, 'account create', { name: 'billing' })
      assert.equal(result.accountId, '111122223333')
    })
  } finally {
    process.umask(before)
  }
  const operator = { userName: operatorName() }
  assert.deepEqual(requests, [{ command: 'account create', args: { name: 'billing' }, operator }])
  assert.equal(existsSync(controlSocketOf(dataDir)), false)
  await assert.rejects(callControl(dataDir, 'account list', {}), NoServerError)
})

test('a socket that a killed server left behind counts as no server and is replaced', async () => {
  const dataDir = folder()
  const path = controlSocketOf(dataDir)
  const dead = createServer()
  await new Promise<void>((resolve) => dead.listen(`${path}.dead`, resolve))
  linkSync(`${path}.dead`, path)
  await new Promise((resolve) => dead.close(resolve))

  await assert.rejects(callControl(dataDir, 'account list', {}), NoServerError)
  await serving(
    dataDir,
    async () => [],
    async () => {
      assert.deepEqual(await callControl(dataDir, 'account list', {}), [])
    },
  )
})

test('what is no socket is not removed from its place', async () => {
  const dataDir = folder()
  writeFileSync(controlSocketOf(dataDir), 'precious')
  await assert.rejects(
    startControlServer({ dataDir }, async () => null),
    /in the way of the control socket/,
  )
  assert.ok(existsSync(controlSocketOf(dataDir)))
})

test('a data directory with a long path works all the same on Linux, and is refused elsewhere', async () => {
  const dataDir = join(folder(), 'd'.repeat(120))
  mkdirSync(dataDir)
  if (process.platform !== 'linux') {
    await assert.rejects(
      startControlServer({ dataDir }, async () => []),
      /choose a shorter --data-dir/,
    )
    return
  }
  await serving(
    dataDir,
    async () => [],
    async () => {
      assert.ok(statSync(controlSocketOf(dataDir)).isSocket())
      assert.equal(statSync(controlSocketOf(dataDir)).mode & 0o777, 0o600)
      assert.deepEqual(await callControl(dataDir, 'account list', {}), [])
    },
  )
  assert.equal(existsSync(controlSocketOf(dataDir)), false)
})

test('hostile requests get one line that quotes nothing of them, and the next request is served', async () => {
  const dataDir = folder()
  let ran = 0
  const run = async () => {
    ran++
    return []
  }
  const whole = { command: 'account list', args: {}, userName: 'a' }
  await serving(dataDir, run, async () => {
    const cases: [string | Buffer, RegExp][] = [
      ['hunter2\n', /not JSON/],
      ['"hunter2"\n', /not an object/],
      ['null\n', /not an object/],
      [Buffer.from([0xff, 0xfe, 10]), /not JSON/],
      ['{"command":"account list"', /ended before the line/],
      ['', /ended before the line/],
      ['x'.repeat(200_000), /more than 65536 bytes/],
      [`${JSON.stringify({ ...whole, command: 'hunter2' })}\n`, /unknown command/],
      [`${JSON.stringify({ ...whole, command: '__proto__' })}\n`, /unknown command/],
      [`${JSON.stringify({ ...whole, command: 'toString' })}\n`, /unknown command/],
      [`${JSON.stringify({ ...whole, command: ['account list'] })}\n`, /unknown command/],
      [`${JSON.stringify({ ...whole, args: [] })}\n`, /must be an object/],
      [`${JSON.stringify({ ...whole, args: { hunter2: 'x' } })}\n`, /unknown argument/],
      ['{"command":"account list","args":{"__proto__":"x"},"userName":"a"}\n', /unknown argument/],
      [`${JSON.stringify({ ...whole, userName: 'a\nb' })}\n`, /operator must have a name/],
      [`${JSON.stringify({ ...whole, userName: undefined })}\n`, /operator must have a name/],
      [`${JSON.stringify({ ...whole, extra: 'hunter2' })}\n`, /unknown members/],
      [`${JSON.stringify({ ...whole, command: 'credentials delete' })}\n`, /needs accessKeyId/],
      [
        `${JSON.stringify({ ...whole, command: 'account create', args: { accountId: 123456789012 } })}\n`,
        /twelve digits/,
      ],
    ]
    for (const [bytes, expected] of cases) {
      const reply = await send(dataDir, bytes)
      assert.equal(reply.indexOf('\n'), reply.length - 1, 'one line')
      assert.equal((JSON.parse(reply) as { ok: boolean }).ok, false)
      assert.match(reply, expected)
      assert.ok(!reply.includes('hunter2'))
    }
    assert.equal(ran, 0)
    assert.deepEqual(await callControl(dataDir, 'account list', {}), [])
    assert.equal(ran, 1)
  })
})

test('an error of a command reaches the caller as one line', async () => {
  const dataDir = folder()
  const run = async () => {
    throw new Error('the account\nexists')
  }
  await serving(dataDir, run, async () => {
    await assert.rejects(callControl(dataDir, 'account create', {}), (error: Error) => {
      assert.ok(error instanceof CommandError)
      assert.equal(error.message, 'the account exists')
      return true
    })
  })
})

test('closing waits for the command that runs, and its answer leaves', async () => {
  const dataDir = folder()
  const started = Promise.withResolvers<void>()
  const finish = Promise.withResolvers<unknown>()
  const server = await startControlServer({ dataDir }, () => {
    started.resolve()
    return finish.promise
  })
  const call = callControl(dataDir, 'account list', {})
  await started.promise
  const closed = server.close()
  finish.resolve([])
  assert.deepEqual(await call, [])
  await closed
})

test('closing does not wait for a connection that says nothing', async () => {
  const dataDir = folder()
  const server = await startControlServer({ dataDir }, async () => [])
  const idle = connect(controlSocketOf(dataDir))
  await once(idle, 'connect')
  // Served after the idle one was accepted, so both are known to the server.
  await callControl(dataDir, 'account list', {})
  const started = performance.now()
  await server.close()
  assert.ok(performance.now() - started < 2000)
  idle.destroy()
})
