import { parseEnvelope, type Envelope } from '../../crypto/envelope.ts'
import type { EncryptionAlgorithm } from '../../keys/algorithms.ts'
import type { KmsKey } from '../../keys/key.ts'
import type { Keys } from '../../keys/keys.ts'
import { KmsError } from '../../keys/kms-error.ts'
import { requireUsable, type MaterialOf } from '../../keys/usable.ts'
import { decryptWith, encryptTo, requirePlaintextFits } from './asymmetric-encryption.ts'
import type { Asked } from './conditions.ts'
import { ignoresCiphertext, noEncryptionContext, open, requireContextFits } from './encryption.ts'
import type { Operation } from './operation.ts'
import type { RequestOf } from './shapes.ts'

/**
 * Opens a ciphertext and encrypts what was in it under another key, algorithm or context; the plaintext never leaves the
 * service.
 *
 * @see AWS KMS API Reference, ReEncrypt
 */
export const reEncrypt: Operation<'ReEncrypt'> = async (request, { caller, keys, access, audit }) => {
  const sourceAlgorithm = request.SourceEncryptionAlgorithm ?? 'SYMMETRIC_DEFAULT'
  const destinationAlgorithm = request.DestinationEncryptionAlgorithm ?? 'SYMMETRIC_DEFAULT'
  const ignoring = ignoresCiphertext(request, { name: 'sourceKeyId', value: request.SourceKeyId })
  requireContextFits(sourceAlgorithm, request.SourceEncryptionContext)
  requireContextFits(destinationAlgorithm, request.DestinationEncryptionContext)

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
  const opener = requireUsable(source, 'ENCRYPT_DECRYPT', sourceAlgorithm, 'ReEncrypt')
  const sealer = requireUsable(destination, 'ENCRYPT_DECRYPT', destinationAlgorithm, 'ReEncrypt')
  const isOfAnotherKey = envelope !== undefined && envelope.keyId !== source.key.keyId
  if (opener.use === 'seal' && !ignoring && isOfAnotherKey) throw new KmsError('IncorrectKeyException')
  if (request.DryRun) throw new KmsError('DryRunOperationException')

  const askedBy = caller.accountId
  const opened = await openSource(request, { askedBy, keys, key: source.key, material: opener, envelope })
  try {
    const to = { key: destination.key, material: sealer, algorithm: destinationAlgorithm }
    const ciphertext = await encryptToDestination(request, to, opened.plaintext)
    const destinationMaterialId = sealer.use === 'seal' ? sealer.materialId : undefined
    audit.note({
      ...(opened.materialId !== undefined && { sourceKeyMaterialId: opened.materialId }),
      ...(destinationMaterialId !== undefined && { destinationKeyMaterialId: destinationMaterialId }),
    })
    audit.used(source.key, opened.materialId, 'ReEncryptFrom')
    audit.used(destination.key, destinationMaterialId, 'ReEncryptTo')
    return {
      CiphertextBlob: ciphertext,
      SourceKeyId: source.key.arn,
      KeyId: destination.key.arn,
      SourceEncryptionAlgorithm: sourceAlgorithm,
      DestinationEncryptionAlgorithm: destinationAlgorithm,
      ...(opened.materialId !== undefined && { SourceKeyMaterialId: opened.materialId }),
      ...(destinationMaterialId !== undefined && { DestinationKeyMaterialId: destinationMaterialId }),
    }
  } finally {
    opened.plaintext.fill(0)
  }
}

async function openSource(
  request: RequestOf<'ReEncrypt'>,
  source: {
    askedBy: string
    keys: Keys
    key: KmsKey
    material: MaterialOf<'ENCRYPT_DECRYPT'>
    envelope: Envelope | undefined
  },
): Promise<{ plaintext: Buffer; materialId?: string }> {
  const { askedBy, keys, key, material, envelope } = source
  if (material.use === 'seal') {
    return open(keys, key, material, envelope, request.SourceEncryptionContext ?? noEncryptionContext)
  }
  const algorithm = request.SourceEncryptionAlgorithm ?? 'SYMMETRIC_DEFAULT'
  return { plaintext: await decryptWith(material, algorithm, request.CiphertextBlob, askedBy) }
}

function encryptToDestination(
  request: RequestOf<'ReEncrypt'>,
  to: { key: KmsKey; material: MaterialOf<'ENCRYPT_DECRYPT'>; algorithm: EncryptionAlgorithm },
  plaintext: Buffer,
): Promise<Buffer> {
  const { key, material, algorithm } = to
  if (material.use === 'seal') {
    return material.seal(plaintext, request.DestinationEncryptionContext ?? noEncryptionContext)
  }
  requirePlaintextFits(key.spec, algorithm, plaintext)
  return encryptTo(material, algorithm, plaintext)
}
