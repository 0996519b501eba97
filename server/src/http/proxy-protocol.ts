import type { Socket } from 'node:net'
import { canonicalAddress } from './source-address.ts'

/**
 * PROXY protocol version 2, the header with which a load balancer names its client.
 * @see haproxy.org/download/3.2/doc/proxy-protocol.txt, section 2.2
 */
const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1')
const FIXED_BYTES = 16
// Addresses take 36 bytes, the rest are extensions (TLS facts, a VPC endpoint id) that we do not read.
const LONGEST_BYTES = 4096

export type ProxyHeader =
  | { readonly state: 'incomplete' }
  | { readonly state: 'malformed' }
  /** `source` is absent when the proxy speaks for itself (a health check) or names no address. */
  | { readonly state: 'complete'; readonly lengthBytes: number; readonly source?: string }

const MALFORMED = { state: 'malformed' } as const
const INCOMPLETE = { state: 'incomplete' } as const

/** Reads the header at the start of `bytes`; version 1 and everything else is malformed. */
export function parseProxyHeader(bytes: Buffer): ProxyHeader {
  const begun = Math.min(bytes.length, SIGNATURE.length)
  if (bytes.compare(SIGNATURE, 0, begun, 0, begun) !== 0) return MALFORMED
  if (bytes.length < FIXED_BYTES) return INCOMPLETE

  const command = bytes.readUInt8(12)
  const family = bytes.readUInt8(13)
  const addressBytes = bytes.readUInt16BE(14)
  const lengthBytes = FIXED_BYTES + addressBytes
  if (lengthBytes > LONGEST_BYTES) return MALFORMED
  if (command !== 0x20 && command !== 0x21) return MALFORMED
  if (bytes.length < lengthBytes) return INCOMPLETE

  // LOCAL: the connection is the proxy's own, whatever else the header says.
  if (command === 0x20) return { state: 'complete', lengthBytes }
  switch (family) {
    case 0x00:
      return { state: 'complete', lengthBytes }
    case 0x11:
      if (addressBytes < 12) return MALFORMED
      return { state: 'complete', lengthBytes, source: bytes.subarray(16, 20).join('.') }
    case 0x21:
      if (addressBytes < 36) return MALFORMED
      return { state: 'complete', lengthBytes, source: ipv6Text(bytes.subarray(16, 32)) }
    default:
      return MALFORMED
  }
}

function ipv6Text(bytes: Buffer): string {
  const groups: string[] = []
  for (let i = 0; i < 16; i += 2) groups.push(bytes.readUInt16BE(i).toString(16))
  return canonicalAddress(groups.join(':'))
}

/**
 * Takes the header off a new connection and leaves every later byte in the socket, for the server that
 * reads it next. Calls back once: with the header, or with undefined when it was malformed, late, or
 * the peer went away; the socket is then destroyed.
 */
export function readProxyHeader(
  socket: Socket,
  timeoutMs: number,
  done: (header: Extract<ProxyHeader, { state: 'complete' }> | undefined) => void,
): void {
  let received: Buffer = Buffer.alloc(0)
  const finish = (header: Extract<ProxyHeader, { state: 'complete' }> | undefined) => {
    clearTimeout(timer)
    socket.off('readable', read)
    socket.off('end', fail)
    socket.off('close', fail)
    if (header && received.length > header.lengthBytes) {
      socket.unshift(received.subarray(header.lengthBytes))
    }
    if (!header) socket.destroy()
    done(header)
  }
  const fail = () => {
    finish(undefined)
  }
  const read = () => {
    for (;;) {
      const chunk = socket.read() as Buffer | null
      if (chunk === null) return
      received = received.length === 0 ? chunk : Buffer.concat([received, chunk])
      const header = parseProxyHeader(received)
      if (header.state === 'incomplete') continue
      finish(header.state === 'complete' ? header : undefined)
      return
    }
  }
  const timer = setTimeout(fail, timeoutMs)
  socket.on('readable', read)
  socket.on('end', fail)
  socket.on('close', fail)
}
