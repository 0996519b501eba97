import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createSecretKey } from 'node:crypto'
import { Writable } from 'node:stream'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { AwsError } from '../aws-error.ts'
import { createLog, type LogLevel } from './log.ts'

function capture(level: LogLevel = 'info', pretty = false) {
  const lines: string[] = []
  const log = createLog({
    level,
    pretty,
    destination: new Writable({
      write(line: Buffer, _encoding, done) {
        lines.push(line.toString())
        done()
      },
    }),
  })
  return { log, lines, parsed: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>) }
}

test('a line is one JSON object with time, level, message and its fields', () => {
  const { log, parsed } = capture()
  log.child({ requestId: 'r-1' }).info({ operation: 'Encrypt', status: 200 }, 'answered')
  const [line] = parsed()
  assert.equal(line?.['level'], 'info')
  assert.equal(line['message'], 'answered')
  assert.equal(line['requestId'], 'r-1')
  assert.equal(line['operation'], 'Encrypt')
  assert.equal(line['status'], 200)
  assert.match(String(line['time']), /^\d{4}-\d\d-\d\dT.*Z$/)
})

test('the level can be changed, for children made earlier too', () => {
  const { log, lines } = capture('warn')
  const child = log.child({ requestId: 'r' })
  child.info('unseen')
  assert.equal(lines.length, 0)
  log.setLevel('debug')
  child.debug('seen')
  assert.equal(lines.length, 1)
  assert.equal(log.level, 'debug')
})

test('secrets handed in by mistake are not shown', () => {
  const secret = 'c0ffee-very-secret'
  const { log, lines } = capture()
  log.info(
    {
      secretAccessKey: secret,
      Plaintext: secret,
      authorization: secret,
      passphrase: secret,
      body: Buffer.from(secret),
      request: { Plaintext: secret },
      list: [secret],
      key: createSecretKey(Buffer.from(secret)),
      reader: () => secret,
      err: new AwsError('InvalidSignatureException', `The Canonical String should have been ${secret}`, 400),
      wrapped: new Error('the signature was refused', { cause: new AwsError('X', secret) }),
      odd: new Error('odd', { cause: { secret } }),
    },
    'mistake',
  )
  log.child({ sessionToken: secret }).warn('child')
  const all = lines.join('')
  assert.ok(!all.includes(secret))
  assert.ok(!all.includes(Buffer.from(secret).toString('base64')))
  assert.ok(all.includes('InvalidSignatureException'))
})

test('an error is logged with its code, stack and causes', () => {
  const { log, parsed } = capture()
  const cause = Object.assign(new Error('no space left'), { code: 'ENOSPC' })
  log.error({ err: new Error('the journal cannot be written', { cause }) }, 'failed')
  const err = parsed()[0]?.['err'] as { message: string; stack: string; cause: { code: string } }
  assert.equal(err.message, 'the journal cannot be written')
  assert.equal(err.cause.code, 'ENOSPC')
  assert.match(err.stack, /log\.test\.ts/)
})

test('long text is cut and says so, and control characters reach no terminal', () => {
  const { log, lines } = capture('info', true)
  log.info({ long: 'x'.repeat(100_000), escape: '\u001b]0;owned\u0007', err: new Error('\u001b[2J') }, 'odd')
  const all = lines.join('')
  assert.ok(all.length < 10_000)
  assert.ok(all.includes('100000 characters'))
  assert.ok(!all.includes('\u001b') && !all.includes('\u0007'))
})

test('a cause that refers to itself ends', () => {
  const { log, lines } = capture()
  const error = new Error('loop')
  error.cause = error
  log.error({ err: error }, 'loop')
  assert.equal(lines.length, 1)
})

test('what was logged just before the end of the process is written, in order and whole', async () => {
  const script = `
    import { createLog } from ${JSON.stringify(new URL('log.ts', import.meta.url).href)}
    const log = createLog({ level: 'info' })
    for (let i = 0; i < 5000; i++) log.info({ i, padding: 'x'.repeat(100) }, 'line')
    process.exit(3)`
  const ended: { stdout: string; code?: number } = await promisify(execFile)(
    process.execPath,
    ['--input-type=module', '-e', script],
    { maxBuffer: 16 * 1024 * 1024 },
  ).catch((error: unknown) => error as { stdout: string; code: number })
  assert.equal(ended.code, 3)
  const lines = ended.stdout.trimEnd().split('\n')
  assert.deepEqual(
    lines.map((line) => (JSON.parse(line) as { i: number }).i),
    Array.from({ length: 5000 }, (_, i) => i),
  )
})

test('a log whose disk is full costs lines, and neither the process nor its end', async () => {
  const script = `
    import { createLog } from ${JSON.stringify(new URL('log.ts', import.meta.url).href)}
    import { openSync } from 'node:fs'
    const fd = openSync('/dev/full', 'w')
    const log = createLog({ level: 'info', destination: fd })
    for (let i = 0; i < 100; i++) log.info({ i }, 'line')
    setImmediate(function wait() {
      if (log.droppedLines() === 0) return void setImmediate(wait)
      log.info('still alive')
      process.stdout.write('alive')
    })`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
    timeout: 10_000,
  })
  assert.equal(stdout, 'alive')
})
