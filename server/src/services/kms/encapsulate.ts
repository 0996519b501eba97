import { KmsError } from '../../keys/kms-error.ts'
import { requireUsable } from '../../keys/usable.ts'
import type { Operation } from './operation.ts'

/**
 * Makes a secret and a ciphertext of it that only this key opens.
 *
 * @see AWS KMS API Reference, Encapsulate
 */
export const encapsulate: Operation<'Encapsulate'> = async (request, { access, audit }) => {
  const { KeyId, GrantTokens, EncapsulationAlgorithm } = request
  const loaded = await access.forUse(KeyId, 'kms:Encapsulate', { grantTokens: GrantTokens })
  const material = requireUsable(loaded, 'ENCAPSULATE_DECAPSULATE', EncapsulationAlgorithm, 'Encapsulate')
  if (request.DryRun) throw new KmsError('DryRunOperationException')

  const { sharedSecret, ciphertext } = await material.encapsulate()
  audit.used(loaded.key)
  return {
    KeyId: loaded.key.arn,
    SharedSecret: sharedSecret,
    SharedSecretCiphertextBlob: ciphertext,
    EncapsulationAlgorithm,
  }
}
