import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'

/** One client's connection, from accept to close. */
export interface Connection {
  /** The TCP socket, below TLS. */
  readonly raw: Socket
  /** The address of the socket's other end. */
  readonly peer: string
  /** The client: the peer, or whom a configured proxy named with the PROXY protocol. */
  source: string
  named: boolean
  tls?: { readonly version: string; readonly cipherSuite: string }
  /** SHA-256 of the client certificate's DER in hex, where one was asked for and shown. */
  certificateFingerprint?: string
  /** Requests whose answer has not been written completely. */
  open: number
  /** Those of them that the handler has; the others are still being received. */
  answering: number
  /** The last answer is decided; requests that follow it are ignored. */
  closing: boolean
  /** What came in is no HTTP; nothing more will be read. */
  broken: boolean
  /** Called when the handler's last answer has left. */
  onAnswered?: () => void
}

export function newConnection(raw: Socket, peer: string): Connection {
  return {
    raw,
    peer,
    source: peer,
    named: false,
    open: 0,
    answering: 0,
    closing: false,
    broken: false,
  }
}

/**
 * The open connections of a listener. A TLS socket does not say which TCP socket it runs over, so it
 * is found by the four numbers that make a TCP connection unique.
 */
export interface Connections {
  readonly size: number
  add(connection: Connection): void
  /** Makes the socket that node:http sees known: the TCP socket itself, or the TLS socket above it. */
  bind(socket: Duplex, connection: Connection): void
  ofTcp(socket: TLSSocket): Connection | undefined
  of(socket: Duplex): Connection | undefined
  [Symbol.iterator](): Iterator<Connection>
}

export function createConnections(): Connections {
  const open = new Map<string, Connection>()
  const bySocket = new WeakMap<Duplex, Connection>()
  return {
    get size() {
      return open.size
    },
    add(connection) {
      const key = tcpKey(connection.raw)
      open.set(key, connection)
      connection.raw.once('close', () => {
        if (open.get(key) === connection) open.delete(key)
      })
    },
    bind(socket, connection) {
      bySocket.set(socket, connection)
    },
    ofTcp: (socket) => open.get(tcpKey(socket)),
    of: (socket) => bySocket.get(socket),
    [Symbol.iterator]: () => open.values(),
  }
}

function tcpKey(socket: Socket): string {
  return `${socket.remoteAddress}|${socket.remotePort}|${socket.localAddress}|${socket.localPort}`
}
