import { isUtf8 } from 'node:buffer'
import { AttestationError } from './attestation-error.ts'

// The three top bits of an item's first byte (RFC 8949, section 3.1).
const UNSIGNED = 0
const BYTES = 2
const TEXT = 3
const ARRAY = 4
const MAP = 5
const TAG = 6

const INDEFINITE = 31
const NULL = 0xf6
const BREAK = 0xff

/**
 * Reads CBOR whose form the caller knows: it asks for each item in turn, and anything else is refused. So nothing is
 * built that was not asked for, and no nesting of the document's becomes one of ours.
 *
 * Lengths have to be written in the fewest bytes. Arrays and maps may have an indefinite length, as the payloads
 * of documents of 2026 have; strings may not.
 * @see RFC 8949
 */
export class CborReader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  /** Passes over a tag, if the next item has this one. */
  optionalTag(tag: number): void {
    if (this.#majorType() === TAG && this.#head(TAG, Number.MAX_SAFE_INTEGER) !== tag) {
      throw new AttestationError('its CBOR has a tag that does not belong there')
    }
  }

  /** An integer that is not negative. */
  unsigned(max: number): number {
    return this.#definite(UNSIGNED, max)
  }

  bytes(min: number, max: number): Buffer {
    return this.#take(this.#lengthWithin(BYTES, min, max))
  }

  text(min: number, max: number): string {
    const taken = this.#take(this.#lengthWithin(TEXT, min, max))
    if (!isUtf8(taken)) throw new AttestationError('it has a text that is not UTF-8')
    return taken.toString('utf8')
  }

  /** The beginning of an array with this many items, which the caller reads. */
  arrayOf(count: number): void {
    if (this.#definite(ARRAY, count) !== count) throw new AttestationError('one of its arrays is too short')
  }

  /** Reads each item with `readItem`, and refuses more than `max`. */
  array<T>(max: number, readItem: () => T): T[] {
    const items: T[] = []
    this.#items(ARRAY, max, () => {
      items.push(readItem())
    })
    return items
  }

  /** Reads each entry's key with `readKey`, then its value with `readValue`. No key may come twice. */
  map<Key>(max: number, readKey: () => Key, readValue: (key: Key) => void): void {
    const seen = new Set<Key>()
    this.#items(MAP, max, () => {
      const key = readKey()
      if (seen.has(key)) throw new AttestationError('one of its maps has a key twice')
      seen.add(key)
      readValue(key)
    })
  }

  /** Whether the next item is null, which is passed over. */
  optionalNull(): boolean {
    if (this.#bytes[this.#at] !== NULL) return false
    this.#at += 1
    return true
  }

  end(): void {
    if (this.#at !== this.#bytes.length) throw new AttestationError('there are bytes after its end')
  }

  #items(majorType: typeof ARRAY | typeof MAP, max: number, readOne: () => void): void {
    const count = this.#head(majorType, max)
    for (let read = 0; count === undefined || read < count; read++) {
      if (count === undefined && this.#bytes[this.#at] === BREAK) {
        this.#at += 1
        return
      }
      if (read === max) throw new AttestationError('one of its arrays or maps has too many items')
      readOne()
    }
  }

  #lengthWithin(majorType: typeof BYTES | typeof TEXT, min: number, max: number): number {
    const length = this.#definite(majorType, max)
    if (length < min) throw new AttestationError('one of its strings is too short')
    return length
  }

  #definite(majorType: number, max: number): number {
    const value = this.#head(majorType, max)
    if (value === undefined)
      throw new AttestationError('its CBOR has an indefinite length where none belongs')
    return value
  }

  /** The number in an item's head: its value, its length, or its count; undefined for an indefinite length. */
  #head(majorType: number, max: number): number | undefined {
    if (this.#majorType() !== majorType) throw new AttestationError('its CBOR does not have the form of one')
    const information = (this.#bytes[this.#at] ?? 0) & 0x1f
    this.#at += 1
    if (information === INDEFINITE) return undefined
    const value = information < 24 ? information : this.#longNumber(information)
    if (value > max) throw new AttestationError('one of its numbers, strings, arrays or maps is too large')
    return value
  }

  #longNumber(information: number): number {
    if (information > 27) throw new AttestationError('its CBOR does not have the form of one')
    const digits = this.#take(2 ** (information - 24))
    const value = digits.reduce((sum, byte) => sum * 256 + byte, 0)
    const leastOfThisLength = [24, 0x100, 0x10000, 0x100000000][information - 24] ?? 0
    if (value < leastOfThisLength)
      throw new AttestationError('its CBOR has a length in more bytes than needed')
    return value
  }

  #majorType(): number {
    const first = this.#bytes[this.#at]
    if (first === undefined) throw new AttestationError('it ends too early')
    return first >> 5
  }

  #take(length: number): Buffer {
    if (length > this.#bytes.length - this.#at) throw new AttestationError('it ends too early')
    const taken = this.#bytes.subarray(this.#at, this.#at + length)
    this.#at += length
    return taken
  }
}
