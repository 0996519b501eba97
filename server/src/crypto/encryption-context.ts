/** Names and values as the request gave them. A Map, because `__proto__` is an ordinary name. */
export type EncryptionContext = ReadonlyMap<string, string>

/**
 * Writes an encryption context as additional data: the number of pairs (4 bytes, big-endian), then the pairs sorted by
 * the UTF-8 bytes of the name, each as length of the name (4) | name | length of the value (4) | value.
 *
 * Nothing is normalized: what looks alike and is written differently is a different context, as in AWS KMS. Sorting
 * goes by bytes because UTF-16, which JavaScript compares by, puts U+10000 and above before U+E000, and another
 * implementation of the format would not.
 *
 * @throws RangeError for a lone surrogate; requests that hold one were refused before
 */
export function encodeEncryptionContext(context: EncryptionContext): Buffer {
  if (context.size === 0) return Buffer.alloc(COUNT_BYTES)
  return encodeAscii(context) ?? encodeUtf8(context)
}

const COUNT_BYTES = 4
const LENGTH_BYTES = 4

/**
 * Nearly every context is a few short ASCII strings. There UTF-16 order is byte order and a string is as long as its
 * bytes: 0.5 µs for two pairs against 0.75 µs by way of Buffers (Node 26.10, 2 cores, 2026-11).
 */
function encodeAscii(context: EncryptionContext): Buffer | undefined {
  let lengthBytes = COUNT_BYTES
  let sorted = true
  let before = ''
  for (const [name, value] of context) {
    if (!isAscii(name) || !isAscii(value)) return undefined
    lengthBytes += LENGTH_BYTES + name.length + LENGTH_BYTES + value.length
    if (name < before) sorted = false
    before = name
  }

  const encoded = Buffer.allocUnsafe(lengthBytes)
  let offset = encoded.writeUInt32BE(context.size, 0)
  const names = sorted ? context.keys() : [...context.keys()].sort()
  for (const name of names) {
    const value = context.get(name) as string
    offset = encoded.writeUInt32BE(name.length, offset)
    offset += encoded.write(name, offset, 'latin1')
    offset = encoded.writeUInt32BE(value.length, offset)
    offset += encoded.write(value, offset, 'latin1')
  }
  return encoded
}

function encodeUtf8(context: EncryptionContext): Buffer {
  const pairs: { name: Buffer; value: Buffer }[] = []
  let lengthBytes = COUNT_BYTES
  for (const [name, value] of context) {
    const pair = { name: wellFormedUtf8(name), value: wellFormedUtf8(value) }
    lengthBytes += LENGTH_BYTES + pair.name.length + LENGTH_BYTES + pair.value.length
    pairs.push(pair)
  }
  pairs.sort((a, b) => Buffer.compare(a.name, b.name))

  const encoded = Buffer.allocUnsafe(lengthBytes)
  let offset = encoded.writeUInt32BE(pairs.length, 0)
  for (const { name, value } of pairs) {
    offset = encoded.writeUInt32BE(name.length, offset)
    offset += name.copy(encoded, offset)
    offset = encoded.writeUInt32BE(value.length, offset)
    offset += value.copy(encoded, offset)
  }
  return encoded
}

// Every lone surrogate becomes EF BF BD in UTF-8, so without this check three different contexts would be one.
function wellFormedUtf8(text: string): Buffer {
  if (!text.isWellFormed()) throw new RangeError('The encryption context holds ill-formed Unicode')
  return Buffer.from(text, 'utf8')
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) > 0x7f) return false
  }
  return true
}
