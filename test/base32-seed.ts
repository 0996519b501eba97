/** The bytes of a seed as an authenticator app reads it. @see RFC 4648 section 6 */
export function seedOf(base32: string): Buffer {
  let bits = ''
  for (const letter of base32) {
    bits += 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter).toString(2).padStart(5, '0')
  }
  return Buffer.from(bits.match(/.{8}/g)?.map((byte) => Number.parseInt(byte, 2)) ?? [])
}
