import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import { constants } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { Clock } from '../clock.ts'
import type { Log } from '../telemetry/log.ts'
import { createRateLimitedLog } from '../telemetry/rate-limited-log.ts'
import { certificateFingerprint, RegionLinkError } from './identity-file.ts'
import type { LinkIdentity } from './link-identity.ts'
import {
  answerTo,
  MESSAGE_PATH,
  MessageError,
  MOST_MESSAGE_BYTES,
  readMessage,
  SIGNATURE_HEADER,
  writeMessage,
  type Message,
} from './messages.ts'
import type { RegionLink } from './region-links.ts'

export interface LinkListener {
  /** `https://host:port`, with the port that was picked. */
  readonly url: string
  stop(): Promise<void>
}

/** What a message of a linked deployment is answered with. */
export type AnswerMessage = (link: RegionLink, message: Message) => Promise<Message['body']>

const MOST_CONNECTIONS = 64
const MOST_AT_ONCE = 16
// The rest is for the others, whatever one of them does.
const MOST_CONNECTIONS_OF_ONE = 48
const MOST_AT_ONCE_OF_ONE = 12
const HANDSHAKE_MS = 10_000
const HEADER_MS = 10_000
const REQUEST_MS = 30_000
const IDLE_MS = 5_000
const HEADER_BYTES = 8_192
const GRACE_MS = 5_000

/**
 * Listens for linked deployments, and for nobody else: TLS 1.3, and a client certificate that is one of theirs. Who
 * shows another one, or none, is cut off before anything of its request is read but the header.
 *
 * @throws RegionLinkError when the address cannot be listened on
 */
export async function startLinkListener(parts: {
  listen: { readonly host: string; readonly port: number }
  identity: LinkIdentity
  linkOf: (certificateFingerprint: string) => Promise<RegionLink | undefined>
  answer: AnswerMessage
  log: Log
  clock: Clock
}): Promise<LinkListener> {
  const { listen, identity, linkOf, answer, log, clock } = parts
  const limited = createRateLimitedLog(log, { clock })
  const connected = countedByLink(MOST_CONNECTIONS_OF_ONE)
  const asking = countedByLink(MOST_AT_ONCE_OF_ONE)
  let underWay = 0
  let stopping = false

  const server = createServer({
    cert: identity.certificate.toString(),
    key: identity.privateKey.export({ type: 'pkcs8', format: 'pem' }),
    minVersion: 'TLSv1.3',
    ecdhCurve: 'X25519MLKEM768/X25519:P-256:P-384',
    secureOptions: constants.SSL_OP_NO_TICKET,
    requestCert: true,
    // No authority vouches for linked deployments: the certificate itself is looked up.
    rejectUnauthorized: false,
    handshakeTimeout: HANDSHAKE_MS,
    headersTimeout: HEADER_MS,
    requestTimeout: REQUEST_MS,
    keepAliveTimeout: IDLE_MS,
    maxHeaderSize: HEADER_BYTES,
    connectionsCheckingInterval: 5_000,
  })
  server.maxConnections = MOST_CONNECTIONS
  server.on('secureConnection', (socket) => {
    // Strangers hold no connection that a linked deployment could use.
    linkOfSocket(socket).then(
      (link) => {
        if (link === undefined) return turnAway(socket)
        const leave = connected.enter(link.deploymentId)
        if (leave === undefined) socket.destroy()
        else if (socket.closed) leave()
        else socket.once('close', leave)
      },
      () => socket.destroy(),
    )
  })
  server.on('tlsClientError', (_error, socket) => {
    socket.destroy()
  })
  server.on('clientError', (_error, socket) => {
    socket.destroy()
  })
  server.on('request', (request, response) => {
    if (underWay >= MOST_AT_ONCE || stopping) {
      response.writeHead(503, { connection: 'close' }).end()
      return
    }
    underWay++
    void serve(request, response)
      .catch((error: unknown) => {
        const refused = error instanceof MessageError
        limited.warn(
          'link message',
          refused ? { reason: error.message } : { err: error },
          refused ? 'a message to the link listener was refused' : 'a message of a linked deployment failed',
        )
        if (response.headersSent || response.destroyed) response.destroy()
        else response.writeHead(refused ? 400 : 500, { connection: 'close' }).end()
      })
      .finally(() => {
        underWay--
      })
  })

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const link = await linkOfSocket(request.socket as TLSSocket)
    if (link === undefined) {
      turnAway(request.socket as TLSSocket)
      return
    }
    const leave = asking.enter(link.deploymentId)
    if (leave === undefined) {
      response.writeHead(503, { connection: 'close' }).end()
      return
    }
    try {
      await hear(link, request, response)
    } finally {
      leave()
    }
  }

  async function hear(link: RegionLink, request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method !== 'POST' || request.url !== MESSAGE_PATH) {
      response.writeHead(404, { connection: 'close' }).end()
      return
    }
    const body = await bodyOf(request)
    if (body === undefined) {
      response.writeHead(413, { connection: 'close' }).end()
      return
    }
    const message = readMessage(body, request.headers[SIGNATURE_HEADER], {
      from: link.deploymentId,
      to: identity.deploymentId,
      publicKey: link.identity.certificate.publicKey,
    })
    const answered = answerTo(message, await answer(link, message))
    const { bytes, signature } = writeMessage(answered, identity.privateKey, body)
    response
      .writeHead(200, {
        'content-type': 'application/json',
        'content-length': bytes.length,
        [SIGNATURE_HEADER]: signature,
      })
      .end(bytes)
  }

  function turnAway(socket: TLSSocket): void {
    if (socket.destroyed) return
    socket.destroy()
    limited.warn('link certificate', {}, 'a client that is not linked was turned away by the link listener')
  }

  /** Asked with every request: a link that was taken away ends on open connections, too. */
  async function linkOfSocket(socket: TLSSocket): Promise<RegionLink | undefined> {
    const certificate = socket.getPeerX509Certificate()
    if (certificate === undefined || certificate.validToDate.getTime() <= clock.now()) return undefined
    return await linkOf(certificateFingerprint(certificate))
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      reject(
        new RegionLinkError(
          `linkListen: ${listen.host}:${listen.port} cannot be listened on (${cause.code})`,
          {
            cause,
          },
        ),
      )
    })
    server.listen({ ...listen }, resolve)
  })
  const { port } = server.address() as AddressInfo
  const host = listen.host.includes(':') ? `[${listen.host}]` : listen.host
  return {
    url: `https://${host}:${port}`,
    async stop() {
      stopping = true
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeIdleConnections()
      const cut = setTimeout(() => {
        server.closeAllConnections()
      }, GRACE_MS)
      await closed
      clearTimeout(cut)
    },
  }
}

/** Counts by deployment; whoever comes in gets what lets it out, or nothing when there are as many as there may be. */
function countedByLink(most: number): { enter(deploymentId: string): (() => void) | undefined } {
  const counts = new Map<string, number>()
  return {
    enter(deploymentId) {
      const count = counts.get(deploymentId) ?? 0
      if (count >= most) return undefined
      counts.set(deploymentId, count + 1)
      return () => {
        const left = (counts.get(deploymentId) ?? 1) - 1
        if (left === 0) counts.delete(deploymentId)
        else counts.set(deploymentId, left)
      }
    },
  }
}

/** Undefined when it is longer than a message can be. */
async function bodyOf(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = []
  let lengthBytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    lengthBytes += chunk.length
    if (lengthBytes > MOST_MESSAGE_BYTES) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
