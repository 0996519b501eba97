import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { test } from 'node:test'
import { createHealth } from '../telemetry/health.ts'
import { createLog } from '../telemetry/log.ts'
import { createMetrics } from '../telemetry/metrics.ts'
import { systemClock } from '../clock.ts'
import { ListenerError } from './listener-error.ts'
import { startListeners, type ListenersOptions } from './listeners.ts'

const host = '127.0.0.1'
const nobody = () => Promise.reject(new Error('nobody asks'))
const handlers = { api: nobody, services: nobody }

function depsOf() {
  const clock = systemClock
  const log = createLog({ level: 'silent' })
  return { log, clock, metrics: createMetrics({ operations: [] }), health: createHealth({ clock }) }
}

function options(change: Partial<ListenersOptions> = {}): ListenersOptions {
  return {
    main: { host, port: 0 },
    tls: undefined,
    endpoints: [],
    services: undefined,
    administrative: undefined,
    ...change,
  }
}

async function bound(port = 0): Promise<{ server: Server; port: number }> {
  const server = createServer()
  server.listen({ host, port })
  await once(server, 'listening')
  return { server, port: (server.address() as AddressInfo).port }
}

async function closed({ server }: { server: Server }): Promise<void> {
  server.close()
  await once(server, 'close')
}

test('all listeners open, and one stop closes them', async () => {
  const endpoint = { vpceId: 'vpce-1', vpcId: 'vpc-1', policy: undefined }
  const listeners = await startListeners(
    options({ endpoints: [{ listen: { host, port: 0 }, endpoint }], administrative: { host, port: 0 } }),
    handlers,
    depsOf(),
  )
  assert.deepEqual(
    listeners.endpoints.map(({ vpceId }) => vpceId),
    ['vpce-1'],
  )
  assert.equal(listeners.services, undefined)
  const ports = [listeners.main, listeners.endpoints[0]?.listener, listeners.administrative].map(
    (each) => each?.port,
  )
  assert.equal(new Set(ports).size, 3)
  await listeners.stop()
  for (const port of ports) await closed(await bound(port))
})

test('when one of them cannot open, none stays open', async () => {
  const taken = await bound()
  const free = await bound()
  await closed(free)
  const main = { host, port: free.port }
  const administrative = { host, port: taken.port }
  await assert.rejects(startListeners(options({ main, administrative }), handlers, depsOf()), ListenerError)
  await closed(await bound(free.port))
  await closed(taken)
})
