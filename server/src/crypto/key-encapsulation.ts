import { decapsulate, encapsulate, type KeyObject } from 'node:crypto'

/** FIPS 203, table 3. */
const CIPHERTEXT_BYTES: Readonly<Record<string, number>> = {
  'ml-kem-512': 768,
  'ml-kem-768': 1088,
  'ml-kem-1024': 1568,
}

export function encapsulateSecret(publicKey: KeyObject): { sharedSecret: Buffer; ciphertext: Buffer } {
  const { sharedKey, ciphertext } = encapsulate(publicKey)
  return { sharedSecret: sharedKey, ciphertext }
}

/** Undefined for a ciphertext of another length; what is wrong otherwise gives another secret (FIPS 203, algorithm 18). */
export function decapsulateSecret(privateKey: KeyObject, ciphertext: Uint8Array): Buffer | undefined {
  if (ciphertext.length !== CIPHERTEXT_BYTES[privateKey.asymmetricKeyType ?? '']) return undefined
  return decapsulate(privateKey, ciphertext)
}
