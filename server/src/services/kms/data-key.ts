import type { SymmetricMaterial } from '../../crypto/material.ts'
import type { LoadedKey } from '../../keys/keys.ts'
import { KmsError } from '../../keys/kms-error.ts'
import { requireUsable, type MaterialOf } from '../../keys/usable.ts'
import { encryptionAsked, noEncryptionContext } from './encryption.ts'
import type { KmsContext } from './operation.ts'
import { askedFor, type Recipient } from './recipient.ts'
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
  recipient?: Recipient,
): Promise<DataKey> {
  const lengthBytes = dataKeyLengthBytes(request)

  const asked = askedFor(recipient, encryptionAsked(request, 'SYMMETRIC_DEFAULT'))
  const loaded = await access.forUse(request.KeyId, `kms:${operation}`, asked)
  const material = requireSealing(loaded, operation)
  if (request.DryRun) throw new KmsError('DryRunOperationException')

  const plaintext = random.bytes(lengthBytes)
  const ciphertext = await material.seal(plaintext, request.EncryptionContext ?? noEncryptionContext)
  audit.note({ keyMaterialId: material.materialId })
  audit.used(loaded.key, material.materialId)
  return { plaintext, ciphertext, keyArn: loaded.key.arn, materialId: material.materialId }
}

/** Data keys and key pairs are sealed under symmetric encryption keys only. */
export function requireSealing(loaded: LoadedKey, operation: string): SymmetricMaterial {
  const material: MaterialOf<'ENCRYPT_DECRYPT'> = requireUsable(
    loaded,
    'ENCRYPT_DECRYPT',
    'SYMMETRIC_DEFAULT',
    operation,
  )
  if (material.use !== 'seal') throw new Error(`${loaded.key.arn} has SYMMETRIC_DEFAULT and does not seal`)
  return material
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
