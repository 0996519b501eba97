import { isIP } from 'node:net'

/**
 * The value of an X.509 name constraints extension that permits DNS names and IP addresses, in DER.
 * NameConstraints { [0] permittedSubtrees: SEQUENCE OF { base: [2] dNSName | [7] address and mask } }
 * @see RFC 5280 section 4.2.1.10
 */
const SEQUENCE = 0x30
const PERMITTED = 0xa0
const DNS_NAME = 0x82
const IP_ADDRESS = 0x87

export function encodeNameConstraints(names: readonly string[]): Buffer {
  const subtrees = names.map((name) => der(SEQUENCE, subtreeBase(name)))
  return der(SEQUENCE, der(PERMITTED, ...subtrees))
}

/** Whether an extension that `encodeNameConstraints` wrote covers a name; false for any other form. */
export function permits(constraints: Buffer, name: string): boolean {
  const subtrees = children(content(content(constraints, SEQUENCE), PERMITTED))
  const address = isIP(name) === 0 ? undefined : addressBytes(name)
  return subtrees.some((subtree) => {
    const base = content(subtree, SEQUENCE)
    if (!address) {
      if (base[0] !== DNS_NAME) return false
      const suffix = content(base, DNS_NAME).toString('latin1')
      return name === suffix || name.endsWith(`.${suffix}`)
    }
    if (base[0] !== IP_ADDRESS) return false
    const range = content(base, IP_ADDRESS)
    if (range.length !== 2 * address.length) return false
    return address.every((byte, i) => (byte & (range[address.length + i] ?? 0)) === range[i])
  })
}

function subtreeBase(name: string): Buffer {
  if (isIP(name) === 0) return der(DNS_NAME, Buffer.from(name, 'latin1'))
  const address = addressBytes(name)
  // All of 127.0.0.0/8 is this machine; any other address stands for itself alone.
  if (address.length === 4 && address[0] === 127)
    return der(IP_ADDRESS, Buffer.from([127, 0, 0, 0, 255, 0, 0, 0]))
  return der(IP_ADDRESS, address, Buffer.alloc(address.length, 0xff))
}

/** The 4 or 16 bytes of a canonical address. */
export function addressBytes(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split('.').map(Number))
  // The last 32 bits may be spelled as IPv4.
  const hex = address.replace(
    /(\d+)\.(\d+)\.(\d+)\.(\d+)$/,
    (_, a, b, c, d) => `${(a * 256 + Number(b)).toString(16)}:${(c * 256 + Number(d)).toString(16)}`,
  )
  const [head = '', tail] = hex.split('::')
  const before = groups(head)
  const after = groups(tail ?? '')
  const zeros = Array<number>(8 - before.length - after.length).fill(0)
  const bytes = Buffer.alloc(16)
  for (const [i, group] of [...before, ...zeros, ...after].entries()) bytes.writeUInt16BE(group, 2 * i)
  return bytes
}

function groups(text: string): number[] {
  return text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16))
}

function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts)
  if (body.length < 0x80) return Buffer.concat([Buffer.from([tag, body.length]), body])
  if (body.length < 0x100) return Buffer.concat([Buffer.from([tag, 0x81, body.length]), body])
  return Buffer.concat([Buffer.from([tag, 0x82, body.length >> 8, body.length & 0xff]), body])
}

function content(bytes: Buffer, tag: number): Buffer {
  const { start, end } = measure(bytes, 0)
  if (bytes[0] !== tag || end !== bytes.length) throw new Error('unexpected form of name constraints')
  return bytes.subarray(start, end)
}

function children(bytes: Buffer): Buffer[] {
  const found: Buffer[] = []
  for (let at = 0; at < bytes.length;) {
    const { end } = measure(bytes, at)
    found.push(bytes.subarray(at, end))
    at = end
  }
  return found
}

/** Where the content of the element at `at` begins and ends; lengths below 64 KiB only. */
function measure(bytes: Buffer, at: number): { start: number; end: number } {
  const first = bytes.readUInt8(at + 1)
  const sizeBytes = first < 0x80 ? 0 : first - 0x80
  if (sizeBytes > 2) throw new Error('unexpected form of name constraints')
  const start = at + 2 + sizeBytes
  const length = sizeBytes === 0 ? first : bytes.readUIntBE(at + 2, sizeBytes)
  if (start + length > bytes.length) throw new Error('unexpected form of name constraints')
  return { start, end: start + length }
}
