import { createHmac, createSecretKey, type KeyObject } from 'node:crypto'

const HASH_BYTES = 64
const COUNTER_BYTES = 4

// The counter would allow 2^32 - 1 blocks. Nothing here derives more than a few; the bound turns a length that
// was computed wrongly into an error.
const MAX_OUTPUT_BYTES = 8192

const NO_CONTEXT = new Uint8Array(0)

/**
 * SP 800-108r1 key derivation in counter mode, with HMAC-SHA-512 and a 32-bit counter before the fixed data:
 * K(i) = HMAC(key, [i]32 || label || 0x00 || context || [L]32), where L is the length asked for in bits.
 *
 * The label says what the output is for, so that two purposes never share a key; it is printable ASCII, and no
 * label holds the zero byte that ends it, so label and context cannot be taken for another pair.
 *
 * @throws RangeError for a label that is empty or not printable ASCII, or a length outside 1 to 8192 bytes
 * @see NIST SP 800-108r1, section 4.1
 */
export function deriveCounterHmacSha512(
  key: KeyObject,
  label: string,
  context: Uint8Array,
  lengthBytes: number,
): Buffer {
  requirePrintableAscii(label)
  requireOutputLength(lengthBytes)
  const contextStart = COUNTER_BYTES + label.length + 1
  const input = Buffer.allocUnsafe(contextStart + context.length + 4)
  input.write(label, COUNTER_BYTES, 'latin1')
  input[contextStart - 1] = 0
  input.set(context, contextStart)
  input.writeUInt32BE(lengthBytes * 8, contextStart + context.length)
  return expand(key, input, lengthBytes)
}

/** The same function over fixed input data that is already put together; published figures come in this form. */
export function deriveFromFixedInput(key: KeyObject, fixedInput: Uint8Array, lengthBytes: number): Buffer {
  requireOutputLength(lengthBytes)
  const input = Buffer.allocUnsafe(COUNTER_BYTES + fixedInput.length)
  input.set(fixedInput, COUNTER_BYTES)
  return expand(key, input, lengthBytes)
}

/** A 256-bit key for one purpose below `parent`. */
export function deriveKey(parent: KeyObject, label: string, context: Uint8Array = NO_CONTEXT): KeyObject {
  const bytes = deriveCounterHmacSha512(parent, label, context, 32)
  const key = createSecretKey(bytes)
  bytes.fill(0)
  return key
}

/** `input` begins with four bytes for the counter, which are written here. */
function expand(key: KeyObject, input: Buffer, lengthBytes: number): Buffer {
  // A whole block is the output itself.
  if (lengthBytes === HASH_BYTES) {
    input.writeUInt32BE(1, 0)
    return createHmac('sha512', key).update(input).digest()
  }
  const output = Buffer.allocUnsafe(lengthBytes)
  for (let counter = 1, offset = 0; offset < lengthBytes; counter++, offset += HASH_BYTES) {
    input.writeUInt32BE(counter, 0)
    const block = createHmac('sha512', key).update(input).digest()
    block.copy(output, offset)
    block.fill(0)
  }
  return output
}

function requirePrintableAscii(label: string): void {
  for (let i = 0; i < label.length; i++) {
    const code = label.charCodeAt(i)
    if (code < 0x20 || code > 0x7e) throw new RangeError('A derivation label is printable ASCII')
  }
  if (label.length === 0) throw new RangeError('A derivation label is not empty')
}

function requireOutputLength(lengthBytes: number): void {
  if (!Number.isInteger(lengthBytes) || lengthBytes < 1 || lengthBytes > MAX_OUTPUT_BYTES) {
    throw new RangeError(`A derived key has 1 to ${MAX_OUTPUT_BYTES} bytes, not ${lengthBytes}`)
  }
}
