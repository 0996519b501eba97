/** What tests write as CBOR. A map keeps its order, and may be an array of pairs so that a key comes twice. */
export type CborValue = number | string | Buffer | null | readonly CborValue[] | CborMap | Raw

export class CborMap {
  readonly entries: readonly (readonly [CborValue, CborValue])[]
  readonly indefinite: boolean
  constructor(entries: readonly (readonly [CborValue, CborValue])[], indefinite = false) {
    this.entries = entries
    this.indefinite = indefinite
  }
}

/** Bytes that stand as they are. */
export class Raw {
  readonly bytes: Buffer
  constructor(hex: string) {
    this.bytes = Buffer.from(hex, 'hex')
  }
}

/** RFC 8949 with lengths in the fewest bytes. Written apart from the reader, for it to be tested with. */
export function cbor(value: CborValue): Buffer {
  if (value === null) return Buffer.from([0xf6])
  if (typeof value === 'number') return value < 0 ? head(1, -1 - value) : head(0, value)
  if (typeof value === 'string') return string(3, Buffer.from(value))
  if (Buffer.isBuffer(value)) return string(2, value)
  if (value instanceof Raw) return value.bytes
  if (value instanceof CborMap) {
    const content = value.entries.flatMap(([key, item]) => [cbor(key), cbor(item)])
    return value.indefinite
      ? Buffer.concat([Buffer.from([0xbf]), ...content, Buffer.from([0xff])])
      : Buffer.concat([head(5, value.entries.length), ...content])
  }
  return Buffer.concat([head(4, value.length), ...value.map(cbor)])
}

function string(majorType: number, bytes: Buffer): Buffer {
  return Buffer.concat([head(majorType, bytes.length), bytes])
}

function head(majorType: number, value: number): Buffer {
  const first = majorType << 5
  if (value < 24) return Buffer.from([first | value])
  if (value < 0x100) return Buffer.from([first | 24, value])
  if (value < 0x10000) return Buffer.from([first | 25, value >> 8, value & 0xff])
  const digits = Buffer.alloc(8)
  digits.writeBigUInt64BE(BigInt(value))
  return value < 0x100000000
    ? Buffer.from([first | 26, ...digits.subarray(4)])
    : Buffer.from([first | 27, ...digits])
}
