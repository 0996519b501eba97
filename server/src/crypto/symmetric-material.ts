import type { KeyObject } from 'node:crypto'
import { openEnvelope, sealEnvelope, type EnvelopeIds } from './envelope.ts'
import type { SymmetricMaterial } from './material.ts'
import type { RandomSource } from './random.ts'

/** Material whose bytes are in this process, inside a KeyObject. */
export function symmetricMaterial(ids: EnvelopeIds, key: KeyObject, random: RandomSource): SymmetricMaterial {
  return {
    use: 'seal',
    materialId: ids.materialId,
    seal: async (plaintext, encryptionContext) =>
      sealEnvelope(key, ids, plaintext, encryptionContext, random),
    open: async (envelope, encryptionContext) => openEnvelope(key, envelope, encryptionContext),
  }
}
