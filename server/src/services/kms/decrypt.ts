import { parseEnvelope } from '../../crypto/envelope.ts'
import { KmsError } from '../../keys/kms-error.ts'
import { requireUsable } from '../../keys/usable.ts'
import { decryptWith } from './asymmetric-encryption.ts'
import {
  encryptionAsked,
  ignoresCiphertext,
  noEncryptionContext,
  open,
  requireContextFits,
} from './encryption.ts'
import type { Operation } from './operation.ts'
import { askedFor, attestedRecipient, plaintextFor } from './recipient.ts'

/**
 * Opens what was encrypted under a KMS key. A symmetric ciphertext names its key, so KeyId is optional; when it is given,
 * it must be that key. One that was made with a public key says nothing: KeyId and algorithm are all there is to go by.
 *
 * @see AWS KMS API Reference, Decrypt
 */
export const decrypt: Operation<'Decrypt'> = async (request, context) => {
  const { caller, keys, access, audit } = context
  const algorithm = request.EncryptionAlgorithm ?? 'SYMMETRIC_DEFAULT'
  const ignoring = ignoresCiphertext(request, { name: 'keyId', value: request.KeyId })
  requireContextFits(algorithm, request.EncryptionContext)
  const recipient = request.Recipient && (await attestedRecipient(request.Recipient, context))

  const envelope = request.CiphertextBlob && parseEnvelope(request.CiphertextBlob)
  const asked = askedFor(recipient, encryptionAsked(request, algorithm))
  const loaded =
    request.KeyId === undefined
      ? await access.forCiphertext(requireNamed(envelope).keyId, 'kms:Decrypt', asked)
      : await access.forUse(request.KeyId, 'kms:Decrypt', asked)
  const material = requireUsable(loaded, 'ENCRYPT_DECRYPT', algorithm, 'Decrypt')
  const { key } = loaded
  const isSymmetric = material.use === 'seal'
  if (isSymmetric && !ignoring && envelope !== undefined && envelope.keyId !== key.keyId)
    throw new KmsError('IncorrectKeyException')
  if (request.DryRun) throw new KmsError('DryRunOperationException')

  if (!isSymmetric) {
    const plaintext = await decryptWith(material, algorithm, request.CiphertextBlob, caller.accountId)
    audit.used(key)
    return {
      KeyId: key.arn,
      ...plaintextFor(recipient, 'Plaintext', plaintext),
      EncryptionAlgorithm: algorithm,
    }
  }
  const encryptionContext = request.EncryptionContext ?? noEncryptionContext
  const { plaintext, materialId } = await open(keys, key, material, envelope, encryptionContext)
  audit.note({ keyMaterialId: materialId })
  audit.used(key, materialId)
  return {
    KeyId: key.arn,
    ...plaintextFor(recipient, 'Plaintext', plaintext),
    EncryptionAlgorithm: algorithm,
    KeyMaterialId: materialId,
  }
}

function requireNamed<T>(envelope: T | undefined): T {
  if (envelope === undefined) throw new KmsError('InvalidCiphertextException')
  return envelope
}
