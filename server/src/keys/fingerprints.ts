import { createHmac, createSecretKey, timingSafeEqual, type KeyObject } from 'node:crypto'
import type { RandomSource } from '../crypto/random.ts'
import { identityBytes, unwrapKey, wrapKey } from '../crypto/wrap.ts'
import type { KmsKey } from './key.ts'

/** Whose imported material a fingerprint is of: the keys of one multi-Region set have theirs in common. */
export type FingerprintOwner = Pick<KmsKey, 'accountId' | 'keyId'>

/**
 * Keyed fingerprints of imported material. They outlive it, so that the same material is known when it is imported again;
 * who has only the database can neither guess material by them nor see that two keys have the same.
 *
 * @see docs/adr/0015-imported-material.md
 */
export interface Fingerprints {
  /** A fingerprint key for a key that is about to be made, wrapped. */
  newKey(owner: FingerprintOwner): Buffer
  /** A fingerprint key as it is, for a deployment that has the same key and wraps it under its own; the caller wipes it. */
  unwrap(owner: FingerprintOwner, wrappedKey: Buffer): Buffer
  wrap(owner: FingerprintOwner, key: Buffer): Buffer
  /** @param identifying the material itself, or what belongs to it alone */
  of(owner: FingerprintOwner, wrappedKey: Buffer, identifying: Uint8Array): Buffer
}

const KEY_BYTES = 32

export function createFingerprints(secretsKey: KeyObject, random: RandomSource): Fingerprints {
  const wrap = (owner: FingerprintOwner, key: Buffer) => wrapKey(secretsKey, key, identityOf(owner), random)
  const unwrap = (owner: FingerprintOwner, wrapped: Buffer) =>
    unwrapKey(secretsKey, wrapped, identityOf(owner))

  return {
    newKey(owner) {
      const key = random.bytes(KEY_BYTES)
      try {
        return wrap(owner, key)
      } finally {
        key.fill(0)
      }
    },
    unwrap,
    wrap,
    of(owner, wrappedKey, identifying) {
      const bytes = unwrap(owner, wrappedKey)
      const key = createSecretKey(bytes)
      bytes.fill(0)
      return createHmac('sha256', key).update(identifying).digest()
    },
  }
}

export function isSameFingerprint(one: Buffer | null, other: Buffer): boolean {
  return one !== null && one.length === other.length && timingSafeEqual(one, other)
}

function identityOf({ accountId, keyId }: FingerprintOwner): Buffer {
  return identityBytes('keywright/fingerprint-key/v1', accountId, keyId)
}
