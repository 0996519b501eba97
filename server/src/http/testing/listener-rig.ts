import { connect, type Socket } from 'node:net'
import { Writable } from 'node:stream'
import type { TestContext } from 'node:test'
import { systemClock } from '../../clock.ts'
import { createHealth } from '../../telemetry/health.ts'
import { createLog } from '../../telemetry/log.ts'
import { createMetrics, type HttpRejection } from '../../telemetry/metrics.ts'
import type { WireHandler, WireRequest } from '../../wire/http-message.ts'
import { startAdministrativeListener, startListener, type ListenerOptions } from '../listener.ts'

/** For tests: a listener on a free port with a real log, metrics and health, stopped when the test ends. */
export async function startRig(
  t: TestContext,
  options: Partial<ListenerOptions> & { readonly administrative?: boolean } = {},
  handler: WireHandler = echo,
) {
  const lines: string[] = []
  const log = createLog({
    level: 'debug',
    destination: new Writable({
      write(line: Buffer, _encoding, done) {
        lines.push(line.toString())
        done()
      },
    }),
  })
  const metrics = createMetrics({ operations: [] })
  const health = createHealth({ clock: systemClock })
  health.setAccepting(true)
  const requests: WireRequest[] = []
  const deps = { log, metrics, health, clock: systemClock }
  const all = { host: '127.0.0.1', port: 0, ...options }
  const listener = options.administrative
    ? await startAdministrativeListener(all, deps)
    : await startListener(
        all,
        (request) => {
          requests.push(request)
          return handler(request)
        },
        deps,
      )
  t.after(() => listener.stop(0))
  const metric = async (line: string): Promise<number> => {
    const found = (await metrics.text()).split('\n').find((text) => text.startsWith(`${line} `))
    return Number(found?.slice(line.length + 1))
  }
  return {
    listener,
    port: listener.port,
    requests,
    health,
    lines,
    metric,
    rejected: (reason: HttpRejection) => metric(`keywright_http_rejected_total{reason="${reason}"}`),
  }
}

/** Answers with the request's body, and names its target in the request id. */
const echo: WireHandler = ({ target, body }) =>
  Promise.resolve({
    status: 200,
    contentType: 'application/x-amz-json-1.1',
    requestId: `id-${target}`,
    body: body.toString('latin1'),
  })

/** A handler whose answers wait until they are let go, in any order. */
export function heldHandler() {
  const waiting: { request: WireRequest; release: () => void }[] = []
  const arrivals: (() => void)[] = []
  const handler: WireHandler = (request) =>
    new Promise((resolve) => {
      waiting.push({
        request,
        release: () => {
          resolve(echo(request))
        },
      })
      for (const arrival of arrivals.splice(0)) arrival()
    })
  return {
    handler,
    waiting,
    /** Resolves when so many requests have arrived. */
    async arrived(count: number) {
      while (waiting.length < count) await new Promise<void>((resolve) => arrivals.push(resolve))
    },
  }
}

/** A client that says exactly what it is told to. */
export interface RawClient {
  readonly socket: Socket
  send(bytes: string | Uint8Array): void
  /** What was received once `pattern` matches it. */
  receive(pattern: RegExp): Promise<string>
  /** All that was received when the server had closed the connection. */
  receiveAll(): Promise<string>
}

export async function rawClient(t: TestContext, port: number, host = '127.0.0.1'): Promise<RawClient> {
  const socket = connect({ port, host, allowHalfOpen: true })
  t.after(() => socket.destroy())
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('error', reject)
  })
  return overSocket(socket)
}

export function overSocket(socket: Socket): RawClient {
  let received = ''
  let ended = false
  const listeners = new Set<() => void>()
  const changed = () => {
    for (const listener of listeners) listener()
  }
  socket.on('data', (chunk: Buffer) => {
    received += chunk.toString('latin1')
    changed()
  })
  const end = () => {
    ended = true
    changed()
  }
  socket.on('end', end)
  socket.on('close', end)
  socket.on('error', end)
  const until = (met: () => boolean): Promise<string> =>
    new Promise((resolve, reject) => {
      const check = () => {
        if (met()) {
          listeners.delete(check)
          resolve(received)
        } else if (ended) {
          listeners.delete(check)
          reject(new Error(`the connection ended after ${JSON.stringify(received)}`))
        }
      }
      listeners.add(check)
      check()
    })
  return {
    socket,
    send: (bytes) => void socket.write(bytes),
    receive: (pattern) => until(() => pattern.test(received)),
    receiveAll: () => until(() => ended),
  }
}

export function post(target: string, body = '', extra = ''): string {
  return `POST ${target} HTTP/1.1\r\nHost: kms\r\n${extra}Content-Length: ${body.length}\r\n\r\n${body}`
}
