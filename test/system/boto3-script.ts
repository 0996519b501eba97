import assert from 'node:assert/strict'
import { fileURLToPath } from 'node:url'
import { after, before, test } from 'node:test'
import { startServer, type ServerOptions, type ServerProcess } from '../server-process.ts'
import { brokenPromise } from './python.ts'

const account = '123456789012'

/** A script of `boto3/` and the server that it is run against, which ends with the test file. */
export interface Boto3Script {
  /** Runs one promise of the script. */
  keeps(name: string): Promise<void>
  /** Starts the server again with its data. */
  restart(options: ServerOptions): Promise<void>
}

/**
 * Tests each of these promises, which are functions of the script: it holds the assertions in the language of the client.
 *
 * @param prepare readies the server; gives variables beside those that every script is given
 */
export function boto3Script(
  file: string,
  promises: Readonly<Record<string, string>>,
  prepare: (server: ServerProcess) => Promise<Readonly<Record<string, string>>> = () => Promise.resolve({}),
): Boto3Script {
  const script = fileURLToPath(new URL(`boto3/${file}`, import.meta.url))
  let server: ServerProcess
  let variables: Readonly<Record<string, string>>
  before(async () => {
    server = await startServer({ env: { KEYWRIGHT_ACCOUNT_ID: account } })
    variables = await prepare(server)
  })
  after(() => server.stop())

  const keeps = async (name: string) => {
    assert.equal(await brokenPromise(script, name, server, account, variables), '')
  }
  for (const [name, promise] of Object.entries(promises)) {
    test(promise, () => keeps(name))
  }
  return {
    keeps,
    async restart(options) {
      const { dataDir } = server
      await server.stop()
      server = await startServer({ ...options, dataDir })
    },
  }
}
