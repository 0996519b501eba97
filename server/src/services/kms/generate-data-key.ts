import { makeDataKey } from './data-key.ts'
import type { Operation } from './operation.ts'
import { attestedRecipient, plaintextFor } from './recipient.ts'

/**
 * Returns one new data key twice: in the clear, and sealed under a KMS key.
 *
 * @see AWS KMS API Reference, GenerateDataKey
 */
export const generateDataKey: Operation<'GenerateDataKey'> = async (request, context) => {
  const recipient = request.Recipient && (await attestedRecipient(request.Recipient, context))
  const made = await makeDataKey(request, 'GenerateDataKey', context, recipient)
  return {
    CiphertextBlob: made.ciphertext,
    ...plaintextFor(recipient, 'Plaintext', made.plaintext),
    KeyId: made.keyArn,
    KeyMaterialId: made.materialId,
  }
}
