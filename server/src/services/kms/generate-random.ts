import { KmsError } from '../../keys/kms-error.ts'
import type { Operation } from './operation.ts'
import { askedFor, attestedRecipient, plaintextFor } from './recipient.ts'

/**
 * Returns random bytes. There are no custom key stores that could make them.
 *
 * @see AWS KMS API Reference, GenerateRandom
 */
export const generateRandom: Operation<'GenerateRandom'> = async (request, context) => {
  const { access, random } = context
  // The model does not require it, the service does.
  if (request.NumberOfBytes === undefined)
    throw new KmsError('ValidationException', 'NumberOfBytes is required.')
  const recipient = request.Recipient && (await attestedRecipient(request.Recipient, context))
  access.requireAccount('kms:GenerateRandom', askedFor(recipient, {}))
  if (request.CustomKeyStoreId !== undefined) {
    throw new KmsError(
      'CustomKeyStoreNotFoundException',
      `Custom key store '${request.CustomKeyStoreId}' does not exist`,
    )
  }
  return plaintextFor(recipient, 'Plaintext', random.bytes(request.NumberOfBytes))
}
