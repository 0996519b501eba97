import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { kmsClient, newKey } from '../kms-client.ts'
import { startServer } from '../server-process.ts'
import { send } from '../signed-request.ts'

const server = await startServer()
after(() => server.stop())
const kms = kmsClient(server)
const { id } = await newKey(kms)

const MIB = 1024 * 1024

/** As many parts as the body's limit has room for. */
function filled(start: string, part: (index: number) => string, end: string): string {
  const parts: string[] = []
  let length = start.length + end.length
  for (let index = 0; ; index++) {
    const next = part(index)
    if (length + next.length + 1 > MIB) return start + parts.join(',') + end
    parts.push(next)
    length += next.length + 1
  }
}

const bodies: Readonly<Record<string, readonly [operation: string, body: string]>> = {
  'empty tags': ['TagResource', filled(`{"KeyId":"${id}","Tags":[`, () => '{}', ']}')],
  'a context of many pairs': [
    'Encrypt',
    filled(`{"KeyId":"${id}","Plaintext":"YQ==","EncryptionContext":{`, (n) => `"${n}x":""`, '}}'),
  ],
  'names with escapes': ['Encrypt', filled('{"EncryptionContext":{', (n) => `"\\u0061${n}":""`, '}}')],
  'names that are numbers': [
    'Encrypt',
    filled('{"EncryptionContext":{', (n) => `"${4294967294 - 7 * n}":""`, '}}'),
  ],
  'members that nobody knows': ['ListKeys', filled('{', (n) => `"m${n}":0`, '}')],
  'open brackets': ['ListKeys', `{"a":${'['.repeat(MIB - 100)}`],
  'escaped quotation marks': ['ListKeys', `{"Marker":"${'\\"'.repeat(MIB / 2 - 100)}"}`],
  'a long name': ['Encrypt', `{"${'a'.repeat(MIB - 100)}":0}`],
  'many grant tokens': ['Encrypt', filled('{"GrantTokens":[', () => '""', ']}')],
}

test('no body of a signed request stops the server for long, or is answered with more than it may be', async () => {
  for (const [what, [operation, body]] of Object.entries(bodies)) {
    const before = await busyMs()
    const answer = await send(server, { operation, body })
    const took = (await busyMs()) - before
    assert.equal(answer.status, 400, what)
    assert.ok(answer.body.length < 100_000, `${what}: an answer of ${answer.body.length} characters`)
    // Receiving and hashing the megabyte takes some milliseconds itself; before there was a bound it was up to 500.
    assert.ok(took < 200, `${what} took ${took} ms of processor time`)
  }
})

test('a context with hundreds of pairs still works, and opens with the same pairs in another order only', async () => {
  const pairs = Array.from({ length: 500 }, (_, n): [string, string] => [`name-${n}`, `${n}`])
  const context = Object.fromEntries(pairs)
  const { CiphertextBlob } = await kms.encrypt({
    KeyId: id,
    Plaintext: Buffer.from('x'),
    EncryptionContext: context,
  })
  const reversed = Object.fromEntries(pairs.toReversed())
  assert.ok((await kms.decrypt({ CiphertextBlob, EncryptionContext: reversed })).Plaintext)
  await assert.rejects(kms.decrypt({ CiphertextBlob, EncryptionContext: { ...context, 'name-0': '1' } }))
})

test('strangers leave nothing in the journal and no series of their own in the metrics', async () => {
  const before = await series()
  const records = await journalRecords()
  const forged = { accessKeyId: 'AKIAAAAAAAAAAAAAAAAA', secretAccessKey: 'x' }
  for (let n = 0; n < 50; n++) {
    const credentials =
      n % 2 === 0 ? { ...forged, accessKeyId: `AKIA${n}` } : { ...server.credentials, secretAccessKey: 'x' }
    const answer = await send(server, {
      target: `Service${n}.Operation${n}`,
      body: {},
      credentials,
      region: 'us-east-1',
    })
    assert.equal(answer.status, 400)
  }
  assert.equal(await journalRecords(), records)
  const added = (await series()).difference(before)
  // Some for each name that a refusal can have, none for what a stranger makes up.
  assert.ok(added.size <= 8, [...added].join('\n'))
})

async function metrics(): Promise<string> {
  return (await fetch(`${server.url}/-/metrics`)).text()
}

async function series(): Promise<Set<string>> {
  const lines = (await metrics())
    .split('\n')
    .filter((line) => line.startsWith('keywright_') && !line.includes('_bucket{'))
  return new Set(lines.map((line) => line.slice(0, line.lastIndexOf(' '))))
}

async function journalRecords(): Promise<number> {
  return Number(/^keywright_journal_batch_records_sum (\d+)$/m.exec(await metrics())?.[1] ?? Number.NaN)
}

/** Processor time of the server, all its threads, in milliseconds. */
async function busyMs(): Promise<number> {
  return 1000 * Number(/^process_cpu_seconds_total ([\d.e-]+)$/m.exec(await metrics())?.[1] ?? Number.NaN)
}
