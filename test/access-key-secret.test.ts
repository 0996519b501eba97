import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { IAM } from '@aws-sdk/client-iam'
import { startServer } from './server-process.ts'

test('the journal has who made an access key, and neither it nor the database has its secret', async () => {
  const server = await startServer()
  const { url: endpoint, credentials, dataDir } = server
  const iam = new IAM({ endpoint, region: 'us-east-1', credentials, maxAttempts: 1 })
  await iam.createUser({ UserName: 'anna' })
  const { AccessKey } = await iam.createAccessKey({ UserName: 'anna' })
  await server.stop()
  const { AccessKeyId = '', SecretAccessKey = '' } = AccessKey ?? {}
  assert.equal(SecretAccessKey.length, 40)

  const journal = join(dataDir, 'journal')
  const records = readdirSync(journal)
    .flatMap((file) => readFileSync(join(journal, file), 'utf8').split('\n'))
    .filter((line) => line.includes('"CreateAccessKey"') && line.includes(AccessKeyId))
  assert.equal(records.length, 1)
  assert.match(records[0] ?? '', /"eventSource":"iam\.amazonaws\.com"/)

  for (const entry of readdirSync(dataDir, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const bytes = readFileSync(join(entry.parentPath, entry.name))
    assert.ok(!bytes.includes(SecretAccessKey), entry.name)
    assert.ok(!bytes.includes(Buffer.from(SecretAccessKey, 'base64')), entry.name)
  }
})
