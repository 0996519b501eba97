import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { runKeywright, startServer, temporaryFolder } from '../server-process.ts'
import { send } from '../signed-request.ts'

const folder = temporaryFolder()
const unsigned = { accessKeyId: 'AKIAANYTHING', secretAccessKey: 'wrong' }

test('a page in a browser reaches nothing, though no signature is verified', async () => {
  const server = await startServer({ dataDir: join(folder, 'browser'), args: ['--dev-auth'] })
  const call = (headers: Record<string, string>, credentials = unsigned) =>
    send(server, { operation: 'CreateKey', body: {}, credentials, headers })
  assert.equal((await call({})).status, 200)
  for (const origin of ['http://evil.example', 'null', '', new URL(server.url).origin]) {
    const answer = await call({ origin })
    assert.equal(answer.status, 400, origin)
    assert.equal((await call({ Origin: origin }, server.credentials)).status, 400)
  }
  const preflight = await fetch(server.url, {
    method: 'OPTIONS',
    headers: { origin: 'http://evil.example', 'access-control-request-method': 'POST' },
  })
  assert.equal(preflight.headers.get('access-control-allow-origin'), null)
  assert.ok(!preflight.ok)
  assert.equal(await server.stop(), 0)
})

test('a credential that exists keeps its meaning: disabled is disabled, and it names its own account', async () => {
  const server = await startServer({ dataDir: join(folder, 'existing'), args: ['--dev-auth'] })
  const { dataDir } = server
  assert.equal((await runKeywright(['account', 'create', '333333333333'], { dataDir })).code, 0)
  const made = await runKeywright(['credentials', 'create', '333333333333', '--json'], { dataDir })
  const pair = JSON.parse(made.stdout) as typeof unsigned
  const call = (credentials: typeof unsigned) =>
    send(server, { operation: 'CreateKey', body: {}, credentials })
  assert.match((await call(pair)).body, /"AWSAccountId":"333333333333"/)
  assert.match((await call(unsigned)).body, /"AWSAccountId":"000000000000"/)
  assert.match(
    (await call({ ...unsigned, accessKeyId: '444444444444' })).body,
    /"AWSAccountId":"444444444444"/,
  )
  assert.equal((await runKeywright(['credentials', 'disable', pair.accessKeyId], { dataDir })).code, 0)
  assert.equal((await call(pair)).error, 'UnrecognizedClientException')
  assert.equal(await server.stop(), 0)
})

test('it cannot be switched on for a deployment that was made without it, by a flag or in the database', async () => {
  const dataDir = join(folder, 'without')
  assert.equal((await runKeywright(['init'], { dataDir })).code, 0)
  const refused = async (says: RegExp, ...args: string[]) => {
    const { code, stderr } = await runKeywright(['serve', '--port', '0', ...args], { dataDir })
    assert.notEqual(code, 0)
    assert.match(stderr, says)
  }
  await refused(/devAuth is refused/, '--dev-auth')
  for (const address of ['0.0.0.0', '::', '192.0.2.1']) {
    await refused(/devAuth verifies no signature/, '--dev-auth', '--insecure-http', '--host', address)
  }
  const database = new DatabaseSync(join(dataDir, 'keywright.db'))
  database.exec('update deployment set dev_auth = 1')
  database.close()
  await refused(/not authentic/, '--dev-auth')
})
