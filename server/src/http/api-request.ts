import { IncomingMessage, type IncomingHttpHeaders } from 'node:http'

const EMPTY = Buffer.alloc(0)
// The longest ordinary request is a key policy of 32 KiB with its quotation marks escaped.
const ORDINARY_BYTES = 64 * 1024

export interface BodyOutcome {
  done(body: Buffer): void
  /** Asked once when a body turns out to be of unusual length; false gives it up. */
  mayBeLong(): boolean
  /** The body is longer than the limit; its remaining bytes are thrown away. */
  tooLarge(): void
}

/** What the header fields say about the request's own form. */
export interface Framing {
  /** How many Host fields there are. */
  readonly hosts: number
  /** The declared length. The parser has refused a Content-Length that is no number or differs from another one. */
  readonly bodyBytes: number
  readonly expects: boolean
}

const HOST = 'host'
const CONTENT_LENGTH = 'content-length'
const EXPECT = 'expect'

const nothingExpected = Object.freeze({})

const allHeaders = getterOf<IncomingHttpHeaders>(IncomingMessage.prototype, 'headers')
const hasEnded = getterOf<boolean>(IncomingMessage.prototype, 'readableEnded')

/**
 * A request that takes its body from node:http's parser as it comes, and makes no object of all header fields that nobody
 * asks for. As a stream a request costs its events, their ticks and its own destruction, which together with those
 * headers is as much as checking a signature (bench/encrypt.ts, Node 26.10, 2026-11).
 */
export class ApiRequest extends IncomingMessage {
  /** Of its fields node:http itself asks only for Expect, without `requireHostHeader`; for others there is `fields`. */
  declare readonly headers: { readonly expect?: string }
  /** node:http drains a request that nobody has begun to read. */
  declare protected _consuming: boolean
  #framing: Framing | undefined
  #body: CollectedBody | undefined
  #whole = false

  static {
    Object.defineProperties(this.prototype, {
      headers: {
        get(this: ApiRequest) {
          return this.framing.expects ? this.fields : nothingExpected
        },
      },
      // What holds the parser to this request is let go of once it has ended.
      readableEnded: {
        get(this: ApiRequest) {
          return this.#whole || hasEnded(this)
        },
      },
    })
  }

  /** All header fields by lower-case name. */
  get fields(): IncomingHttpHeaders {
    return allHeaders(this)
  }

  get framing(): Framing {
    return (this.#framing ??= framingOf(this.rawHeaders))
  }

  /**
   * Collects the body into one Buffer, from now on; to be called before any of it has come. Neither `done` nor
   * `tooLarge` is called when the client goes away. A body that was given up can be read and thrown away as a stream.
   */
  collectBody(limitBytes: number, outcome: BodyOutcome): void {
    this._consuming = true
    this.#body = new CollectedBody(limitBytes, outcome)
  }

  /** Called by the parser with each part of the body, and with null at its end. */
  override push(chunk: Buffer | null, encoding?: BufferEncoding): boolean {
    const body = this.#body
    if (body === undefined) return super.push(chunk, encoding)
    if (chunk !== null) {
      if (!body.add(chunk)) this.#body = undefined
    } else {
      this.#body = undefined
      this.#whole = true
      // The parser makes the socket flow again when this returns; whoever pauses it must come later.
      process.nextTick(end, body)
    }
    return true
  }
}

/**
 * The chunk itself, uncopied, when there is only one. Later chunks are copied into a buffer that doubles, so a body sent
 * byte by byte costs no more memory than another.
 */
class CollectedBody {
  readonly #limitBytes: number
  readonly #outcome: BodyOutcome
  #bytes: Buffer = EMPTY
  #lengthBytes = 0

  constructor(limitBytes: number, outcome: BodyOutcome) {
    this.#limitBytes = limitBytes
    this.#outcome = outcome
  }

  /** False when it was given up. */
  add(chunk: Buffer): boolean {
    const lengthBytes = this.#lengthBytes
    const wanted = lengthBytes + chunk.length
    if (wanted > this.#limitBytes) {
      this.#outcome.tooLarge()
      return false
    }
    if (wanted > ORDINARY_BYTES && lengthBytes <= ORDINARY_BYTES && !this.#outcome.mayBeLong()) return false
    if (lengthBytes === 0) {
      this.#bytes = chunk
    } else {
      if (wanted > this.#bytes.length) this.#grow(wanted)
      chunk.copy(this.#bytes, lengthBytes)
    }
    this.#lengthBytes = wanted
    return true
  }

  #grow(wantedBytes: number): void {
    const size = Math.min(this.#limitBytes, Math.max(wantedBytes, 2 * this.#bytes.length))
    const larger = Buffer.allocUnsafeSlow(size)
    this.#bytes.copy(larger, 0, 0, this.#lengthBytes)
    this.#bytes = larger
  }

  end(): void {
    const bytes = this.#bytes
    const lengthBytes = this.#lengthBytes
    this.#outcome.done(lengthBytes === bytes.length ? bytes : bytes.subarray(0, lengthBytes))
  }
}

function end(body: CollectedBody): void {
  body.end()
}

function framingOf(rawHeaders: readonly string[]): Framing {
  let hosts = 0
  let bodyBytes = 0
  let expects = false
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string
    if (name.length === HOST.length && name.toLowerCase() === HOST) hosts++
    else if (name.length === CONTENT_LENGTH.length && name.toLowerCase() === CONTENT_LENGTH) {
      bodyBytes = Number(rawHeaders[i + 1])
    } else if (name.length === EXPECT.length && name.toLowerCase() === EXPECT) expects = true
  }
  return { hosts, bodyBytes, expects }
}

function getterOf<T>(prototype: object, name: string): (message: IncomingMessage) => T {
  for (
    let owner: object | null = prototype;
    owner !== null;
    owner = Object.getPrototypeOf(owner) as object | null
  ) {
    const get = Object.getOwnPropertyDescriptor(owner, name)?.get
    if (get !== undefined) return (message) => get.call(message) as T
  }
  throw new Error(`node:http's requests have no ${name}`)
}
