import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { kmsClient, newKey } from '../kms-client.ts'
import { runKeywright, startServer } from '../server-process.ts'
import { send } from '../signed-request.ts'
import { amzDateOf, exchange, signedBytes, statuses } from './raw-socket.ts'

interface Line {
  sequence: number
  record: {
    eventName: string
    eventSource: string
    userAgent?: string
    requestParameters: { encryptionContext?: Record<string, string>; description?: string } | null
  }
}

/** What a terminal obeys, or a reader of lines; all but the line feed between lines. */
// oxlint-disable-next-line no-control-regex
const CONTROLS = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029\u202e]/
const ESCAPES = '\u001b[2J\u001b]0;owned\u0007'
const FORGED = '"}}\n{"chain":"x","sequence":1,"hash":"00","record":{"eventName":"Forged"}}\n'

test('what a client sends cannot become a line of the journal, or a command of the terminal that shows it', async () => {
  const server = await startServer()
  const kms = kmsClient(server)
  const { id } = await newKey(kms)
  const context = {
    [`name${FORGED}`]: `value${FORGED}`,
    'line\u2028separator\u2029': '\u0085\u009b31m\u202e',
    [ESCAPES]: ESCAPES,
    __proto__x: 'y',
  }
  const sealed = await kms.encrypt({ KeyId: id, Plaintext: Buffer.from('x'), EncryptionContext: context })
  await kms.updateKeyDescription({ KeyId: id, Description: `d${FORGED}${ESCAPES}\u009b31m` })
  await kms.decrypt({ CiphertextBlob: sealed.CiphertextBlob, EncryptionContext: context })

  // A header can hold the bytes of C1 control characters, and a scope can name any service: that one is refused.
  const amzDate = amzDateOf(Date.now())
  const host = new URL(server.url).host
  for (const [service, target, error] of [
    ['kms', 'TrentService.Nothing', 'UnknownOperationException'],
    ['kms', 'No\u009b31mService.\u009bFalse', 'UnknownOperationException'],
    ['"evil\\', 'No\u009b31mService.\u009bFalse', 'InvalidSignatureException'],
  ] as const) {
    const answer = await exchange(
      server.url,
      signedBytes({
        headers: [
          ['Host', host],
          ['User-Agent', 'agent\u009b31m"\\'],
          ['X-Amz-Date', amzDate],
          ['X-Amz-Target', target],
        ],
        credentials: server.credentials,
        amzDate,
        service,
      }),
    )
    assert.deepEqual(statuses(answer), [400])
    assert.ok(answer.includes(`"__type":"${error}"`), answer)
  }

  const tail = await runKeywright(['audit', 'tail', '--json', '-n', '100'], { dataDir: server.dataDir })
  const shown = await runKeywright(['audit', 'tail', '-n', '100'], { dataDir: server.dataDir })
  for (const { stdout } of [tail, shown]) assert.doesNotMatch(stdout, CONTROLS)
  const records = tail.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line['record'])
  const encrypt = records.find(({ eventName }) => eventName === 'Encrypt')
  assert.deepEqual({ ...encrypt?.requestParameters?.encryptionContext }, context)
  assert.ok(records.every(({ eventName }) => /^[A-Za-z]+$/.test(eventName) && eventName !== 'Forged'))

  assert.equal(await server.stop(), 0)
  const journal = join(server.dataDir, 'journal')
  const lines = readdirSync(journal)
    .flatMap((name) => readFileSync(join(journal, name), 'utf8').trimEnd().split('\n'))
    .map((line) => JSON.parse(line) as Line)
  assert.deepEqual(
    lines.map(({ sequence }) => sequence),
    lines.map((_, index) => index + 1),
  )
  assert.doesNotMatch(server.stderr(), CONTROLS)
  const verified = await runKeywright(['audit', 'verify'], { dataDir: server.dataDir })
  assert.equal(verified.code, 0, verified.stdout + verified.stderr)
})

test('`__proto__` in a context is a name like any other, from the request to the cipher and the journal', async () => {
  const server = await startServer()
  const kms = kmsClient(server)
  const { id } = await newKey(kms)
  const context = JSON.parse('{"__proto__":"a","constructor":"b","toString":"c"}') as Record<string, string>
  const call = (operation: string, body: object) => send(server, { operation, body: JSON.stringify(body) })
  const made = await call('Encrypt', { KeyId: id, Plaintext: 'YQ==', EncryptionContext: context })
  assert.equal(made.status, 200, made.body)
  const { CiphertextBlob } = JSON.parse(made.body) as { CiphertextBlob: string }
  for (const [left, status] of [
    [context, 200],
    [{ constructor: 'b', toString: 'c' }, 400],
    [JSON.parse('{"__proto__":"z","constructor":"b","toString":"c"}'), 400],
  ] as const) {
    assert.equal(
      (await call('Decrypt', { CiphertextBlob, EncryptionContext: left as object })).status,
      status,
    )
  }
  const polluting = await call(
    'CreateKey',
    JSON.parse('{"__proto__":{"Origin":"EXTERNAL","MultiRegion":true}}') as object,
  )
  assert.equal(polluting.status, 200, 'a prototype gives no members')
  const twice = await send(server, { operation: 'ListKeys', body: '{"Limit":1,"\\u004cimit":2}' })
  assert.equal(twice.error, 'SerializationException')
  assert.equal(await server.stop(), 0)
})
