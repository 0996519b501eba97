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
}

export interface WireResponse {
  readonly status: number
  readonly contentType: string
  readonly requestId: string
  readonly body: string
}

/** Never rejects: what goes wrong is an answer too. */
export type WireHandler = (request: WireRequest) => Promise<WireResponse>
