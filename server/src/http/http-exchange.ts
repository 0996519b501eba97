import { randomUUID } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { HttpRejection, Metrics } from '../telemetry/metrics.ts'
import type { Log } from '../telemetry/log.ts'
import type { WireHandler, WireRequest, WireResponse } from '../wire/http-message.ts'
import type { ApiRequest } from './api-request.ts'
import type { Connection, Connections } from './connections.ts'
import {
  answerInternal,
  isInternalPath,
  type Exposure,
  type InternalEndpoints,
} from './internal-endpoints.ts'
import type { HttpLimits } from './limits.ts'
import { JSON_CONTENT_TYPE, REFUSALS, refusalBody, type Refusal } from './raw-answer.ts'
import { forwardedOverTls, forwardedSource, isLoopbackAddress, type AddressSet } from './source-address.ts'

export interface ExchangeDeps extends InternalEndpoints {
  readonly handler: WireHandler
  readonly limits: HttpLimits
  readonly connections: Connections
  readonly trustedProxies: AddressSet
  readonly exposure: () => Exposure
  readonly originOf: (connection: Connection) => RequestOrigin
  readonly stopping: () => boolean
  readonly metrics: Metrics
  readonly log: Log
}

/** Of which listener and connection a request is, where that decides something. */
export type RequestOrigin = Pick<WireRequest, 'endpoint' | 'serviceConnection'>

/** One request: its bytes within the limits, the handler's or an internal answer, its bytes. */
export type Exchange = (request: ApiRequest, response: ServerResponse, expectsContinue: boolean) => void

