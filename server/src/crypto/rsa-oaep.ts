import { constants, privateDecrypt, publicEncrypt, type KeyObject } from 'node:crypto'
import { modulusBytes } from './rsa-modulus.ts'
import type { OaepScheme } from './schemes.ts'

const padding = constants.RSA_PKCS1_OAEP_PADDING

/** RSAES-OAEP with an empty label, and MGF1 over the same hash (RFC 8017, section 7.1). */
export function encryptOaep(publicKey: KeyObject, { hash }: OaepScheme, plaintext: Uint8Array): Buffer {
  return publicEncrypt({ key: publicKey, padding, oaepHash: hash }, plaintext)
}

/**
 * The plaintext, or undefined whatever it is that does not fit. OpenSSL looks at what it decrypted in constant time and
 * says one thing for all that can be wrong with it; which bytes are none of a ciphertext everyone can see.
 */
export function decryptOaep(
  privateKey: KeyObject,
  { hash }: OaepScheme,
  ciphertext: Uint8Array,
): Buffer | undefined {
  // Section 7.1.2, step 1: OpenSSL takes one whose first byte is zero without that byte too.
  if (ciphertext.length !== modulusBytes(privateKey)) return undefined
  try {
    return privateDecrypt({ key: privateKey, padding, oaepHash: hash }, ciphertext)
  } catch {
    return undefined
  }
}
