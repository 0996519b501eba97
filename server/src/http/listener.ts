import { randomUUID } from 'node:crypto'
import { createServer as createHttpServer, type Server, type ServerResponse } from 'node:http'
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https'
import {
  createServer as createTcpServer,
  type AddressInfo,
  type Server as TcpServer,
  type Socket,
} from 'node:net'
import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import type { Clock } from '../clock.ts'
import type { Health } from '../telemetry/health.ts'
import type { Log } from '../telemetry/log.ts'
import type { HttpRejection, Metrics } from '../telemetry/metrics.ts'
import { createRateLimitedLog } from '../telemetry/rate-limited-log.ts'
import type { WireHandler } from '../wire/http-message.ts'
import { ApiRequest } from './api-request.ts'
import { createConnections, newConnection, type Connection } from './connections.ts'
import { createExchange, type RequestOrigin } from './http-exchange.ts'
import { DEFAULT_LIMITS, type HttpLimits } from './limits.ts'
import { listenFailure, requireSafeAddress, urlHost } from './listen-address.ts'
import { readProxyHeader } from './proxy-protocol.ts'
import { rawAnswer, type Refusal } from './raw-answer.ts'
import { addressSet, canonicalAddress, isLoopbackAddress } from './source-address.ts'
import { watchCertificateFiles, type CertificateFiles, type TlsOptions } from './tls.ts'

export interface ListenerOptions {
  readonly host: string
  /** 0 picks a free one. */
  readonly port: number
  readonly tls?: TlsOptions
  /** Allows plain HTTP on an address that other machines can reach. */
  readonly insecureHttp?: boolean
  readonly limits?: Partial<HttpLimits>
  /** Addresses and CIDR ranges whose X-Forwarded-For, and PROXY header if asked for, are believed. */
  readonly trustedProxies?: readonly string[]
  /** Connections from trusted proxies begin with a PROXY protocol version 2 header. */
  readonly proxyProtocol?: boolean
  /** This listener stands for a private endpoint. */
  readonly endpoint?: NonNullable<RequestOrigin['endpoint']>
}

export interface ListenerDeps {
  readonly log: Log
  readonly metrics: Metrics
  readonly health: Pick<Health, 'report'>
  readonly clock: Clock
}

type ListenerKind = 'main' | 'administrative' | 'services'

export interface Listener {
  /** Such as `https://127.0.0.1:5567`, with the port that was picked. */
  readonly endpoint: string
  readonly port: number
  /** Looks at the certificate files now (SIGHUP). */
  reloadTls(): Promise<boolean>
  /**
   * Takes no more connections, lets running requests end for `graceMs` (at most 9.5 s), then cuts what
   * is left. Resolves when the last connection is closed.
   */
  stop(graceMs?: number): Promise<void>
}

const LONGEST_GRACE_MS = 9500
// Beyond the limit a few more are accepted, to be told why; the rest the kernel turns away unheard.
const REFUSED_AT_ONCE = 64

/**
 * Serves the API, and under `/-/` health and readiness.
 * @throws ListenerError in one line: an address in use, an unsafe one, an unusable certificate
 */
export function startListener(
  options: ListenerOptions,
  handler: WireHandler,
  deps: ListenerDeps,
): Promise<Listener> {
  requireSafeAddress({
    host: options.host,
    tls: options.tls !== undefined,
    insecureHttp: options.insecureHttp ?? false,
  })
  return openListener('main', options, handler, deps)
}

/**
 * Serves only `/-/` paths, with reasons and metrics, to whoever can reach it: plain HTTP is fine here,
 * since no answer holds a secret, but the address should be reachable for the monitoring alone.
 */
export function startAdministrativeListener(options: ListenerOptions, deps: ListenerDeps): Promise<Listener> {
  return openListener('administrative', { ...options, insecureHttp: true }, undefined, deps)
}

/**
 * Serves services that run beside this one: asks for a client certificate, and tells the handler which it was. Any
 * certificate passes TLS, which proves that the client has its key; whose it is, the handler knows.
 */
export function startServicesListener(
  options: ListenerOptions & { readonly tls: TlsOptions },
  handler: WireHandler,
  deps: ListenerDeps,
): Promise<Listener> {
  return openListener('services', options, handler, deps)
}

