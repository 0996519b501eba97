import { makeDataKey } from './data-key.ts'
import type { Operation } from './operation.ts'

/**
 * Returns one new data key sealed under a KMS key only, for whoever may decrypt it later.
 *
 * @see AWS KMS API Reference, GenerateDataKeyWithoutPlaintext
 */
export const generateDataKeyWithoutPlaintext: Operation<'GenerateDataKeyWithoutPlaintext'> = async (
  request,
  context,
) => {
  const dataKey = await makeDataKey(request, 'GenerateDataKeyWithoutPlaintext', context)
  dataKey.plaintext.fill(0)
  return { CiphertextBlob: dataKey.ciphertext, KeyId: dataKey.keyArn, KeyMaterialId: dataKey.materialId }
}
