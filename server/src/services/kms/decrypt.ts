import { parseEnvelope } from '../../crypto/envelope.ts'
import { KmsError } from '../../keys/kms-error.ts'
import {
  encryptionAsked,
  ignoresCiphertext,
  noEncryptionContext,
  open,
  refuseRecipient,
  requireEncryptionKey,
} from './encryption.ts'
import type { Operation } from './operation.ts'

/**
 * Opens what Encrypt, ReEncrypt or GenerateDataKey sealed. The ciphertext names its key, so KeyId is
 * optional; when it is given, it must be that key.
 *
 * @see AWS KMS API Reference, Decrypt
 */
export const decrypt: Operation<'Decrypt'> = async (request, { keys, access, audit }) => {
  const algorithm = request.EncryptionAlgorithm ?? 'SYMMETRIC_DEFAULT'
  const ignoring = ignoresCiphertext(request, { name: 'keyId', value: request.KeyId })
  refuseRecipient(request.Recipient)

  const envelope = request.CiphertextBlob && parseEnvelope(request.CiphertextBlob)
  const asked = encryptionAsked(request, algorithm)
  const loaded =
    request.KeyId === undefined
      ? await access.forCiphertext(requireNamed(envelope).keyId, 'kms:Decrypt', asked)
      : await access.forUse(request.KeyId, 'kms:Decrypt', asked)
  requireEncryptionKey(loaded, algorithm, 'Decrypt')
  const { key } = loaded
  if (!ignoring && envelope !== undefined && envelope.keyId !== key.keyId)
    throw new KmsError('IncorrectKeyException')
  if (request.DryRun) throw new KmsError('DryRunOperationException')

  const { plaintext, materialId } = await open(
    keys,
    loaded,
    envelope,
    request.EncryptionContext ?? noEncryptionContext,
  )
  audit.note({ keyMaterialId: materialId })
  return { KeyId: key.arn, Plaintext: plaintext, EncryptionAlgorithm: algorithm, KeyMaterialId: materialId }
}

function requireNamed<T>(envelope: T | undefined): T {
  if (envelope === undefined) throw new KmsError('InvalidCiphertextException')
  return envelope
}
