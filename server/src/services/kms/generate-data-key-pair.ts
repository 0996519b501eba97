import { makeDataKeyPair } from './data-key-pair.ts'
import type { Operation } from './operation.ts'
import { attestedRecipient, plaintextFor } from './recipient.ts'

/**
 * Returns a new key pair, its private key twice: in the clear, and sealed under a KMS key. The pair is kept nowhere.
 *
 * @see AWS KMS API Reference, GenerateDataKeyPair
 */
export const generateDataKeyPair: Operation<'GenerateDataKeyPair'> = async (request, context) => {
  const recipient = request.Recipient && (await attestedRecipient(request.Recipient, context))
  const pair = await makeDataKeyPair(request, 'GenerateDataKeyPair', context, recipient)
  return {
    PrivateKeyCiphertextBlob: pair.privateKeyCiphertext,
    ...plaintextFor(recipient, 'PrivateKeyPlaintext', pair.privateKey),
    PublicKey: pair.publicKey,
    KeyId: pair.keyArn,
    KeyPairSpec: request.KeyPairSpec,
    KeyMaterialId: pair.materialId,
  }
}
