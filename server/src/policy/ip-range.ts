import { isIPv4, isIPv6 } from 'node:net'

/** Addresses that share the first bits. */
export interface IpRange {
  readonly bytes: readonly number[]
  readonly prefixBits: number
}

/**
 * An address, or a range in CIDR notation. IPv4 addresses that are mapped into IPv6 (`::ffff:192.0.2.1`) are what they
 * map. Undefined when it is neither.
 */
export function parseIpRange(text: string): IpRange | undefined {
  const slash = text.indexOf('/')
  const address = parseAddress(slash === -1 ? text : text.slice(0, slash))
  if (address === undefined) return undefined
  const writtenBits = address.written * 8
  if (slash === -1) return { bytes: address.bytes, prefixBits: address.bytes.length * 8 }
  const digits = text.slice(slash + 1)
  if (!/^[0-9]{1,3}$/.test(digits) || Number(digits) > writtenBits) return undefined
  const prefixBits = Number(digits) - (writtenBits - address.bytes.length * 8)
  // A range of IPv6 that reaches beyond the mapped addresses is one of IPv6.
  if (prefixBits < 0) return { bytes: [...MAPPED, ...address.bytes], prefixBits: Number(digits) }
  return { bytes: address.bytes, prefixBits }
}

/** Whether every address of `inner` is in `outer`; IPv4 and IPv6 have none in common. */
export function isWithin(inner: IpRange, outer: IpRange): boolean {
  if (inner.bytes.length !== outer.bytes.length || inner.prefixBits < outer.prefixBits) return false
  for (let i = 0; i * 8 < outer.prefixBits; i++) {
    const bits = Math.min(8, outer.prefixBits - i * 8)
    const mask = (0xff << (8 - bits)) & 0xff
    if (((inner.bytes[i] ?? 0) & mask) !== ((outer.bytes[i] ?? 0) & mask)) return false
  }
  return true
}

const MAPPED = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]

function parseAddress(text: string): { bytes: readonly number[]; written: 4 | 16 } | undefined {
  if (isIPv4(text)) return { bytes: text.split('.').map(Number), written: 4 }
  if (!isIPv6(text) || text.includes('%')) return undefined
  const bytes = bytesOfIPv6(text)
  const mapped = MAPPED.every((byte, i) => bytes[i] === byte)
  return { bytes: mapped ? bytes.slice(12) : bytes, written: 16 }
}

/** @param text valid IPv6 */
function bytesOfIPv6(text: string): number[] {
  const [head = '', tail] = text.split('::')
  const start = groupBytes(head)
  if (tail === undefined) return start
  const end = groupBytes(tail)
  return [...start, ...Array<number>(16 - start.length - end.length).fill(0), ...end]
}

function groupBytes(groups: string): number[] {
  if (groups === '') return []
  return groups.split(':').flatMap((group) => {
    if (group.includes('.')) return group.split('.').map(Number)
    const value = Number.parseInt(group, 16)
    return [value >> 8, value & 0xff]
  })
}
