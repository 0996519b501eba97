import { createPublicKey, type KeyObject } from 'node:crypto'
import { AttestationError } from './attestation-error.ts'

/** The public key for which an enclave wants its answers. */
export interface RecipientKey {
  readonly key: KeyObject
  /** SubjectPublicKeyInfo in DER. */
  readonly spki: Buffer
}

const MIN_MODULUS_BITS = 2048
const MAX_MODULUS_BITS = 4096
const MAX_EXPONENT = 2n ** 32n

/**
 * An RSA key of 2048 to 4096 bits. Its exponent is bounded, since encryption takes as long as that is.
 *
 * @throws AttestationError
 */
export function readRecipientKey(spki: Buffer | undefined): RecipientKey {
  if (spki === undefined) throw new AttestationError('it has no public key')
  const key = publicKey(spki)
  const { modulusLength = 0, publicExponent = 0n } = key?.asymmetricKeyDetails ?? {}
  if (
    key?.asymmetricKeyType !== 'rsa' ||
    modulusLength < MIN_MODULUS_BITS ||
    modulusLength > MAX_MODULUS_BITS ||
    publicExponent < 3n ||
    publicExponent > MAX_EXPONENT ||
    publicExponent % 2n === 0n ||
    !isOdd(key)
  ) {
    throw new AttestationError('its public key is not an RSA key of 2048 to 4096 bits')
  }
  return { key, spki }
}

/** Undefined unless it is in DER, and nothing else is with it. */
function publicKey(spki: Buffer): KeyObject | undefined {
  try {
    const key = createPublicKey({ key: spki, format: 'der', type: 'spki' })
    return key.export({ format: 'der', type: 'spki' }).equals(spki) ? key : undefined
  } catch {
    return undefined
  }
}

/** OpenSSL encrypts with no other modulus. */
function isOdd(key: KeyObject): boolean {
  const modulus = Buffer.from(key.export({ format: 'jwk' }).n ?? '', 'base64url')
  return ((modulus.at(-1) ?? 0) & 1) === 1
}
