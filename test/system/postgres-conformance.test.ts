import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { kmsClient, newKey } from '../kms-client.ts'
import { startServer } from '../server-process.ts'
import { startPostgres, type PostgresServer } from './postgres.ts'

/** The files that `npm test` runs on SQLite; here each server of theirs has a PostgreSQL database. */
const folders = ['conformance', 'properties'].map((name) => join(import.meta.dirname, '..', name))

let postgres: PostgresServer
before(async () => {
  postgres = await startPostgres()
})
after(() => postgres.remove())

for (const folder of folders) {
  for (const name of readdirSync(folder).filter((file) => file.endsWith('.test.ts'))) {
    test(`on PostgreSQL: ${name}`, async () => {
      const { code, output } = await run(join(folder, name))
      assert.equal(code, 0, output)
      assert.match(output, /^ℹ pass [1-9]/m)
      assert.match(output, /^ℹ fail 0$/m)
    })
  }
}

test('a dump of the database holds no secret access key and no key material', async () => {
  const url = await postgres.freshDatabase()
  const server = await startServer({ env: { KEYWRIGHT_DATABASE_URL: url } })
  const kms = kmsClient(server)
  const { id } = await newKey(kms, { Description: 'to be found in the dump' })
  const plaintext = 'a plaintext that must not be found'
  const dataKey = await kms.generateDataKey({ KeyId: id, KeySpec: 'AES_256' })
  await kms.encrypt({ KeyId: id, Plaintext: Buffer.from(plaintext) })
  kms.destroy()
  const { secretAccessKey } = server.credentials
  const rootKey = readFileSync(join(server.dataDir, 'root.key'), 'utf8')
  await server.stop()

  const dump = execFileSync('/usr/bin/pg_dump', ['--inserts', url], { encoding: 'utf8', maxBuffer: 2 ** 28 })
  assert.match(dump, /INSERT INTO public\.kms_keys .*to be found in the dump/)
  // Binary columns are hexadecimal in a dump, and the journal's lines are one.
  const bytes = [...dump.matchAll(/'\\x([0-9a-f]+)'/g)].map(([, hex = '']) =>
    Buffer.from(hex, 'hex').toString('latin1'),
  )
  const searched = `${dump}\n${bytes.join('\n')}`
  assert.match(searched, /"eventName":"GenerateDataKey"/)
  const rootSecrets = [...rootKey.matchAll(/"key":"([^"]+)"/g)].map(([, key = '']) =>
    Buffer.from(key, 'base64'),
  )
  assert.equal(rootSecrets.length, 1)
  for (const secret of [
    Buffer.from(secretAccessKey),
    Buffer.from(plaintext),
    Buffer.from(dataKey.Plaintext ?? []),
    ...rootSecrets,
  ]) {
    for (const form of [
      secret.toString('latin1'),
      secret.toString('base64').replace(/=+$/, ''),
      secret.toString('hex'),
    ]) {
      assert.equal(searched.indexOf(form), -1)
    }
  }
})

function run(file: string): Promise<{ code: number | null; output: string }> {
  // A test runner that finds itself below another one reports to it and says nothing.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--test', '--test-reporter=spec', '--test-timeout=300000', file], {
      env: { ...env, TEST_POSTGRES_URL: postgres.adminUrl },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => (output += text))
    }
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, output }))
  })
}
