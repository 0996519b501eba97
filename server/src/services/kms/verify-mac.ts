import { macAlgorithms } from '../../keys/algorithms.ts'
import { KmsError } from '../../keys/kms-error.ts'
import { requireUsable } from '../../keys/usable.ts'
import type { Operation } from './operation.ts'

/**
 * Says that a message authentication code is this key's for this message; of any other it says nothing more than that.
 *
 * @see AWS KMS API Reference, VerifyMac
 */
export const verifyMac: Operation<'VerifyMac'> = async (request, { access, audit }) => {
  const { KeyId, GrantTokens, MacAlgorithm } = request
  const asked = { grantTokens: GrantTokens, values: { 'kms:macalgorithm': MacAlgorithm } }
  const loaded = await access.forUse(KeyId, 'kms:VerifyMac', asked)
  const material = requireUsable(loaded, 'GENERATE_VERIFY_MAC', MacAlgorithm, 'VerifyMac')
  if (request.DryRun) throw new KmsError('DryRunOperationException')

  const isValid = await material.verifyMac(macAlgorithms[MacAlgorithm], request.Message, request.Mac)
  if (!isValid) throw new KmsError('KMSInvalidMacException')
  audit.used(loaded.key)
  return { KeyId: loaded.key.arn, MacValid: true, MacAlgorithm }
}
