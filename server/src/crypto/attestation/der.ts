import { AttestationError } from './attestation-error.ts'

export const SEQUENCE = 0x30
export const BOOLEAN = 0x01
export const INTEGER = 0x02
export const BIT_STRING = 0x03
export const OCTET_STRING = 0x04
export const OBJECT_IDENTIFIER = 0x06

/** Reads DER whose form the caller knows, element by element (X.690). */
export class DerReader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  /** The content of the next element, which has this tag. */
  read(tag: number): Buffer {
    const content = this.optional(tag)
    if (content === undefined) throw notDer()
    return content
  }

  /** Likewise, if the next element has this tag. */
  optional(tag: number): Buffer | undefined {
    if (this.#bytes[this.#at] !== tag) return undefined
    const { start, length } = this.#measure()
    if (length > this.#bytes.length - start) throw notDer()
    this.#at = start + length
    return this.#bytes.subarray(start, this.#at)
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length
  }

  end(): void {
    if (!this.isAtEnd) throw notDer()
  }

  /** No certificate of a kilobyte has lengths of more than two bytes. */
  #measure(): { start: number; length: number } {
    const first = this.#bytes[this.#at + 1] ?? 0x80
    if (first < 0x80) return { start: this.#at + 2, length: first }
    const digits = first & 0x7f
    const start = this.#at + 2 + digits
    if (digits < 1 || digits > 2 || start > this.#bytes.length) throw notDer()
    const length = this.#bytes.readUIntBE(this.#at + 2, digits)
    if (length < (digits === 1 ? 0x80 : 0x100)) throw notDer()
    return { start, length }
  }
}

function notDer(): AttestationError {
  return new AttestationError('one of its certificates is not of the form that X.509 has')
}
