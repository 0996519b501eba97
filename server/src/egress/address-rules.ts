import { BlockList, isIP } from 'node:net'

/** Where an outgoing connection may lead. */
export interface AddressRules {
  /** @param hostName in lower case, as the URL has it; what the operator listed by name may be anywhere */
  permits(hostName: string, address: string): boolean
}

/**
 * IPv4 that is not the public internet, by the IANA registry of special-purpose addresses: this network, private,
 * shared (carrier-grade NAT), loopback, link-local (where clouds keep their metadata), protocol assignments,
 * documentation, 6to4 relays, benchmarking, multicast, reserved, broadcast.
 */
const refusedIpv4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.31.196.0/24',
  '192.52.193.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '192.175.48.0/24',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/3',
]

/**
 * IPv6 that is the public internet at all. Outside are loopback, link-local and unique local addresses, multicast, and
 * the forms that hold an IPv4 address: mapped (::ffff:0:0/96), compatible (::/96) and NAT64 (64:ff9b::/96, 64:ff9b:1::/48).
 */
const publicIpv6 = '2000::/3'

/** Inside of it: Teredo and other protocol assignments, documentation, 6to4, AS112, documentation, segment routing. */
const refusedIpv6 = ['2001::/23', '2001:db8::/32', '2002::/16', '2620:4f:8000::/48', '3fff::/20']

/**
 * @param allowed networks (10.1.0.0/16), addresses and host names that the operator lists
 * @see IANA, IPv4 and IPv6 special-purpose addresses (RFC 6890, RFC 8190)
 */
export function addressRules(allowed: readonly string[]): AddressRules {
  const names = new Set(allowed.filter((item) => !isNetwork(item)).map((name) => name.toLowerCase()))
  const listed = networks(allowed.filter(isNetwork))
  const refused = networks([...refusedIpv4, ...refusedIpv6])
  const worldwide = networks([publicIpv6])
  return {
    permits(hostName, address) {
      const family = isIP(address)
      if (family === 0) return false
      const kind = family === 4 ? 'ipv4' : 'ipv6'
      if (names.has(hostName) || listed.check(address, kind)) return true
      return !refused.check(address, kind) && (kind === 'ipv4' || worldwide.check(address, kind))
    },
  }
}

function isNetwork(item: string): boolean {
  return isIP(item.split('/')[0] ?? '') > 0
}

function networks(items: readonly string[]): BlockList {
  const list = new BlockList()
  for (const item of items) {
    const [address = '', prefix] = item.split('/')
    const kind = isIP(address) === 4 ? 'ipv4' : 'ipv6'
    list.addSubnet(address, prefix === undefined ? (kind === 'ipv4' ? 32 : 128) : Number(prefix), kind)
  }
  return list
}
