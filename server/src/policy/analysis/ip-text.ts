import type { IpRange } from '../ip-range.ts'

/** How a range is written whose address has bits behind its prefix, without them; undefined when there are none. */
export function canonicalRange({ bytes, prefixBits }: IpRange): string | undefined {
  const kept = bytes.map((byte, i) => {
    const bits = Math.min(8, Math.max(0, prefixBits - i * 8))
    return byte & (0xff << (8 - bits)) & 0xff
  })
  if (kept.every((byte, i) => byte === bytes[i])) return undefined
  return `${kept.length === 4 ? kept.join('.') : ipv6Text(kept)}/${prefixBits}`
}

/** With the longest run of zero groups left out (RFC 5952). */
function ipv6Text(bytes: readonly number[]): string {
  const groups: string[] = []
  for (let i = 0; i < bytes.length; i += 2)
    groups.push((((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0)).toString(16))
  const text = groups.join(':')
  const runs = [...text.matchAll(/(?:^|:)0(?::0)+(?=:|$)/g)].map(([run]) => run)
  const longest = runs.reduce((best, run) => (run.length > best.length ? run : best), '')
  return longest === ''
    ? text
    : text
        .replace(longest, ':')
        .replace(/:$/, '::')
        .replace(/^:(?!:)/, '::')
}
