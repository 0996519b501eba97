import type { KeyObject } from 'node:crypto'
import { ed25519ph } from '@noble/curves/ed25519.js'
import { p256, p384, p521 } from '@noble/curves/nist.js'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import { ml_dsa44, ml_dsa65, ml_dsa87 } from '@noble/post-quantum/ml-dsa.js'
import type { SignatureScheme } from './schemes.ts'

// What OpenSSL 3.5 can do and node:crypto does not offer: ECDSA over a hash that is already computed, Ed25519ph, and
// ML-DSA over μ. It is JavaScript: to sign takes 0.5 to 1.5 ms on a curve and 7 to 11 ms over μ, to verify 1 to 7 ms, so it is
// for threads only; that also keeps its 80 ms of loading out of a start. Private keys come as bytes, for one signature each.

const curves: Readonly<Record<string, typeof p256>> = {
  prime256v1: p256,
  secp384r1: p384,
  secp521r1: p521,
  secp256k1,
}

const mlDsa: Readonly<Record<string, typeof ml_dsa44>> = {
  'ml-dsa-44': ml_dsa44,
  'ml-dsa-65': ml_dsa65,
  'ml-dsa-87': ml_dsa87,
}

const ECDSA = { prehash: false, lowS: false, format: 'der' } as const

/** @param message the digest for ECDSA, the message or what stands for it for Ed25519ph, μ for ML-DSA */
export function signWithNoble(privateKey: KeyObject, scheme: SignatureScheme, message: Uint8Array): Buffer {
  const secret = privateKey.export({ format: scheme.type === 'ml-dsa' ? 'raw-seed' : 'raw-private' })
  try {
    return Buffer.from(signedBy(privateKey, secret, scheme, message))
  } finally {
    secret.fill(0)
  }
}

function signedBy(
  key: KeyObject,
  secret: Uint8Array,
  scheme: SignatureScheme,
  message: Uint8Array,
): Uint8Array {
  switch (scheme.type) {
    case 'ecdsa':
      // RFC 6979 with fresh randomness (section 3.6): a digest signed twice has two nonces, so what the time of
      // JavaScript's numbers tells about one cannot be averaged over many.
      return curveOf(key).sign(message, secret, { ...ECDSA, extraEntropy: true })
    case 'ed25519ph':
      return ed25519ph.sign(message, secret)
    case 'ml-dsa': {
      const { internal } = mlDsaOf(key)
      const { secretKey } = internal.keygen(secret)
      try {
        return internal.sign(message, secretKey, { externalMu: true })
      } finally {
        secretKey.fill(0)
      }
    }
    case 'ed25519':
    case 'rsa-pss':
    case 'rsa-pkcs1-v1.5':
    case 'sm2dsa':
      throw new TypeError(`${scheme.type} is not done here`)
  }
}

export function verifyWithNoble(
  publicKey: KeyObject,
  scheme: SignatureScheme,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  const point = publicKey.export({ format: 'raw-public' })
  try {
    switch (scheme.type) {
      case 'ecdsa':
        return curveOf(publicKey).verify(signature, message, point, ECDSA)
      case 'ed25519ph':
        // Without ZIP 215, which lets points be written in more than one way.
        return ed25519ph.verify(signature, message, point, { zip215: false })
      case 'ml-dsa':
        return mlDsaOf(publicKey).internal.verify(signature, message, point, { externalMu: true })
      default:
        return false
    }
  } catch {
    // What is not a signature at all.
    return false
  }
}

function curveOf(key: KeyObject): typeof p256 {
  const curve = curves[key.asymmetricKeyDetails?.namedCurve ?? '']
  if (curve === undefined) throw new TypeError('Not a curve that ECDSA is done on')
  return curve
}

function mlDsaOf(key: KeyObject): typeof ml_dsa44 {
  const scheme = mlDsa[key.asymmetricKeyType ?? '']
  if (scheme === undefined) throw new TypeError('Not an ML-DSA key')
  return scheme
}
