import assert from 'node:assert/strict'
import { fileURLToPath } from 'node:url'
import { after, before, test } from 'node:test'
import { runKeywright, startServer, type Credentials, type ServerProcess } from '../server-process.ts'
import { brokenPromise } from './python.ts'

const account = '123456789012'
const script = fileURLToPath(new URL('boto3/promises.py', import.meta.url))

/** Each is a function of boto3/promises.py, which holds the assertions in the language of the client. */
const promises = {
  application:
    'the KMSEncryption class of the study notes encrypts, decrypts and envelopes with Fernet, unchanged',
  envelope: 'the envelope encryption of the study notes runs unchanged',
  types: 'blobs, timestamps, numbers and texts arrive in the types that boto3 promises',
  answers_fit_the_model: "every answer has members, enums and blobs of boto3's own model",
  paginators: 'paginators walk every list to its end, in order',
  errors: 'errors have the code, the text and the exception type that programs catch',
  regions_and_accounts: 'another Region and another account have keys of their own',
  retries: 'no retry mode repeats what was refused, and connections are kept',
} as const

let server: ServerProcess
let other: Record<string, string>
before(async () => {
  server = await startServer({ env: { KEYWRIGHT_ACCOUNT_ID: account } })
  const created = await runKeywright(['account', 'create', '999988887777'], server)
  assert.equal(created.code, 0, created.stderr)
  const given = await runKeywright(['credentials', 'create', '999988887777', '--json'], server)
  assert.equal(given.code, 0, given.stderr)
  const { accessKeyId, secretAccessKey } = JSON.parse(given.stdout) as Credentials
  other = { OTHER_ACCESS_KEY_ID: accessKeyId, OTHER_SECRET_ACCESS_KEY: secretAccessKey }
})
after(() => server.stop())

for (const [name, promise] of Object.entries(promises)) {
  test(promise, async () => {
    assert.equal(await brokenPromise(script, name, server, account, other), '')
  })
}
