import assert from 'node:assert/strict'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { kmsClient } from '../kms-client.ts'
import { assertRefused } from '../refusal.ts'
import { readCredentials, runKeywright, startServer, temporaryFolder } from '../server-process.ts'
import type { Credentials } from '../server-process.ts'

const server = await startServer()
const { dataDir } = server
after(() => server.stop())

const invalidToken = 'The security token included in the request is invalid.'

async function keywright(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runKeywright(args, { dataDir })
  assert.equal(code, 0, stderr)
  return stdout
}

async function newCredentials(): Promise<Credentials> {
  return JSON.parse(await keywright('credentials', 'create', '--json')) as Credentials
}

test('an access key works from its creation, is refused while disabled, and works again', async () => {
  const credentials = await newCredentials()
  const kms = kmsClient(server, { credentials })
  await kms.listKeys({})
  await keywright('credentials', 'disable', credentials.accessKeyId)
  await assertRefused(kms.listKeys({}), 'UnrecognizedClientException', invalidToken)
  // The root user's other access keys are not touched.
  await kmsClient(server).listKeys({})
  await keywright('credentials', 'enable', credentials.accessKeyId)
  await kms.listKeys({})
})

test('a deleted access key is refused from the next request on, also on a connection that it opened', async () => {
  const credentials = await newCredentials()
  const kms = kmsClient(server, { credentials })
  await kms.listKeys({})
  await keywright('credentials', 'delete', credentials.accessKeyId)
  await assertRefused(kms.listKeys({}), 'UnrecognizedClientException', invalidToken)
  const again = await runKeywright(['credentials', 'enable', credentials.accessKeyId], { dataDir })
  assert.equal(again.code, 1)
  assert.match(again.stderr, /^keywright: .+\n$/)
  await assertRefused(kms.listKeys({}), 'UnrecognizedClientException', invalidToken)
})

test('another secret of a known access key is a wrong signature', async () => {
  const { accessKeyId } = server.credentials
  const kms = kmsClient(server, { credentials: { accessKeyId, secretAccessKey: 'x'.repeat(40) } })
  await assertRefused(
    kms.listKeys({}),
    'InvalidSignatureException',
    /^The request signature we calculated does not match/,
  )
})

test('a new secret goes into a file for its owner alone, and never over another file', async () => {
  const file = join(temporaryFolder(), 'new-credentials')
  const printed = await keywright('credentials', 'create', '--output', file)
  const credentials = readCredentials(file)
  assert.equal(statSync(file).mode & 0o777, 0o600)
  assert.ok(printed.includes(credentials.accessKeyId))
  assert.ok(!printed.includes(credentials.secretAccessKey))
  await kmsClient(server, { credentials }).listKeys({})
  const before = readFileSync(file, 'utf8')
  const again = await runKeywright(['credentials', 'create', '--output', file], { dataDir })
  assert.equal(again.code, 1)
  assert.match(again.stderr, /^keywright: .*exists already.*\n$/)
  assert.equal(readFileSync(file, 'utf8'), before)
})

test('no list shows a secret, and the data directory holds none but in the credentials file', async () => {
  const made = await newCredentials()
  const secrets = [made.secretAccessKey, server.credentials.secretAccessKey]
  const list = await keywright('credentials', 'list', '--json')
  assert.ok(list.includes(made.accessKeyId))
  let searched = 0
  for (const entry of readdirSync(dataDir, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.name === 'credentials') continue
    const content = readFileSync(join(entry.parentPath, entry.name))
    searched += content.length
    for (const secret of secrets) {
      assert.ok(!list.includes(secret))
      for (const form of [
        secret,
        Buffer.from(secret).toString('base64').replace(/=+$/, ''),
        Buffer.from(secret).toString('hex'),
      ]) {
        assert.equal(content.indexOf(form), -1, entry.name)
      }
    }
  }
  // With PostgreSQL the database is elsewhere; test/system/postgres-conformance.test.ts searches it.
  const isHere = process.env['TEST_POSTGRES_URL'] === undefined
  assert.ok(!isHere || searched > 10_000, 'there was a database to search')
})
