import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { after, test } from 'node:test'
import { promisify } from 'node:util'
import { kmsClient, newKey } from '../kms-client.ts'
import { startServer } from '../server-process.ts'

const server = await startServer({ args: ['--tls-self-signed'] })
after(() => server.stop())
const caFile = /^Certificate authority to trust: (\S+)/m.exec(server.stdout())?.[1] ?? ''
const ca = readFileSync(caFile, 'utf8')

test('the SDK works over HTTPS once it trusts the authority that the server printed', async () => {
  assert.match(server.url, /^https:\/\//)
  const kms = kmsClient(server, { ca })
  const { id, arn } = await newKey(kms)
  const { CiphertextBlob } = await kms.encrypt({ KeyId: id, Plaintext: Buffer.from('over TLS') })
  const opened = await kms.decrypt({ CiphertextBlob })
  assert.equal(opened.KeyId, arn)
  assert.equal(Buffer.from(opened.Plaintext ?? []).toString(), 'over TLS')
})

test('an SDK that does not trust it sends nothing', async () => {
  await assert.rejects(
    kmsClient(server).listKeys({}),
    /self-signed certificate|unable to (get local issuer|verify)/,
  )
})

test('NODE_EXTRA_CA_CERTS is enough for any program on Node, and "localhost" is one of its names', async () => {
  const url = new URL('/-/health', server.url.replace('127.0.0.1', 'localhost'))
  const ask = `fetch(${JSON.stringify(url)}).then((answer) => console.log(answer.status))`
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', ask], {
    env: { ...process.env, NODE_EXTRA_CA_CERTS: caFile },
  })
  assert.equal(stdout, '200\n')
})