async function openListener(
  kind: ListenerKind,
  options: ListenerOptions,
  handler: WireHandler | undefined,
  deps: ListenerDeps,
): Promise<Listener> {
  const { log, metrics, clock } = deps
  const limits = { ...DEFAULT_LIMITS, ...options.limits }
  const trustedProxies = addressSet(options.trustedProxies ?? [])
  const limitedLog = createRateLimitedLog(log, { clock })
  const connections = createConnections()
  const turnedAway = new Set<Socket>()
  let stopping = false
  let loopback = false

  const { http, certificate } = await createServer(kind, options.tls, limits, deps)
  const exchange = createExchange({
    ...deps,
    handler: handler ?? nothingHere,
    limits,
    connections,
    trustedProxies,
    exposure: () => ({ listener: kind === 'administrative' ? kind : 'main', loopback }),
    originOf: (connection) => originOf(kind, options, connection),
    stopping: () => stopping,
  })
  http.on('request', (request: ApiRequest, response: ServerResponse) => {
    exchange(request, response, false)
  })
  http.on('checkContinue', (request: ApiRequest, response: ServerResponse) => {
    exchange(request, response, true)
  })
  http.on('checkExpectation', (request: ApiRequest) => {
    endWith('expectation', request.socket)
  })
  // CONNECT asks for a tunnel, and node:http lets go of the socket.
  http.on('connect', (_: ApiRequest, socket: Duplex) => {
    endWith('method', socket)
  })
  http.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
    const refusal = refusalOfParser(error.code)
    if (!refusal) {
      // The client went away, or TLS failed; neither can be answered.
      if (!connections.of(socket)) metrics.httpRejected('tls_handshake')
      socket.destroy()
      return
    }
    if (connections.of(socket)?.broken !== true) {
      limitedLog.warn(
        refusal,
        { code: error.code, source: connections.of(socket)?.source },
        'refused a request',
      )
    }
    endWith(refusal, socket)
  })

  /** Answers what is not a request that the exchange could take, after the answers before it, and closes. */
  function endWith(refusal: Refusal & HttpRejection, socket: Duplex): void {
    const connection = connections.of(socket)
    if (!connection || connection.broken) {
      if (!connection) socket.destroy()
      return
    }
    connection.broken = true
    metrics.httpRejected(refusal)
    const finish = () => {
      // Something already answered for the connection as a whole; a second answer would only confuse.
      if (connection.closing || !socket.writable) socket.destroy()
      else socket.end(rawAnswer(refusal))
      const timer = setTimeout(() => connection.raw.destroy(), limits.lingerMs)
      connection.raw.once('close', () => {
        clearTimeout(timer)
      })
    }
    if (connection.answering > 0) connection.onAnswered = finish
    else finish()
  }

  const gate = createTcpServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    // Errors end in 'close'; who resets a connection is no news.
    socket.on('error', () => {})
    if (socket.remoteAddress === undefined) {
      socket.destroy()
      return
    }
    if (connections.size >= limits.connections) {
      metrics.httpRejected('too_many_connections')
      turnedAway.add(socket)
      socket.once('close', () => turnedAway.delete(socket))
      turnAway(socket, options.tls !== undefined, limits.lingerMs)
      return
    }
    const connection = newConnection(socket, canonicalAddress(socket.remoteAddress))
    connections.add(connection)
    metrics.connections(1)
    socket.once('close', () => {
      metrics.connections(-1)
    })
    if (options.proxyProtocol === true && trustedProxies(connection.peer)) {
      readProxyHeader(socket, limits.proxyHeaderMs, (header) => {
        if (!header) {
          metrics.httpRejected('proxy_protocol')
          limitedLog.warn(
            'proxy_protocol',
            { peer: connection.peer },
            'closed a connection without a PROXY header',
          )
          return
        }
        connection.source = header.source ?? connection.peer
        connection.named = header.source !== undefined
        handOver(connection)
      })
    } else {
      handOver(connection)
    }
  })
  gate.maxConnections = limits.connections + REFUSED_AT_ONCE
  gate.on('drop', () => {
    metrics.httpRejected('too_many_connections')
  })

  function handOver(connection: Connection): void {
    if (!options.tls) connections.bind(connection.raw, connection)
    http.emit('connection', connection.raw)
  }
  http.prependListener('secureConnection', (socket: TLSSocket) => {
    const connection = connections.ofTcp(socket)
    if (!connection) {
      socket.destroy()
      return
    }
    connection.tls = { version: socket.getProtocol() ?? '', cipherSuite: socket.getCipher().name }
    const shown = kind === 'services' ? socket.getPeerX509Certificate() : undefined
    if (shown !== undefined) {
      connection.certificateFingerprint = shown.fingerprint256.replaceAll(':', '').toLowerCase()
    }
    connections.bind(socket, connection)
  })

  let address: AddressInfo
  try {
    address = await listen(gate, options.host, options.port)
    loopback = isLoopbackAddress(canonicalAddress(address.address))
    // A name is judged by what it turned out to mean.
    requireSafeAddress({
      host: address.address,
      tls: options.tls !== undefined,
      insecureHttp: options.insecureHttp ?? false,
    })
  } catch (error) {
    certificate?.close()
    gate.close()
    throw error
  }
  gate.on('error', (error) => {
    log.error({ err: error }, 'the listener failed to accept a connection')
  })
  // node:http starts enforcing header and request times when it listens. Here the gate listens for it.
  http.emit('listening')

  let stopped: Promise<void> | undefined
  return {
    endpoint: `${options.tls ? 'https' : 'http'}://${urlHost(options.host, address.port)}`,
    port: address.port,
    reloadTls: () => certificate?.reload() ?? Promise.resolve(false),
    stop: (graceMs = 8000) =>
      (stopped ??= new Promise<void>((resolve) => {
        stopping = true
        certificate?.close()
        const cut = setTimeout(
          () => {
            for (const connection of connections) connection.raw.destroy()
          },
          Math.min(Math.max(graceMs, 0), LONGEST_GRACE_MS),
        )
        gate.close(() => {
          clearTimeout(cut)
          http.close(() => {})
          resolve()
        })
        for (const connection of connections) {
          if (connection.open === 0) connection.raw.destroy()
        }
        for (const socket of turnedAway) socket.destroy()
      })),
  }
}

