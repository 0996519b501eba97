import { BlockList, SocketAddress, isIP } from 'node:net'
import { ListenerError } from './listener-error.ts'

/**
 * One spelling per address: IPv4-mapped IPv6 becomes IPv4, zone ids go, IPv6 is shortened. Text that
 * is no address comes back as it is.
 */
export function canonicalAddress(text: string): string {
  const zone = text.indexOf('%')
  const address = zone === -1 ? text : text.slice(0, zone)
  const family = isIP(address)
  if (family !== 6) return address
  const mapped = /^(?:::|(?:0{1,4}:){5})ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)
  if (mapped?.[1]) return mapped[1]
  const short = new SocketAddress({ address, family: 'ipv6' }).address
  return short.startsWith('::ffff:') && short.includes('.') ? short.slice('::ffff:'.length) : short
}

export function isLoopbackAddress(canonical: string): boolean {
  return canonical === '::1' || (isIP(canonical) === 4 && canonical.startsWith('127.'))
}

export type AddressSet = (canonical: string) => boolean

/**
 * A set of addresses and CIDR ranges.
 * @throws ListenerError for an entry that is neither
 */
export function addressSet(entries: readonly string[]): AddressSet {
  if (entries.length === 0) return () => false
  const list = new BlockList()
  for (const entry of entries) {
    const [address = '', prefix, more] = entry.split('/')
    const family = isIP(address)
    const widest = family === 6 ? 128 : 32
    const bits = prefix === undefined ? widest : /^\d{1,3}$/.test(prefix) ? Number(prefix) : NaN
    if (family === 0 || more !== undefined || !(bits <= widest)) {
      throw new ListenerError(
        `${JSON.stringify(entry)} is neither an IP address nor a range such as 10.0.0.0/8`,
      )
    }
    list.addSubnet(address, bits, family === 6 ? 'ipv6' : 'ipv4')
  }
  return (canonical) => {
    const family = isIP(canonical)
    return family !== 0 && list.check(canonical, family === 6 ? 'ipv6' : 'ipv4')
  }
}

// A chain of proxies longer than this is nobody's real set-up.
const HOPS_LIMIT = 32

/**
 * The client that trusted proxies name: X-Forwarded-For read from the right, up to and including the
 * first address that is not a trusted proxy. What stands left of it the client wrote itself. An entry
 * that is no address ends the reading at the hop that reported it.
 */
export function forwardedSource(peer: string, rawHeaders: readonly string[], trusted: AddressSet): string {
  if (!trusted(peer)) return peer
  const values: string[] = []
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    if (rawHeaders[i]?.toLowerCase() === 'x-forwarded-for') values.push(rawHeaders[i + 1] ?? '')
  }
  if (values.length === 0) return peer
  let source = peer
  for (const hop of values.join(',').split(',').slice(-HOPS_LIMIT).reverse()) {
    const address = hopAddress(hop.trim())
    if (address === undefined) return source
    source = address
    if (!trusted(source)) return source
  }
  return source
}

/**
 * Whether trusted proxies say that the client spoke TLS with them: X-Forwarded-Proto, every value of which must be
 * `https`.
 */
export function forwardedOverTls(peer: string, rawHeaders: readonly string[], trusted: AddressSet): boolean {
  if (!trusted(peer)) return false
  let overTls = false
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    if (rawHeaders[i]?.toLowerCase() !== 'x-forwarded-proto') continue
    overTls = (rawHeaders[i + 1] ?? '').split(',').every((hop) => hop.trim().toLowerCase() === 'https')
    if (!overTls) return false
  }
  return overTls
}

/** Some proxies add the port: `192.0.2.1:4711`, `[2001:db8::1]:4711`. */
function hopAddress(hop: string): string | undefined {
  const bare = /^\[([^\]]*)\](?::\d+)?$/.exec(hop)?.[1] ?? /^([\d.]+):\d+$/.exec(hop)?.[1] ?? hop
  return isIP(bare) === 0 ? undefined : canonicalAddress(bare)
}
