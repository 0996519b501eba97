import assert from 'node:assert/strict'
import { once } from 'node:events'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { get as httpsGet } from 'node:https'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { systemClock } from '../server/src/clock.ts'
import { prepareSelfSigned } from '../server/src/http/self-signed.ts'
import { createLog } from '../server/src/telemetry/log.ts'
import { importMaterial, newImportable } from './imported-material.ts'
import { kmsClient, newKey } from './kms-client.ts'
import { clockAhead, runKeywright, startServer, temporaryFolder } from './server-process.ts'
import type { ServerOptions, ServerProcess } from './server-process.ts'
import { send, signedRequest } from './signed-request.ts'

const folder = temporaryFolder()
const original = join(folder, 'original')
const plaintext = Buffer.from('must not be lost')

/** A deployment in use, made by a server that was killed. */
const { key, doomed, CiphertextBlob, deletionDate } = await makeOriginal()

async function makeOriginal() {
  const server = await startServer({ dataDir: original })
  const kms = kmsClient(server)
  const [used, scheduled] = [await newKey(kms, { Description: 'in use' }), await newKey(kms)]
  await kms.createAlias({ AliasName: 'alias/in-use', TargetKeyId: used.id })
  await kms.tagResource({ KeyId: used.id, Tags: [{ TagKey: 'kept', TagValue: 'yes' }] })
  const sealed = await kms.encrypt({ KeyId: 'alias/in-use', Plaintext: plaintext })
  const { DeletionDate } = await kms.scheduleKeyDeletion({ KeyId: scheduled.id, PendingWindowInDays: 7 })
  await server.kill()
  return { key: used, doomed: scheduled, CiphertextBlob: sealed.CiphertextBlob, deletionDate: DeletionDate }
}

let copies = 0
function copy(): string {
  const dataDir = join(folder, `copy-${copies++}`)
  cpSync(original, dataDir, { recursive: true, filter: (from) => !from.endsWith('.sock') })
  return dataDir
}

/** Nothing was lost: it serves, and opens what was sealed before. */
async function requireWhole(dataDir: string, options: ServerOptions = {}): Promise<void> {
  const server = await startServer({ ...options, dataDir })
  const opened = await kmsClient(server).decrypt({ CiphertextBlob })
  assert.deepEqual(Buffer.from(opened.Plaintext ?? []), plaintext)
  assert.equal(await server.stop(), 0)
}

/** The start fails at once with one line for the operator. */
async function refusedStart(
  dataDir: string,
  message: RegExp,
  options: { args?: readonly string[]; env?: Record<string, string>; cwd?: string } = {},
): Promise<void> {
  const port = options.args?.includes('--port') === true ? [] : ['--port', '0']
  const finished = await runKeywright(['serve', ...port, ...(options.args ?? [])], { ...options, dataDir })
  assert.equal(finished.signal, null)
  assert.notEqual(finished.code, 0)
  assert.match(finished.stderr, /^keywright: [^\n]+\n$/)
  assert.match(finished.stderr, message)
  assert.equal(finished.stdout, '')
}

test('after a kill everything that was acknowledged is there, scheduled deletions too', async () => {
  const server = await startServer({ dataDir: copy() })
  const kms = kmsClient(server)
  const { KeyMetadata } = await kms.describeKey({ KeyId: 'alias/in-use' })
  assert.equal(KeyMetadata?.KeyId, key.id)
  assert.equal(KeyMetadata?.Description, 'in use')
  assert.deepEqual((await kms.listResourceTags({ KeyId: key.id })).Tags, [
    { TagKey: 'kept', TagValue: 'yes' },
  ])
  assert.deepEqual(Buffer.from((await kms.decrypt({ CiphertextBlob })).Plaintext ?? []), plaintext)
  const { KeyMetadata: scheduled } = await kms.describeKey({ KeyId: doomed.id })
  assert.equal(scheduled?.KeyState, 'PendingDeletion')
  assert.deepEqual(scheduled?.DeletionDate, deletionDate)
  assert.equal(await server.stop(), 0)
})

test('after a kill what fell due meanwhile is done at once, as after a stop', async () => {
  const killed = await startServer()
  const { dataDir } = killed
  const kms = kmsClient(killed)
  const { id } = await newKey(kms, { Origin: 'EXTERNAL' })
  const material = await newImportable(kms, id, 'SYMMETRIC_DEFAULT')
  await importMaterial(kms, material, { ValidTo: new Date(Date.now() + 60_000) })
  await killed.kill()

  const server = await startServer({ dataDir, nodeArgs: clockAhead(65_000) })
  await server.logged(/imported key material has expired and was deleted/)
  assert.equal(await server.stop(), 0)
})

