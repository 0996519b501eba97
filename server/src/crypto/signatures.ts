import { constants, sign as signMessage, verify as verifyMessage, type KeyObject } from 'node:crypto'
import {
  signDigestPkcs1,
  signDigestPss,
  verifyDigestPkcs1,
  verifyDigestPss,
} from './rsa-digest-signatures.ts'
import { modulusBytes } from './rsa-modulus.ts'
import type { SignatureScheme, SignedInput } from './schemes.ts'

/** Whether `sign` and `verify` here can do it; the rest is in threads (slow-signatures.ts). */
export function isNative({ type }: SignatureScheme, input: SignedInput): boolean {
  if (type === 'rsa-pss' || type === 'rsa-pkcs1-v1.5') return true
  return input === 'message' && type !== 'ed25519ph' && type !== 'sm2dsa'
}

/** With node:crypto: messages, and digests for RSA. */
export function sign(
  privateKey: KeyObject,
  scheme: SignatureScheme,
  input: SignedInput,
  message: Uint8Array,
): Buffer {
  const ofDigest = input === 'digest'
  switch (scheme.type) {
    case 'rsa-pss':
      if (ofDigest) return signDigestPss(privateKey, scheme.hash, message)
      return signMessage(scheme.hash, message, pss(privateKey))
    case 'rsa-pkcs1-v1.5':
      if (ofDigest) return signDigestPkcs1(privateKey, scheme.hash, message)
      return signMessage(scheme.hash, message, privateKey)
    case 'ecdsa':
      requireMessage(input)
      return signMessage(scheme.hash, message, privateKey)
    case 'ed25519':
    case 'ml-dsa':
      requireMessage(input)
      return signMessage(null, message, privateKey)
    case 'ed25519ph':
    case 'sm2dsa':
      throw new TypeError(`${scheme.type} is not done here`)
  }
}

/** Whether it is this key's signature. Whatever else it may be, it is not: nothing that a client sends throws. */
export function verify(
  publicKey: KeyObject,
  scheme: SignatureScheme,
  input: SignedInput,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  const ofDigest = input === 'digest'
  switch (scheme.type) {
    case 'rsa-pss':
      if (ofDigest) return verifyDigestPss(publicKey, scheme.hash, message, signature)
      // RFC 8017, section 8.1.2, step 1: OpenSSL takes one whose first byte is zero without that byte too.
      if (signature.length !== modulusBytes(publicKey)) return false
      return verifyMessage(scheme.hash, message, pss(publicKey), signature)
    case 'rsa-pkcs1-v1.5':
      if (ofDigest) return verifyDigestPkcs1(publicKey, scheme.hash, message, signature)
      return verifyMessage(scheme.hash, message, publicKey, signature)
    case 'ecdsa':
      requireMessage(input)
      return verifyMessage(scheme.hash, message, publicKey, signature)
    case 'ed25519':
    case 'ml-dsa':
      requireMessage(input)
      return verifyMessage(null, message, publicKey, signature)
    case 'ed25519ph':
    case 'sm2dsa':
      throw new TypeError(`${scheme.type} is not done here`)
  }
}

/** A digest given here would be hashed once more, and the signature would be of something else. */
function requireMessage(input: SignedInput): void {
  if (input !== 'message') throw new TypeError(`node:crypto does not sign a ${input}`)
}

/** The salt is as long as the hash, also when verifying. MGF1 is over the same hash, as when nothing is said. */
function pss(key: KeyObject) {
  const { RSA_PKCS1_PSS_PADDING: padding, RSA_PSS_SALTLEN_DIGEST: saltLength } = constants
  return { key, padding, saltLength }
}
