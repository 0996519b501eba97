/** What one client, and all of them together, may ask of a listener. Times in milliseconds. */
export interface HttpLimits {
  /** Request line and header fields together. */
  readonly headerBytes: number
  readonly bodyBytes: number
  /** From the first byte of a request, or from connecting, to the end of its header. */
  readonly headerMs: number
  /** From the first byte of a request to the end of its body. */
  readonly requestMs: number
  /** How long a connection may rest between requests. */
  readonly idleMs: number
  /** Without a byte in either direction, an unread answer for example. */
  readonly stallMs: number
  /** How long a client that was refused may keep sending before it is cut off. */
  readonly lingerMs: number
  readonly proxyHeaderMs: number
  readonly tlsHandshakeMs: number
  readonly connections: number
  /** Handed to the handler and not yet ended, of all connections together. */
  readonly requestsInProgress: number
  /** Requests with bodies of unusual length (above 64 KiB) at one time: each may hold `bodyBytes` of memory until its answer. */
  readonly longBodies: number
  /** Of one connection: a client that pipelines more is read more slowly. */
  readonly pipelinedRequests: number
}

export const DEFAULT_LIMITS: HttpLimits = {
  headerBytes: 16 * 1024,
  bodyBytes: 1024 * 1024,
  headerMs: 10_000,
  requestMs: 30_000,
  // Longer than the 60 s for which load balancers commonly keep a connection: the side that closes
  // first decides whether a request can meet a closed door.
  idleMs: 75_000,
  stallMs: 120_000,
  lingerMs: 2000,
  proxyHeaderMs: 5000,
  tlsHandshakeMs: 10_000,
  connections: 10_000,
  requestsInProgress: 4096,
  longBodies: 128,
  pipelinedRequests: 32,
}