/** What an administrative listener answers outside `/-/`. */
const nothingHere: WireHandler = () =>
  Promise.resolve({
    status: 404,
    contentType: 'application/json',
    requestId: randomUUID(),
    body: '{"message":"This listener serves only /-/health, /-/ready and /-/metrics."}\n',
  })

/** What a request is told of the way that it came. */
function originOf(
  kind: ListenerKind,
  { endpoint }: ListenerOptions,
  { certificateFingerprint }: Connection,
): RequestOrigin {
  if (kind === 'services') return { serviceConnection: { certificateFingerprint } }
  return endpoint === undefined ? {} : { endpoint }
}

async function createServer(
  kind: ListenerKind,
  tls: TlsOptions | undefined,
  limits: HttpLimits,
  deps: ListenerDeps,
): Promise<{ http: Server | HttpsServer; certificate?: CertificateFiles }> {
  const settings = {
    IncomingMessage: ApiRequest,
    maxHeaderSize: limits.headerBytes,
    headersTimeout: limits.headerMs,
    requestTimeout: limits.requestMs,
    keepAliveTimeout: limits.idleMs,
    // Added to what the Keep-Alive header promises, for a request that is already on its way.
    keepAliveTimeoutBuffer: Math.min(1000, limits.idleMs),
    connectionsCheckingInterval: Math.max(10, Math.min(1000, Math.floor(limits.headerMs / 4))),
    insecureHTTPParser: false,
    // A missing Host is refused by the exchange, whose answer has a request id.
    requireHostHeader: false,
  }
  if (!tls) return { http: tuned(createHttpServer(settings), limits) }
  const certificate = await watchCertificateFiles(
    tls,
    (next) => {
      server.setSecureContext(next)
    },
    deps,
  )
  const server = createHttpsServer({
    ...settings,
    ...certificate.current,
    ALPNProtocols: ['http/1.1'],
    handshakeTimeout: limits.tlsHandshakeMs,
    allowHalfOpen: true,
    // Which certificates are known is no question of authorities: they are registered one by one.
    ...(kind === 'services' && { requestCert: true, rejectUnauthorized: false }),
  })
  return { http: tuned(server, limits), certificate }
}

function tuned<T extends Server | HttpsServer>(server: T, limits: HttpLimits): T {
  server.timeout = limits.stallMs
  // By default fields beyond the two thousandth vanish silently, and with them what was signed.
  server.maxHeadersCount = 0
  // A client that has sent its request and closed its side still gets its answer.
  Object.assign(server, { httpAllowHalfOpen: true })
  return server
}

function listen(gate: TcpServer, host: string, port: number): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    gate.once('error', (error) => {
      reject(listenFailure(error, host, port))
    })
    gate.listen({ host, port, backlog: 1024 }, () => {
      gate.removeAllListeners('error')
      resolve(gate.address() as AddressInfo)
    })
  })
}

function refusalOfParser(code: string | undefined): (Refusal & HttpRejection) | undefined {
  if (code === 'HPE_HEADER_OVERFLOW') return 'header_too_large'
  if (code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW') return 'body_too_large'
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 'timeout'
  return code?.startsWith('HPE_') === true ? 'malformed_request' : undefined
}

/** One connection too many is told so, in plain HTTP; before a TLS handshake there is no way to say it. */
function turnAway(socket: Socket, tls: boolean, lingerMs: number): void {
  if (tls) {
    socket.destroy()
    return
  }
  socket.end(rawAnswer('too_many_connections'))
  socket.resume()
  const timer = setTimeout(() => socket.destroy(), lingerMs)
  socket.once('close', () => {
    clearTimeout(timer)
  })
}
