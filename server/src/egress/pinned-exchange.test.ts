import assert from 'node:assert/strict'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { systemClock } from '../clock.ts'
import { prepareSelfSigned } from '../http/self-signed.ts'
import { createLog } from '../telemetry/log.ts'
import { createPinnedExchange } from './pinned-exchange.ts'

/** Takes connections, and says nothing on any of them, or ends them at once. */
async function server(t: TestContext, kind: 'silent' | 'ending'): Promise<URL> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined))
    if (kind === 'ending') socket.destroy()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return new URL(`https://127.0.0.1:${(server.address() as AddressInfo).port}/`)
}

async function identity(t: TestContext) {
  const directory = mkdtempSync(join(tmpdir(), 'keywright-pinned-'))
  t.after(() => {
    rmSync(directory, { recursive: true })
  })
  const log = createLog({ level: 'silent' })
  const made = await prepareSelfSigned({ directory, names: ['localhost'] }, { clock: systemClock, log })
  const pem = readFileSync(made.certFile)
  return { certificate: new X509Certificate(pem), privateKey: createPrivateKey(pem) }
}

test('a server that says nothing keeps nobody from another one', async (t) => {
  const client = await identity(t)
  const exchange = createPinnedExchange({ timeoutMs: 3_000, mostAtOnce: 2 })
  const ask = (url: URL) =>
    exchange({
      url,
      certificate: client.certificate,
      client,
      headers: {},
      body: Buffer.alloc(0),
      maxBytes: 1,
    })
  const silent = await server(t, 'silent')
  const asked = [1, 2, 3].map(() => assert.rejects(ask(silent), { reason: 'timeout' }))
  await assert.rejects(ask(await server(t, 'ending')), { reason: 'unreachable' })
  await Promise.all(asked)
})
