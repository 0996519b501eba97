import { macAlgorithms } from '../../keys/algorithms.ts'
import { KmsError } from '../../keys/kms-error.ts'
import { requireUsable } from '../../keys/usable.ts'
import type { Operation } from './operation.ts'

/**
 * Makes the message authentication code of a message.
 *
 * @see AWS KMS API Reference, GenerateMac
 */
export const generateMac: Operation<'GenerateMac'> = async (request, { access, audit }) => {
  const { KeyId, GrantTokens, MacAlgorithm } = request
  const asked = { grantTokens: GrantTokens, values: { 'kms:macalgorithm': MacAlgorithm } }
  const loaded = await access.forUse(KeyId, 'kms:GenerateMac', asked)
  const material = requireUsable(loaded, 'GENERATE_VERIFY_MAC', MacAlgorithm, 'GenerateMac')
  if (request.DryRun) throw new KmsError('DryRunOperationException')

  const Mac = await material.mac(macAlgorithms[MacAlgorithm], request.Message)
  audit.used(loaded.key)
  return { Mac, MacAlgorithm, KeyId: loaded.key.arn }
}
