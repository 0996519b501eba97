import { parseEnvelope } from '../../crypto/envelope.ts'
import { KmsError } from '../../keys/kms-error.ts'
import { ignoresCiphertext, noEncryptionContext, open, requireEncryptionKey } from './encryption.ts'
import type { Operation } from './operation.ts'

/**
 * Opens a ciphertext and seals what was in it under another key, or another context; the plaintext
 * never leaves the service.
 *
 * @see AWS KMS API Reference, ReEncrypt
 */
export const reEncrypt: Operation<'ReEncrypt'> = async (request, { keys, access, audit }) => {
  const sourceAlgorithm = request.SourceEncryptionAlgorithm ?? 'SYMMETRIC_DEFAULT'
  const destinationAlgorithm = request.DestinationEncryptionAlgorithm ?? 'SYMMETRIC_DEFAULT'
  const ignoring = ignoresCiphertext(request, { name: 'sourceKeyId', value: request.SourceKeyId })

  const envelope = request.CiphertextBlob && parseEnvelope(request.CiphertextBlob)
  if (request.SourceKeyId === undefined && envelope === undefined)
    throw new KmsError('InvalidCiphertextException')
  if (request.SourceKeyId !== undefined) access.requireForm(request.SourceKeyId)
  access.requireForm(request.DestinationKeyId)
  const source =
    request.SourceKeyId === undefined
      ? await access.forCiphertext(envelope?.keyId ?? '', 'kms:ReEncryptFrom')
      : await access.forUse(request.SourceKeyId, 'kms:ReEncryptFrom')
  const destination = await access.forUse(request.DestinationKeyId, 'kms:ReEncryptTo')
  requireEncryptionKey(source, sourceAlgorithm, 'ReEncrypt')
  requireEncryptionKey(destination, destinationAlgorithm, 'ReEncrypt')
  if (!ignoring && envelope !== undefined && envelope.keyId !== source.key.keyId) {
    throw new KmsError('IncorrectKeyException')
  }
  if (request.DryRun) throw new KmsError('DryRunOperationException')

  const { plaintext, materialId } = await open(
    keys,
    source,
    envelope,
    request.SourceEncryptionContext ?? noEncryptionContext,
  )
  const { key, material } = destination
  const ciphertext = await material.seal(
    plaintext,
    request.DestinationEncryptionContext ?? noEncryptionContext,
  )
  plaintext.fill(0)

  audit.note({ sourceKeyMaterialId: materialId, destinationKeyMaterialId: material.materialId })
  return {
    CiphertextBlob: ciphertext,
    SourceKeyId: source.key.arn,
    KeyId: key.arn,
    SourceEncryptionAlgorithm: sourceAlgorithm,
    DestinationEncryptionAlgorithm: destinationAlgorithm,
    SourceKeyMaterialId: materialId,
    DestinationKeyMaterialId: material.materialId,
  }
}
