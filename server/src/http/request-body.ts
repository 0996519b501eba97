import type { IncomingMessage } from 'node:http'

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

/**
 * Collects a body into one Buffer: the chunk itself, uncopied, when there is only one. Later chunks are
 * copied into a buffer that doubles, so a body sent byte by byte costs no more memory than another.
 * Neither `done` nor `tooLarge` is called when the client goes away or the body was given up.
 */
export function collectBody(
  request: IncomingMessage,
  limitBytes: number,
  { done, mayBeLong, tooLarge }: BodyOutcome,
): void {
  let bytes: Buffer = EMPTY
  let lengthBytes = 0
  let over = false
  request.on('data', (chunk: Buffer) => {
    if (over) return
    const wanted = lengthBytes + chunk.length
    if (wanted > limitBytes) {
      over = true
      bytes = EMPTY
      tooLarge()
      return
    }
    if (wanted > ORDINARY_BYTES && lengthBytes <= ORDINARY_BYTES && !mayBeLong()) {
      over = true
      bytes = EMPTY
      return
    }
    if (lengthBytes === 0) {
      bytes = chunk
    } else {
      if (wanted > bytes.length) {
        const larger = Buffer.allocUnsafeSlow(Math.min(limitBytes, Math.max(wanted, 2 * bytes.length)))
        bytes.copy(larger, 0, 0, lengthBytes)
        bytes = larger
      }
      chunk.copy(bytes, lengthBytes)
    }
    lengthBytes = wanted
  })
  request.on('end', () => {
    if (!over) done(lengthBytes === bytes.length ? bytes : bytes.subarray(0, lengthBytes))
  })
}