test('a first start prints its address first, and the first request is answered', async () => {
  const server = await startServer()
  assert.match(
    server.stdout(),
    /^Keywright is serving http:\/\/127\.0\.0\.1:\d+\nCredentials of the root user of account 000000000000: \/.+\n/,
  )
  assert.deepEqual((await kmsClient(server).listKeys({})).Keys, [])
  assert.equal(await server.stop(), 0)
})

test('SIGTERM: a request that is under way is answered, no new ones are taken, and the exit code is 0', async () => {
  const server = await startServer({ dataDir: copy() })
  const half = await halfSent(server)
  const started = performance.now()
  server.process.kill('SIGTERM')
  await server.logged(/stopping/)
  const answer = await half.finish()
  assert.equal(answer.status, 200)
  assert.equal(answer.body.includes(key.arn), true)
  assert.equal(await server.stop(), 0)
  assert.ok(performance.now() - started < 10_000)
  await assert.rejects(send(server, { operation: 'ListKeys', body: '{}' }), { code: 'ECONNREFUSED' })
})

test('a client that never finishes its request holds up no stop beyond 10 s', async () => {
  const server = await startServer({ dataDir: copy() })
  const half = await halfSent(server)
  const started = performance.now()
  assert.equal(await server.stop(), 0)
  assert.ok(performance.now() - started < 10_000)
  await assert.rejects(half.finish())
})

/** A request whose second half is still to come, known to the server. */
async function halfSent(
  server: ServerProcess,
): Promise<{ finish(): Promise<{ status: number; body: string }> }> {
  const body = JSON.stringify({ KeyId: key.id, Plaintext: plaintext.toString('base64') })
  const { url, headers } = signedRequest(server, { operation: 'Encrypt', body })
  const request = httpRequest(url, {
    method: 'POST',
    agent: false,
    // The server says "go on" when it has read the header.
    headers: { ...headers, 'content-length': body.length, expect: '100-continue' },
  })
  request.flushHeaders()
  await once(request, 'continue')
  request.write(body.slice(0, 10))
  const answered = once(request, 'response') as Promise<[AsyncIterable<Buffer> & { statusCode: number }]>
  // Whoever finishes the request hears of a failure.
  answered.catch(() => {})
  return {
    async finish() {
      request.end(body.slice(10))
      const [response] = await answered
      const chunks: Buffer[] = []
      for await (const chunk of response) chunks.push(chunk)
      return { status: response.statusCode, body: Buffer.concat(chunks).toString() }
    },
  }
}

test('SIGTERM under load: each request is answered whole or not taken at all, and what was acknowledged is there', async () => {
  const dataDir = copy()
  const server = await startServer({ dataDir })
  const kms = kmsClient(server)
  const tagged: string[] = []
  const outcomes = new Set<string>()
  let ended = false
  const load = async (worker: number) => {
    for (let i = 0; !ended; i++) {
      const TagKey = `${worker}-${i % 6}`
      const TagValue = String(i)
      await kms.tagResource({ KeyId: key.id, Tags: [{ TagKey, TagValue }] }).then(
        () => tagged.push(`${TagKey}=${TagValue}`),
        (error: Error & { code?: string; $metadata?: { httpStatusCode?: number } }) => {
          outcomes.add(`${error.code ?? error.name} ${error.$metadata?.httpStatusCode ?? ''}`.trim())
          ended = true
        },
      )
    }
  }
  const workers = Array.from({ length: 8 }, (_, worker) => load(worker))
  while (tagged.length < 40) await kms.encrypt({ KeyId: key.id, Plaintext: plaintext })
  const started = performance.now()
  assert.equal(await server.stop(), 0)
  assert.ok(performance.now() - started < 10_000)
  await Promise.all(workers)
  for (const outcome of outcomes) assert.match(outcome, /^(ECONNREFUSED|ECONNRESET|EPIPE|TimeoutError)\b/)

  const again = await startServer({ dataDir })
  const { Tags = [] } = await kmsClient(again).listResourceTags({ KeyId: key.id })
  const stored = new Map(Tags.map((tag) => [tag.TagKey, tag.TagValue]))
  const acknowledged = new Map(tagged.map((each) => each.split('=') as [string, string]))
  for (const [TagKey, TagValue] of acknowledged) {
    // A later one may have been stored with its answer lost on the way.
    assert.ok(
      Number(stored.get(TagKey)) >= Number(TagValue),
      `${TagKey}: ${stored.get(TagKey)} < ${TagValue}`,
    )
  }
  assert.equal(await again.stop(), 0)
})

