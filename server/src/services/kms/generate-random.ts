import { KmsError } from '../../keys/kms-error.ts'
import { refuseRecipient } from './encryption.ts'
import type { Operation } from './operation.ts'

/**
 * Returns random bytes.
 *
 * @see AWS KMS API Reference, GenerateRandom
 */
export const generateRandom: Operation<'GenerateRandom'> = async (request, { access, random }) => {
  // The model does not require it, the service does.
  if (request.NumberOfBytes === undefined)
    throw new KmsError('ValidationException', 'NumberOfBytes is required.')
  refuseRecipient(request.Recipient)
  access.requireAccount('kms:GenerateRandom')
  if (request.CustomKeyStoreId !== undefined) {
    throw new KmsError('UnsupportedOperationException', 'Custom key stores are not supported.')
  }
  return { Plaintext: random.bytes(request.NumberOfBytes) }
}
