import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import type { KMS } from '@aws-sdk/client-kms'
import { kmsClient } from './kms-client.ts'
import {
  clockAhead,
  runKeywright,
  startServer,
  temporaryFolder,
  type ServerProcess,
} from './server-process.ts'

/** One deployment of its own database and root key, with one or more Regions; it can be stopped and started again. */
export interface LinkedServer {
  readonly dataDir: string
  readonly linkUrl: string
  readonly server: ServerProcess
  readonly deploymentId: string
  kms(region: string): KMS
  /** With a clock that is ahead, when it is said. */
  start(clockAheadMs?: number): Promise<void>
  stop(): Promise<void>
  kill(): Promise<void>
  cli(...args: string[]): Promise<string>
  /** The same with --json, parsed. */
  ask(...args: string[]): Promise<unknown>
}

export async function linkedServer(
  regions: string,
  options: { dataDir?: string; accountId?: string } = {},
): Promise<LinkedServer> {
  const dataDir = options.dataDir ?? join(temporaryFolder(), 'data')
  const port = await freePort()
  const env = {
    KEYWRIGHT_REGIONS: regions,
    KEYWRIGHT_LINK_LISTEN: `127.0.0.1:${port}`,
    KEYWRIGHT_CLOCK_JUMP_WAIT_MS: '1000',
    KEYWRIGHT_ACCOUNT_ID: options.accountId ?? '111122223333',
  }
  const clients = new Map<string, KMS>()
  let server: ServerProcess | undefined
  let deploymentId = ''
  let aheadMs = 0
  const running = (): ServerProcess => {
    assert(server, 'the server is not running')
    return server
  }
  const ended = () => {
    for (const kms of clients.values()) kms.destroy()
    clients.clear()
    server = undefined
  }
  const self: LinkedServer = {
    dataDir,
    linkUrl: `https://127.0.0.1:${port}`,
    get server() {
      return running()
    },
    get deploymentId() {
      return deploymentId
    },
    kms(region) {
      const kms =
        clients.get(region) ?? kmsClient(running(), { region, ...(aheadMs > 0 && { clockAheadMs: aheadMs }) })
      clients.set(region, kms)
      return kms
    },
    async start(clockAheadMs = 0) {
      aheadMs = clockAheadMs
      server = await startServer({
        dataDir,
        env,
        ...(aheadMs > 0 && { nodeArgs: clockAhead(aheadMs) }),
      })
      deploymentId = (JSON.parse(await self.cli('region', 'identity')) as { deploymentId: string })
        .deploymentId
    },
    async stop() {
      const stopping = server
      ended()
      await stopping?.stop()
    },
    async kill() {
      const killing = server
      ended()
      await killing?.kill()
    },
    async cli(...args) {
      const { code, stdout, stderr } = await runKeywright(args, { dataDir, env })
      assert.equal(code, 0, stderr)
      return stdout
    },
    ask: async (...args) => JSON.parse(await self.cli(...args, '--json')) as unknown,
  }
  await self.start()
  return self
}

/** Each gets the other's identity, as two operators do it. */
export async function linkServers(one: LinkedServer, other: LinkedServer): Promise<void> {
  for (const [here, there] of [
    [one, other],
    [other, one],
  ] as const) {
    const file = join(temporaryFolder(), `${there.deploymentId}.json`)
    writeFileSync(file, await there.cli('region', 'identity'))
    await here.cli('region', 'link', file, '--url', there.linkUrl)
  }
}

/** Waits for what two deployments bring about between them. */
export async function eventually<T>(find: () => Promise<T | undefined | false>, what: string): Promise<T> {
  const deadline = Date.now() + 60_000
  for (;;) {
    const found = await find()
    if (found !== undefined && found !== false) return found
    assert.ok(Date.now() < deadline, `${what} did not come about`)
    await turn()
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