test('SIGHUP stops a server in order, unless it has TLS files: those it reads again, for both listeners', async () => {
  const plain = await startServer({ dataDir: copy() })
  plain.process.kill('SIGHUP')
  await plain.logged(/stopping/)
  assert.equal(await plain.stop(), 0)

  const [first, second] = [await newCertificate('first'), await newCertificate('second')]
  const [certificateFile, keyFile] = [join(folder, 'tls.crt'), join(folder, 'tls.key')]
  const install = (pair: typeof first) => {
    writeFileSync(certificateFile, pair.certificate)
    writeFileSync(keyFile, pair.key)
  }
  install(first)
  const tls = ['--tls-certificate-file', certificateFile, '--tls-key-file', keyFile]
  const server = await startServer({
    dataDir: copy(),
    args: [...tls, '--admin-listen', '127.0.0.1:0'],
  })
  const adminUrl = /^Health and metrics: (\S+)$/m.exec(server.stdout())?.[1] ?? ''
  for (const url of [server.url, adminUrl]) assert.equal(await healthOver(url, first.ca), 200)
  install(second)
  server.process.kill('SIGHUP')
  await server.logged(/SIGHUP[^]*was reloaded[^]*was reloaded/)
  for (const url of [server.url, adminUrl]) assert.equal(await healthOver(url, second.ca), 200)
  assert.doesNotMatch(server.stderr(), /stopping/)
  assert.equal(await server.stop(), 0)
})

/** A certificate with its key, and the authority that vouches for it. */
async function newCertificate(name: string) {
  const { certFile, caFile } = await prepareSelfSigned(
    { directory: join(folder, name), names: [] },
    { clock: systemClock, log: createLog({ level: 'silent' }) },
  )
  const pem = readFileSync(certFile, 'utf8')
  const keyAt = pem.indexOf('-----BEGIN PRIVATE KEY-----')
  return { certificate: pem.slice(0, keyAt), key: pem.slice(keyAt), ca: readFileSync(caFile) }
}

async function healthOver(url: string, ca: Buffer): Promise<number | undefined> {
  const [response] = (await once(httpsGet(`${url}/-/health`, { ca, agent: false }), 'response')) as [
    IncomingMessage,
  ]
  response.resume()
  return response.statusCode
}

test('a second start on the same data directory is refused while the first runs, which is not disturbed', async () => {
  const dataDir = copy()
  const server = await startServer({ dataDir })
  await refusedStart(dataDir, new RegExp(`in use by process ${server.process.pid}`))
  await kmsClient(server).decrypt({ CiphertextBlob })
  assert.equal(await server.stop(), 0)
})

test('a port in use is refused by its number', async () => {
  const taken = createServer().unref()
  taken.listen(0, '127.0.0.1')
  await once(taken, 'listening')
  const { port } = taken.address() as AddressInfo
  const dataDir = copy()
  await refusedStart(dataDir, new RegExp(`127\\.0\\.0\\.1:${port} is in use`), {
    args: ['--port', String(port)],
  })
  taken.close()
  await requireWhole(dataDir)
})

test('an unknown setting is refused from a flag, a variable and the file, with the nearest one that exists', async () => {
  const dataDir = join(folder, 'never-made')
  await refusedStart(dataDir, /unknown setting --log-levle: did you mean --log-level\?/, {
    args: ['--log-levle', 'info'],
  })
  await refusedStart(dataDir, /unknown setting KEYWRIGHT_REGION: did you mean KEYWRIGHT_REGIONS\?/, {
    env: { KEYWRIGHT_REGION: 'us-east-1' },
  })
  const cwd = join(folder, 'with-file')
  mkdirSync(cwd)
  writeFileSync(join(cwd, 'keywright.yaml'), 'prot: 5567\n')
  await refusedStart(dataDir, /prot.*did you mean port\?/, { cwd })
  assert.equal(existsSync(dataDir), false)
})

