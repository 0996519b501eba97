import type { KeyObject } from 'node:crypto'
import { NONCE_BYTES, openAesGcm, sealAesGcm, TAG_BYTES } from './aes-gcm.ts'
import { systemRandom, type RandomSource } from './random.ts'

const VERSION = 1
const VERSION_BYTE = Uint8Array.of(VERSION)
const OVERHEAD_BYTES = 1 + NONCE_BYTES + TAG_BYTES

/** The only way unwrapping fails: it does not say whether key, identity or bytes were the wrong ones. */
export class WrapError extends Error {
  override readonly name = 'WrapError'
  constructor() {
    super('The wrapped key does not open with this key and identity')
  }
}

/**
 * Protects key material under another key, for storage: AES-256-GCM with a random nonce.
 * version (1 byte, 0x01) | nonce (12) | body | tag (16). Additional data: the version byte, then the identity.
 *
 * The identity says which key this is (see `identityBytes`), so a wrapped key put in another's place does not open.
 * Random nonces allow 2^32 wraps under one key encryption key; domain keys are replaced long before.
 *
 * @see NIST SP 800-38D, section 8.3 for the limit
 */
export function wrapKey(
  keyEncryptionKey: KeyObject,
  plaintext: Uint8Array,
  identity: Uint8Array,
  random: RandomSource = systemRandom,
): Buffer {
  const wrapped = Buffer.allocUnsafe(OVERHEAD_BYTES + plaintext.length)
  const nonce = random.bytes(NONCE_BYTES)
  wrapped[0] = VERSION
  nonce.copy(wrapped, 1)
  sealAesGcm(keyEncryptionKey, nonce, [VERSION_BYTE, identity], plaintext, wrapped, 1 + NONCE_BYTES)
  return wrapped
}

/**
 * The plaintext that was wrapped; the caller wipes it.
 * @throws WrapError when anything does not fit
 */
export function unwrapKey(keyEncryptionKey: KeyObject, wrapped: Uint8Array, identity: Uint8Array): Buffer {
  if (wrapped.length < OVERHEAD_BYTES || wrapped[0] !== VERSION) throw new WrapError()
  const nonce = wrapped.subarray(1, 1 + NONCE_BYTES)
  const body = wrapped.subarray(1 + NONCE_BYTES, wrapped.length - TAG_BYTES)
  const tag = wrapped.subarray(wrapped.length - TAG_BYTES)
  const plaintext = openAesGcm(keyEncryptionKey, nonce, [VERSION_BYTE, identity], body, tag)
  if (plaintext === undefined) throw new WrapError()
  return plaintext
}

/**
 * Writes values as one string of bytes that no other values give. It is what wrapped keys are bound to and what
 * codes over stored rows are computed from.
 *
 * Each part is kind (1 byte) | length (4 bytes, big-endian) | content. Kind 1 is a string in UTF-8, kind 2 an integer
 * as eight bytes in two's complement, kind 3 bytes as they are. A part tells its own length, so neither the border
 * between two parts nor their number or kind can be read in two ways.
 *
 * @throws RangeError for a number that is not a safe integer, and for a string with a lone surrogate (UTF-8 would
 * turn each of them into the same three bytes)
 */
export function identityBytes(...parts: readonly (string | number | Uint8Array)[]): Buffer {
  let lengthBytes = 0
  for (const part of parts) lengthBytes += PART_HEADER_BYTES + contentLengthBytes(part)

  const bytes = Buffer.allocUnsafe(lengthBytes)
  let offset = 0
  for (const part of parts) {
    const content = offset + PART_HEADER_BYTES
    let written: number
    if (typeof part === 'string') {
      bytes[offset] = 1
      written = bytes.write(part, content, 'utf8')
    } else if (typeof part === 'number') {
      bytes[offset] = 2
      bytes.writeInt32BE(Math.floor(part / 2 ** 32), content)
      bytes.writeUInt32BE(part >>> 0, content + 4)
      written = INTEGER_BYTES
    } else {
      bytes[offset] = 3
      bytes.set(part, content)
      written = part.length
    }
    bytes.writeUInt32BE(written, offset + 1)
    offset = content + written
  }
  return bytes
}

const PART_HEADER_BYTES = 5
const INTEGER_BYTES = 8

function contentLengthBytes(part: string | number | Uint8Array): number {
  if (typeof part === 'string') {
    if (!part.isWellFormed()) throw new RangeError('An identity holds a string with a lone surrogate')
    return Buffer.byteLength(part, 'utf8')
  }
  if (typeof part === 'number') {
    if (!Number.isSafeInteger(part))
      throw new RangeError('An identity holds a number that is not a safe integer')
    return INTEGER_BYTES
  }
  return part.length
}
