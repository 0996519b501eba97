import { makeDataKey } from './data-key.ts'
import { refuseRecipient } from './encryption.ts'
import type { Operation } from './operation.ts'

/**
 * Returns one new data key twice: in the clear, and sealed under a KMS key.
 *
 * @see AWS KMS API Reference, GenerateDataKey
 */
export const generateDataKey: Operation<'GenerateDataKey'> = async (request, context) => {
  refuseRecipient(request.Recipient)
  const { plaintext, ciphertext, keyArn, materialId } = await makeDataKey(request, 'GenerateDataKey', context)
  return { CiphertextBlob: ciphertext, Plaintext: plaintext, KeyId: keyArn, KeyMaterialId: materialId }
}