test('a corrupt database is refused and left as it is', async () => {
  const dataDir = copy()
  const file = join(dataDir, 'keywright.db')
  // What was not moved to the main file yet would hide the damage.
  await requireWhole(dataDir)
  const whole = readFileSync(file)
  for (const damage of [
    Buffer.concat([Buffer.alloc(4096, 'not a database '), whole.subarray(4096)]),
    Buffer.concat([whole.subarray(0, 4096), Buffer.alloc(whole.length - 4096, 0xff)]),
  ]) {
    writeFileSync(file, damage)
    await refusedStart(dataDir, /./)
    assert.deepEqual(readFileSync(file), damage)
  }
  writeFileSync(file, whole)
  await requireWhole(dataDir)
})

test('a database in use without its root key is refused, and no new root key is made', async () => {
  const dataDir = copy()
  const rootKey = join(dataDir, 'root.key')
  renameSync(rootKey, `${rootKey}.away`)
  await refusedStart(dataDir, /root key .*root\.key is missing/)
  assert.equal(existsSync(rootKey), false)
  renameSync(`${rootKey}.away`, rootKey)
  await requireWhole(dataDir)
})

test('a root key with an empty database is refused, and is left as it is', async () => {
  const dataDir = copy()
  const rootKey = readFileSync(join(dataDir, 'root.key'))
  const database = readFileSync(join(dataDir, 'keywright.db'))
  for (const name of ['keywright.db', 'keywright.db-wal', 'keywright.db-shm'])
    rmSync(join(dataDir, name), { force: true })
  await refusedStart(dataDir, /there is a root key in .*root\.key, but the database is empty/)
  assert.deepEqual(readFileSync(join(dataDir, 'root.key')), rootKey)
  assert.ok(database.length > 0)
})

test("another deployment's root key, and one that others can read, are refused", async () => {
  const [dataDir, other] = [copy(), join(folder, 'other')]
  const rootKey = join(dataDir, 'root.key')
  assert.equal((await runKeywright(['init'], { dataDir: other })).code, 0)
  const own = readFileSync(rootKey)
  writeFileSync(rootKey, readFileSync(join(other, 'root.key')))
  await refusedStart(dataDir, /is not the one of this database/)
  writeFileSync(rootKey, own.subarray(0, -10))
  await refusedStart(dataDir, /not a whole root key file/)
  writeFileSync(rootKey, own)
  chmodSync(rootKey, 0o644)
  await refusedStart(dataDir, /chmod 600/)
  chmodSync(rootKey, 0o600)
  await requireWhole(dataDir)
})

test('a data directory of a newer version is refused', async () => {
  for (const change of [
    "insert into migrations (number, name, applied_at) values (9999, 'future', 0)",
    'update deployment set format = 99',
  ]) {
    const dataDir = copy()
    const file = join(dataDir, 'keywright.db')
    const database = new DatabaseSync(file)
    database.exec(change)
    database.close()
    await refusedStart(dataDir, /newer version/)
  }
})

test('settings of the first account must be those that the deployment was made with', async () => {
  const dataDir = join(folder, 'with-settings')
  const secret = 'the-secret-that-was-given-0123456789'
  const given = {
    KEYWRIGHT_ACCOUNT_ID: '111122223333',
    KEYWRIGHT_ROOT_ACCESS_KEY_ID: 'AKIDGIVEN',
    KEYWRIGHT_ROOT_SECRET_ACCESS_KEY: secret,
  }
  const first = await startServer({ dataDir, env: given })
  assert.deepEqual(first.credentials, { accessKeyId: 'AKIDGIVEN', secretAccessKey: secret })
  assert.match((await newKey(kmsClient(first))).arn, /:111122223333:/)
  assert.equal(await first.stop(), 0)

  const wrong = (change: Partial<typeof given>) => ({ env: { ...given, ...change } })
  await refusedStart(dataDir, /111122223333/, wrong({ KEYWRIGHT_ACCOUNT_ID: '444455556666' }))
  await refusedStart(
    dataDir,
    /not those of this deployment/,
    wrong({ KEYWRIGHT_ROOT_ACCESS_KEY_ID: 'AKIDOTHER' }),
  )
  await refusedStart(
    dataDir,
    /not those of this deployment/,
    wrong({ KEYWRIGHT_ROOT_SECRET_ACCESS_KEY: 'another-secret-0123456789-0123456789' }),
  )
  const { KEYWRIGHT_ROOT_SECRET_ACCESS_KEY: _, ...half } = given
  await refusedStart(dataDir, /belong together/, { env: half })

  for (const env of [given, {}]) {
    const again = await startServer({ dataDir, env })
    assert.equal((await kmsClient(again).listKeys({})).Keys?.length, 1)
    assert.equal(await again.stop(), 0)
  }
})
