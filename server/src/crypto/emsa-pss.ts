import { hash as hashOf, timingSafeEqual } from 'node:crypto'
import type { Sha2 } from './schemes.ts'

/**
 * The encoding of RSASSA-PSS for a hash that is already computed, which OpenSSL knows and node:crypto does not offer.
 * MGF1 is over the same hash, the salt is as long as it, and the modulus has a whole number of bytes:
 * maskedDB || H || 0xbc, where DB is zeros || 0x01 || salt.
 *
 * @see RFC 8017, section 9.1
 */
export function encodePss(hash: Sha2, digest: Uint8Array, salt: Uint8Array, lengthBytes: number): Buffer {
  const encoded = Buffer.alloc(lengthBytes)
  const digestAt = lengthBytes - digest.length - 1
  const saltAt = digestAt - salt.length
  encoded[saltAt - 1] = 1
  encoded.set(salt, saltAt)
  const h = hashWithSalt(hash, digest, salt)
  maskWithMgf1(hash, h, encoded.subarray(0, digestAt))
  h.copy(encoded, digestAt)
  encoded[lengthBytes - 1] = 0xbc
  return encoded
}

/** Section 9.1.2; a salt of another length is not valid. */
export function verifyPss(hash: Sha2, digest: Uint8Array, encoded: Uint8Array): boolean {
  if (encoded.at(-1) !== 0xbc || (encoded[0] as number) > 0x7f) return false
  const digestAt = encoded.length - digest.length - 1
  const h = encoded.subarray(digestAt, -1)
  const block = Buffer.from(encoded.subarray(0, digestAt))
  maskWithMgf1(hash, h, block)
  const saltAt = digestAt - digest.length
  const zeros = block.subarray(0, saltAt - 1)
  if (block[saltAt - 1] !== 1 || zeros.some((byte) => byte !== 0)) return false
  return timingSafeEqual(h, hashWithSalt(hash, digest, block.subarray(saltAt)))
}

/** M' of both sections: eight zero bytes, the digest, the salt. */
function hashWithSalt(hash: Sha2, digest: Uint8Array, salt: Uint8Array): Buffer {
  return hashOf(hash, Buffer.concat([Buffer.alloc(8), digest, salt]), 'buffer')
}

/**
 * XORs into `target` the mask that MGF1 makes of the seed (appendix B.2.1), and clears the one bit that a number below
 * the modulus does not have.
 */
function maskWithMgf1(hash: Sha2, seed: Uint8Array, target: Buffer): void {
  const input = Buffer.concat([seed, Buffer.alloc(4)])
  for (let counter = 0, offset = 0; offset < target.length; counter++) {
    input.writeUInt32BE(counter, seed.length)
    for (const byte of hashOf(hash, input, 'buffer')) {
      if (offset === target.length) break
      target[offset] = (target[offset] as number) ^ byte
      offset++
    }
  }
  target[0] = (target[0] as number) & 0x7f
}
