import { KmsError } from '../../keys/kms-error.ts'
import { requireUsable } from '../../keys/usable.ts'
import type { Operation } from './operation.ts'

/**
 * Opens a secret that was encapsulated to this key. A ciphertext of the right length always gives a secret; one that was
 * not made for the key gives one that nobody else has.
 *
 * @see AWS KMS API Reference, Decapsulate; FIPS 203, section 6.3
 */
export const decapsulate: Operation<'Decapsulate'> = async (request, { access, audit }) => {
  const { KeyId, GrantTokens, EncapsulationAlgorithm } = request
  const loaded = await access.forUse(KeyId, 'kms:Decapsulate', { grantTokens: GrantTokens })
  const material = requireUsable(loaded, 'ENCAPSULATE_DECAPSULATE', EncapsulationAlgorithm, 'Decapsulate')
  if (request.DryRun) throw new KmsError('DryRunOperationException')

  const SharedSecret = await material.decapsulate(request.SharedSecretCiphertextBlob)
  if (SharedSecret === undefined) throw new KmsError('InvalidCiphertextException')
  audit.used(loaded.key)
  return { KeyId: loaded.key.arn, SharedSecret, EncapsulationAlgorithm }
}
