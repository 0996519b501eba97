import type { PrivateEndpoint } from '../identity/request-facts.ts'

/** A request as it came in, and the answer to it: bytes, and headers exactly as they were sent. */
export interface WireRequest {
  readonly method: string
  /** The request target as sent: path and query, undecoded. */
  readonly target: string
  /** Name, value, name, value …: order, case and repetition as sent (Node's `rawHeaders`). */
  readonly rawHeaders: readonly string[]
  readonly body: Buffer
  /** Of the socket, or of the client that a configured proxy names. */
  readonly sourceIp: string
  /** Absent on plain HTTP. */
  readonly tls?: { readonly version: string; readonly cipherSuite: string; readonly host?: string }
  /** A configured proxy says that the client spoke TLS with it. */
  readonly overTls?: true
  /** The private endpoint that it came through. */
  readonly endpoint?: PrivateEndpoint
  /** Present when it came through the listener for services. */
  readonly serviceConnection?: ServiceConnection
}

/** What TLS says of a client on the listener for services. */
export interface ServiceConnection {
  /** SHA-256 of the client certificate's DER in hex; undefined when it showed none. */
  readonly certificateFingerprint: string | undefined
}

export interface WireResponse {
  readonly status: number
  readonly contentType: string
  readonly requestId: string
  readonly body: string
  /** Becomes the header `x-amzn-ErrorType`. */
  readonly errorType?: string
}

/** Never rejects: what goes wrong is an answer too. */
export type WireHandler = (request: WireRequest) => Promise<WireResponse>
