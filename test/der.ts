/** Just enough DER (X.690) to write the keys and signatures that no library would write. */
export function tlv(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(contents)
  return Buffer.concat([Buffer.of(tag), lengthOf(content.length), content])
}

function lengthOf(length: number): Buffer {
  if (length < 0x80) return Buffer.of(length)
  const bytes = bytesOf(BigInt(length))
  return Buffer.concat([Buffer.of(0x80 | bytes.length), bytes])
}

export const sequence = (...contents: readonly Uint8Array[]) => tlv(0x30, ...contents)
export const octetString = (...contents: readonly Uint8Array[]) => tlv(0x04, ...contents)
/** Of whole bytes. */
export const bitString = (...contents: readonly Uint8Array[]) => tlv(0x03, Buffer.of(0), ...contents)
export const nothing = tlv(0x05)

/** In as few bytes as two's complement needs. */
export function integer(value: bigint): Buffer {
  if (value < 0n) {
    let lengthBytes = 1
    while (-value > 1n << BigInt(8 * lengthBytes - 1)) lengthBytes++
    return tlv(0x02, bytesOf((1n << BigInt(8 * lengthBytes)) + value, lengthBytes))
  }
  const bytes = bytesOf(value)
  return (bytes[0] as number) < 0x80 ? tlv(0x02, bytes) : tlv(0x02, Buffer.of(0), bytes)
}

export function objectIdentifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  return tlv(0x06, ...[40 * first + second, ...rest].map(base128))
}

function base128(arc: number): Buffer {
  const digits = [arc & 0x7f]
  for (let left = arc >> 7; left > 0; left >>= 7) digits.unshift((left & 0x7f) | 0x80)
  return Buffer.from(digits)
}

/** Big-endian, at least so many bytes. */
export function bytesOf(value: bigint, lengthBytes = 1): Buffer {
  const digits = value.toString(16)
  return Buffer.from(
    digits.padStart(Math.max(digits.length + (digits.length % 2), 2 * lengthBytes), '0'),
    'hex',
  )
}

export function numberOf(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString('hex') || '0'}`)
}
