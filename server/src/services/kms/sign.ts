import { KmsError } from '../../keys/kms-error.ts'
import { requireUsable } from '../../keys/usable.ts'
import type { Operation } from './operation.ts'
import { howSigned, requireDigestLength, signingAsked } from './signing.ts'

/**
 * Signs a message, or what a message was hashed to.
 *
 * @see AWS KMS API Reference, Sign
 */
export const sign: Operation<'Sign'> = async (request, { access, audit, caller }) => {
  requireDigestLength(request)

  const loaded = await access.forUse(request.KeyId, 'kms:Sign', signingAsked(request))
  const { key } = loaded
  const material = requireUsable(loaded, 'SIGN_VERIFY', request.SigningAlgorithm, 'Sign')
  const { scheme, input } = howSigned(key.spec, request)
  if (request.DryRun) throw new KmsError('DryRunOperationException')

  const Signature = await material.sign(scheme, input, request.Message, caller.accountId)
  audit.used(key)
  return {
    KeyId: key.arn,
    Signature,
    SigningAlgorithm: request.SigningAlgorithm,
  }
}
