import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto'

const SEED_BYTES = 32
const PUBLIC_KEY_BYTES = 32
const SIGNATURE_BYTES = 64

/** Signs the seals of the journal. The private key stays in a KeyObject. */
export interface SigningKey {
  /** 32 bytes, the form that is kept beside the seals and given to auditors. */
  readonly publicKey: Buffer
  /** 64 bytes. */
  sign(message: Uint8Array): Buffer
}

/**
 * The Ed25519 key that belongs to a 32-byte seed; the caller wipes the seed.
 * @throws RangeError for another length
 * @see RFC 8032, section 5.1.5
 */
export function signingKeyFromSeed(seed: Uint8Array): SigningKey {
  if (seed.length !== SEED_BYTES) throw new RangeError(`A signing seed has ${SEED_BYTES} bytes`)
  const bytes = Buffer.from(seed)
  const privateKey = createPrivateKey({ key: bytes, format: 'raw-private', asymmetricKeyType: 'ed25519' })
  bytes.fill(0)
  const publicKey = createPublicKey(privateKey).export({ format: 'raw-public' })
  return {
    publicKey,
    sign: (message) => sign(null, message, privateKey),
  }
}

/** False also for a public key or signature that is not one: what is checked comes from where anyone may have written. */
export function verifySeal(publicKeyRaw: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (publicKeyRaw.length !== PUBLIC_KEY_BYTES || signature.length !== SIGNATURE_BYTES) return false
  try {
    const key = createPublicKey({
      key: Buffer.from(publicKeyRaw),
      format: 'raw-public',
      asymmetricKeyType: 'ed25519',
    })
    return verify(null, message, key, signature)
  } catch {
    return false
  }
}
