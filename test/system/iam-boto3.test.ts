import assert from 'node:assert/strict'
import { fileURLToPath } from 'node:url'
import { after, before, test } from 'node:test'
import { clockAhead, startServer, type ServerProcess } from '../server-process.ts'
import { brokenPromise } from './python.ts'

const account = '123456789012'
const script = fileURLToPath(new URL('boto3/identities.py', import.meta.url))

/** Each is a function of boto3/identities.py, which holds the assertions in the language of the client. */
const promises = {
  waiters_and_resources: 'waiters end, resources work and documents arrive as objects',
  paginators: 'paginators walk users, policies and grants to their end, each once',
  errors: 'errors have the code, the status, the text and the exception type that programs catch',
  grants: 'a grant lets its grantee in, and is retired by it',
  presigned: 'a presigned GetCallerIdentity says who signed it, to whoever sends it as it was signed',
} as const

let server: ServerProcess
before(async () => {
  server = await startServer({ env: { KEYWRIGHT_ACCOUNT_ID: account } })
})
after(() => server.stop())

for (const [name, promise] of Object.entries(promises)) {
  test(promise, () => keeps(name))
}

test('a session may what its role and its session policy may, until it expires', async () => {
  await keeps('sessions')
  const { dataDir } = server
  await server.stop()
  server = await startServer({ dataDir, nodeArgs: clockAhead(3_600_000) })
  await keeps('expired_sessions')
})

async function keeps(name: string): Promise<void> {
  assert.equal(await brokenPromise(script, name, server, account), '')
}
