import { KmsError } from '../../keys/kms-error.ts'
import { encryptionAsked, noEncryptionContext, requireEncryptionKey } from './encryption.ts'
import type { Operation } from './operation.ts'

/**
 * Seals up to 4096 bytes under a KMS key.
 *
 * @see AWS KMS API Reference, Encrypt
 */
export const encrypt: Operation<'Encrypt'> = async (request, { access, audit }) => {
  const algorithm = request.EncryptionAlgorithm ?? 'SYMMETRIC_DEFAULT'

  const loaded = await access.forUse(request.KeyId, 'kms:Encrypt', encryptionAsked(request, algorithm))
  requireEncryptionKey(loaded, algorithm, 'Encrypt')
  if (request.DryRun) throw new KmsError('DryRunOperationException')

  const { key, material } = loaded
  audit.note({ keyMaterialId: material.materialId })
  return {
    CiphertextBlob: await material.seal(request.Plaintext, request.EncryptionContext ?? noEncryptionContext),
    KeyId: key.arn,
    EncryptionAlgorithm: algorithm,
  }
}
