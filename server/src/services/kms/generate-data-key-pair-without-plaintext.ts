import { makeDataKeyPair } from './data-key-pair.ts'
import type { Operation } from './operation.ts'

/**
 * Returns a new key pair, its private key sealed under a KMS key only, for whoever may decrypt it later.
 *
 * @see AWS KMS API Reference, GenerateDataKeyPairWithoutPlaintext
 */
export const generateDataKeyPairWithoutPlaintext: Operation<'GenerateDataKeyPairWithoutPlaintext'> = async (
  request,
  context,
) => {
  const pair = await makeDataKeyPair(request, 'GenerateDataKeyPairWithoutPlaintext', context)
  pair.privateKey.fill(0)
  return {
    PrivateKeyCiphertextBlob: pair.privateKeyCiphertext,
    PublicKey: pair.publicKey,
    KeyId: pair.keyArn,
    KeyPairSpec: request.KeyPairSpec,
    KeyMaterialId: pair.materialId,
  }
}
