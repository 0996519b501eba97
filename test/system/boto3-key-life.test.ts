import assert from 'node:assert/strict'
import { fileURLToPath } from 'node:url'
import { after, before, test } from 'node:test'
import { startServer, type ServerProcess } from '../server-process.ts'
import { brokenPromise } from './python.ts'

const account = '123456789012'
const script = fileURLToPath(new URL('boto3/key_life.py', import.meta.url))

/** Each is a function of boto3/key_life.py. */
const promises = {
  rotation: 'rotation is switched on, asked for and refused in the states that AWS documents',
  deletion: 'a deletion is scheduled and cancelled, and what the key sealed opens again',
  imported_material: 'material from Python is imported, deleted, told from other material, and brought back',
  imported_keys: 'key pairs and MAC keys that Python has made work here as they do there',
  multi_region: 'a set of two Regions shares what it seals, moves its primary key, and keeps the rest apart',
  answers_fit_the_model: "every answer has members and enums of boto3's own model",
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
