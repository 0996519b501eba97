import assert from 'node:assert/strict'
import { constants, createHash, verify, type KeyObject } from 'node:crypto'
import type { SigningAlgorithmSpec } from '@aws-sdk/client-kms'
import { muOf } from './ml-dsa-mu.ts'

function hashName(algorithm: SigningAlgorithmSpec): string {
  return `sha${/\d+$/.exec(algorithm)?.[0] ?? ''}`
}

export function hashOf(algorithm: SigningAlgorithmSpec, message: Buffer): Buffer {
  return createHash(hashName(algorithm)).update(message).digest()
}

/** μ of a message, for whoever has the public key. */
export function externalMu(publicKey: KeyObject, message: Buffer): Buffer {
  // AlgorithmIdentifier and the bit string's head are 22 bytes for all three.
  return muOf(publicKey.export({ type: 'spki', format: 'der' }).subarray(22), message)
}

/** Whether node:crypto verifies what AWS calls by that name; not for Ed25519ph, which it does not have. */
export function isValidSignature(
  algorithm: SigningAlgorithmSpec,
  publicKey: KeyObject,
  message: Buffer,
  signature: Uint8Array | undefined,
): boolean {
  assert.ok(signature !== undefined)
  if (/^ED25519|^ML_DSA/.test(algorithm)) return verify(null, message, publicKey, signature)
  const key = { key: publicKey }
  if (algorithm.startsWith('RSASSA_PSS')) {
    // This value takes salts as long as the hash only.
    const options = {
      padding: constants.RSA_PKCS1_PSS_PADDING,
      saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
    }
    return verify(hashName(algorithm), message, { ...key, ...options }, signature)
  }
  if (algorithm.startsWith('RSASSA_PKCS1')) {
    return verify(hashName(algorithm), message, { ...key, padding: constants.RSA_PKCS1_PADDING }, signature)
  }
  return verify(hashName(algorithm), message, { ...key, dsaEncoding: 'der' }, signature)
}
