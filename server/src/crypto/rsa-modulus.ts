import type { KeyObject } from 'node:crypto'

/** The length of an RSA key's modulus, and so of its signatures and ciphertexts. */
export function modulusBytes(key: KeyObject): number {
  return (key.asymmetricKeyDetails?.modulusLength ?? 0) / 8
}
