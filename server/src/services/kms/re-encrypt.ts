import { parseEnvelope } from '../../crypto/envelope.ts'
import { KmsError } from '../../keys/kms-error.ts'
import type { Asked } from './conditions.ts'
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
  const sourceKeyId = request.SourceKeyId ?? envelope?.keyId ?? ''
  const sameKey = String(await access.areSame(sourceKeyId, request.DestinationKeyId))
  const fromAsked: Asked = {
    encryptionContext: request.SourceEncryptionContext,
    grantTokens: request.GrantTokens,
    values: { 'kms:encryptionalgorithm': sourceAlgorithm, 'kms:reencryptonsamekey': sameKey },
  }
  const toAsked: Asked = {
    encryptionContext: request.DestinationEncryptionContext,
    grantTokens: request.GrantTokens,
    values: { 'kms:encryptionalgorithm': destinationAlgorithm, 'kms:reencryptonsamekey': sameKey },
  }
  const source =
    request.SourceKeyId === undefined
      ? await access.forCiphertext(sourceKeyId, 'kms:ReEncryptFrom', fromAsked)
      : await access.forUse(sourceKeyId, 'kms:ReEncryptFrom', fromAsked)
  const destination = await access.forUse(request.DestinationKeyId, 'kms:ReEncryptTo', toAsked)
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
