import { createHash } from 'node:crypto'
import { objectIdentifier } from './der.ts'

/**
 * μ, the 64 bytes that ML-DSA signs for a message: the hash of the public key's hash, and of the message with its context
 * before it (FIPS 204, algorithm 2, line 10, and algorithm 7, line 6).
 *
 * @param publicKey as FIPS 204 encodes it, without what SubjectPublicKeyInfo has around it
 */
export function muOf(
  publicKey: Uint8Array,
  message: Uint8Array,
  context: Uint8Array = Buffer.alloc(0),
): Buffer {
  return shake256(shake256(publicKey), Buffer.of(0, context.length), context, message)
}

/** The same for HashML-DSA with SHA-512 and an empty context, which no key of AWS signs with (FIPS 204, algorithm 4). */
export function hashMuOf(publicKey: Uint8Array, message: Uint8Array): Buffer {
  const hash = createHash('sha512').update(message).digest()
  return shake256(shake256(publicKey), Buffer.of(1, 0), objectIdentifier('2.16.840.1.101.3.4.2.3'), hash)
}

function shake256(...parts: readonly Uint8Array[]): Buffer {
  return createHash('shake256', { outputLength: 64 }).update(Buffer.concat(parts)).digest()
}