export function createExchange(deps: ExchangeDeps): Exchange {
  const { handler, limits, connections, trustedProxies, metrics, log } = deps
  // Counted until the handler has ended, whether or not its client is still there. A request that is
  // only being received does not count: otherwise slow clients could use up everyone's share.
  let handled = 0
  let longBodies = 0

  return (request, response, expectsContinue) => {
    const connection = connections.of(request.socket)
    // An answer that ends the connection is on its way: nobody would ever see what this one does.
    if (!connection || connection.closing || connection.broken) {
      request.resume()
      return
    }
    connection.open++
    let answering = false
    let long = false
    const releaseLong = () => {
      if (long) longBodies--
      long = false
    }
    // Emitted once; `on` spares what `once` would wrap around it.
    response.on('close', () => {
      connection.open--
      releaseLong()
      if (answering) answered(connection, request.socket)
      // Its answer left before the stop was asked for, so it did not say that it was the last.
      if (deps.stopping() && connection.open === 0) request.socket.destroySoon()
    })

    const refusal = refusalOf(request)
    if (refusal) {
      refuse(refusal, connection, request, response)
      return
    }
    // The client waits for this before it sends the body; one that is too large it need not send at all.
    if (expectsContinue) response.writeContinue()

    request.collectBody(limits.bodyBytes, {
      done(body) {
        // It is held until the answer is written: the request may have to be decided again, or wait for its turn.
        if (connection.broken) return
        answering = true
        connection.answering++
        if (connection.answering >= limits.pipelinedRequests) request.socket.pause()
        handled++
        void handle(connection, request, response, body)
      },
      mayBeLong() {
        long = longBodies < limits.longBodies
        if (long) longBodies++
        else refuse('too_many_requests', connection, request, response)
        return long
      },
      tooLarge() {
        releaseLong()
        refuse('body_too_large', connection, request, response)
      },
    })
  }

  /** Never rejects. */
  async function handle(
    connection: Connection,
    request: ApiRequest,
    response: ServerResponse,
    body: Buffer,
  ): Promise<void> {
    try {
      await answer(connection, request, response, body)
    } catch (error) {
      log.error({ err: error }, 'a request ended without an answer')
      if (response.headersSent) request.socket.destroy()
      else write(connection, request, response, internalError())
    } finally {
      handled--
    }
  }

  function refusalOf(request: ApiRequest): (Refusal & HttpRejection) | undefined {
    const { hosts, bodyBytes } = request.framing
    // HTTP/1.1 wants exactly one Host (RFC 9112 section 3.2); two are a way to make a proxy and us disagree.
    if (hosts !== 1 && !(hosts === 0 && request.httpVersionMinor === 0)) return 'malformed_request'
    if (handled >= limits.requestsInProgress) return 'too_many_requests'
    return bodyBytes > limits.bodyBytes ? 'body_too_large' : undefined
  }

  function answered(connection: Connection, socket: Socket): void {
    connection.answering--
    if (connection.answering === limits.pipelinedRequests - 1) socket.resume()
    if (connection.answering === 0) connection.onAnswered?.()
  }

  async function answer(
    connection: Connection,
    request: ApiRequest,
    response: ServerResponse,
    body: Buffer,
  ): Promise<void> {
    const target = request.url ?? ''
    // On the listener for services the paths below `/-/` are the handler's, too.
    if (isInternalPath(target) && !(connection.tls && deps.originOf(connection).serviceConnection)) {
      const internal = await answerInternal(
        {
          method: request.method ?? '',
          target,
          headers: request.fields,
          fromThisMachine:
            isLoopbackAddress(connection.peer) && !connection.named && !trustedProxies(connection.peer),
        },
        deps.exposure(),
        deps,
      )
      write(connection, request, response, { ...internal, requestId: randomUUID() })
      return
    }
    write(connection, request, response, await handler(wireRequest(connection, request, target, body)))
  }

  function wireRequest(
    connection: Connection,
    request: ApiRequest,
    target: string,
    body: Buffer,
  ): WireRequest {
    const { source, tls } = connection
    const message = {
      ...deps.originOf(connection),
      method: request.method ?? '',
      target,
      rawHeaders: request.rawHeaders,
      body,
      sourceIp: forwardedSource(source, request.rawHeaders, trustedProxies),
    }
    if (!tls) {
      return forwardedOverTls(connection.peer, request.rawHeaders, trustedProxies)
        ? { ...message, overTls: true }
        : message
    }
    const host = request.fields.host
    return { ...message, tls: host === undefined ? tls : { ...tls, host } }
  }

  function write(
    connection: Connection,
    request: ApiRequest,
    response: ServerResponse,
    { status, contentType, requestId, body, errorType }: WireResponse,
  ): void {
    if (response.destroyed || !request.socket.writable) return
    const lengthBytes = Buffer.byteLength(body)
    const headers = [
      'x-amzn-RequestId',
      requestId,
      'Content-Type',
      contentType,
      'Content-Length',
      String(lengthBytes),
    ]
    if (errorType !== undefined) headers.push('x-amzn-ErrorType', errorType)
    if (deps.stopping()) {
      connection.closing = true
      headers.push('Connection', 'close')
    }
    // Header and body leave in one write, since the body is a string.
    response.writeHead(status, headers)
    // Nearly every answer is ASCII, which needs no encoding.
    response.end(body, lengthBytes === body.length ? 'latin1' : 'utf8')
  }

  /**
   * Refuses a request whose body has not been read, and ends the connection. What the client is still
   * sending is read and thrown away for a while: closing at once would reset the connection, and
   * the client might never see why.
   */
  function refuse(
    refusal: Refusal & HttpRejection,
    connection: Connection,
    request: ApiRequest,
    response: ServerResponse,
  ): void {
    metrics.httpRejected(refusal)
    connection.closing = true
    const body = refusalBody(refusal)
    response.writeHead(REFUSALS[refusal][0], [
      'x-amzn-RequestId',
      randomUUID(),
      'Content-Type',
      JSON_CONTENT_TYPE,
      'Content-Length',
      String(body.length),
      'Connection',
      'close',
    ])
    // The answer is complete for the client with its last byte; node:http closes only after end().
    response.write(body)
    const end = () => {
      clearTimeout(timer)
      response.end()
    }
    const timer = setTimeout(end, limits.lingerMs)
    request.once('end', end)
    request.once('close', end)
    request.resume()
  }
}

function internalError(): WireResponse {
  return {
    status: REFUSALS.failed[0],
    contentType: JSON_CONTENT_TYPE,
    requestId: randomUUID(),
    body: refusalBody('failed'),
  }
}
