import type { KeyObject } from 'node:crypto'
import type { EncryptionContext } from './encryption-context.ts'
import { openEnvelope, sealEnvelope, type Envelope, type EnvelopeIds } from './envelope.ts'
import type { RandomSource } from './random.ts'

/**
 * One version of a symmetric KMS key's material. Operations use it without seeing a byte of it; it may be in this
 * process, in an HSM or behind a network, so each use is asynchronous and may fail.
 *
 * Both reject with `MaterialUnavailable` when the material cannot be reached, which says nothing about the ciphertext.
 */
export interface SymmetricMaterial {
  /** 64 hexadecimal digits; random, so it tells nothing about the material. */
  readonly materialId: string
  seal(plaintext: Uint8Array, encryptionContext: EncryptionContext): Promise<Buffer>
  /** Resolves to undefined when the ciphertext or the encryption context is not authentic, always alike. */
  open(envelope: Envelope, encryptionContext: EncryptionContext): Promise<Buffer | undefined>
}

/** Material that is kept elsewhere did not answer. `cause` is for the operator's log; clients see KeyUnavailableException. */
export class MaterialUnavailable extends Error {
  override readonly name = 'MaterialUnavailable'
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
  }
}

/** Material whose bytes are in this process, inside a KeyObject. */
export function inMemorySymmetricMaterial(
  ids: EnvelopeIds,
  key: KeyObject,
  random: RandomSource,
): SymmetricMaterial {
  return {
    materialId: ids.materialId,
    seal: async (plaintext, encryptionContext) =>
      sealEnvelope(key, ids, plaintext, encryptionContext, random),
    open: async (envelope, encryptionContext) => openEnvelope(key, envelope, encryptionContext),
  }
}

/** New material of 256 bits with a name of its own; the caller wraps the bytes for storage, then wipes them. */
export function generateSymmetricMaterial(random: RandomSource): { materialId: string; bytes: Buffer } {
  return { materialId: random.bytes(32).toString('hex'), bytes: random.bytes(32) }
}
