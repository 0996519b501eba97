import assert from 'node:assert/strict'
import { fileURLToPath } from 'node:url'
import { after, before, test } from 'node:test'
import { startServer, type ServerProcess } from '../server-process.ts'
import { brokenPromise } from './python.ts'

const account = '123456789012'
const script = fileURLToPath(new URL('boto3/key_types.py', import.meta.url))

/** Each is a function of boto3/key_types.py, which checks with Python's cryptography package what the server answers. */
const promises = {
  specs: "every key spec of boto3's own model makes a key for each of its usages, or is refused by name",
  signatures: 'signatures of every algorithm verify in Python, and those made in Python verify here',
  digests: 'a digest that was computed in Python is signed as it is, and the file that it is of verifies',
  macs: "MACs are those of Python's own HMAC, and verify-mac takes nothing else",
  encryption: 'what Python encrypts under the public key is decrypted here, and the other way round',
  data_key_pairs: 'data key pairs load in Python, sign there, and their private keys are opened by Decrypt',
  errors: 'errors are the exception types that programs catch, with the texts that they show',
  answers_fit_the_model: "every answer has members, enums and blobs of boto3's own model",
  grants: 'a grant for signing lets a role sign, and nothing else',
} as const

let server: ServerProcess
before(async () => {
  server = await startServer({ env: { KEYWRIGHT_ACCOUNT_ID: account } })
})
after(() => server.stop())

for (const [name, promise] of Object.entries(promises)) {
  test(promise, async () => {
    assert.equal(await brokenPromise(script, name, server, account), '')
  })
}
