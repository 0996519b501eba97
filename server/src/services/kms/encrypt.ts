import { KmsError } from '../../keys/kms-error.ts'
import { requireUsable } from '../../keys/usable.ts'
import { encryptTo, requirePlaintextFits } from './asymmetric-encryption.ts'
import { encryptionAsked, noEncryptionContext, requireContextFits } from './encryption.ts'
import type { Operation } from './operation.ts'

/**
 * Encrypts under a KMS key: up to 4096 bytes under a symmetric one, to an RSA key what its algorithm takes.
 *
 * @see AWS KMS API Reference, Encrypt
 */
export const encrypt: Operation<'Encrypt'> = async (request, { access, audit }) => {
  const algorithm = request.EncryptionAlgorithm ?? 'SYMMETRIC_DEFAULT'
  requireContextFits(algorithm, request.EncryptionContext)

  const loaded = await access.forUse(request.KeyId, 'kms:Encrypt', encryptionAsked(request, algorithm))
  const { key } = loaded
  const material = requireUsable(loaded, 'ENCRYPT_DECRYPT', algorithm, 'Encrypt')
  if (material.use === 'decrypt') requirePlaintextFits(key.spec, algorithm, request.Plaintext)
  if (request.DryRun) throw new KmsError('DryRunOperationException')

  if (material.use === 'decrypt') {
    const CiphertextBlob = await encryptTo(material, algorithm, request.Plaintext)
    audit.used(key)
    return { CiphertextBlob, KeyId: key.arn, EncryptionAlgorithm: algorithm }
  }
  audit.note({ keyMaterialId: material.materialId })
  audit.used(key, material.materialId)
  return {
    CiphertextBlob: await material.seal(request.Plaintext, request.EncryptionContext ?? noEncryptionContext),
    KeyId: key.arn,
    EncryptionAlgorithm: algorithm,
  }
}
