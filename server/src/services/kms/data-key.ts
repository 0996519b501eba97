import { KmsError } from '../../keys/kms-error.ts'
import { encryptionAsked, noEncryptionContext, requireEncryptionKey } from './encryption.ts'
import type { KmsContext } from './operation.ts'
import type { RequestOf } from './shapes.ts'

/** One new data key: in the clear, and sealed under a KMS key. */
export interface DataKey {
  readonly plaintext: Buffer
  readonly ciphertext: Buffer
  readonly keyArn: string
  readonly materialId: string
}

/** What GenerateDataKey and GenerateDataKeyWithoutPlaintext do alike. */
export async function makeDataKey(
  request: RequestOf<'GenerateDataKeyWithoutPlaintext'>,
  operation: 'GenerateDataKey' | 'GenerateDataKeyWithoutPlaintext',
  { access, audit, random }: KmsContext,
): Promise<DataKey> {
  const lengthBytes = dataKeyLengthBytes(request)

  const asked = encryptionAsked(request, 'SYMMETRIC_DEFAULT')
  const loaded = await access.forUse(request.KeyId, `kms:${operation}`, asked)
  requireEncryptionKey(loaded, 'SYMMETRIC_DEFAULT', operation)
  if (request.DryRun) throw new KmsError('DryRunOperationException')

  const { key, material } = loaded
  const plaintext = random.bytes(lengthBytes)
  const ciphertext = await material.seal(plaintext, request.EncryptionContext ?? noEncryptionContext)
  audit.note({ keyMaterialId: material.materialId })
  return { plaintext, ciphertext, keyArn: key.arn, materialId: material.materialId }
}

/** AES_128 is 16 bytes, AES_256 is 32; otherwise 1 to 1024 bytes as asked. */
function dataKeyLengthBytes({
  KeySpec,
  NumberOfBytes,
}: RequestOf<'GenerateDataKeyWithoutPlaintext'>): number {
  if ((KeySpec === undefined) === (NumberOfBytes === undefined)) {
    throw new KmsError('ValidationException', 'Please specify either number of bytes or key spec.')
  }
  return NumberOfBytes ?? (KeySpec === 'AES_128' ? 16 : 32)
}
