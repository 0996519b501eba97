import { KmsError } from '../../keys/kms-error.ts'
import { requireUsable } from '../../keys/usable.ts'
import type { Operation } from './operation.ts'
import { howSigned, requireDigestLength, signingAsked } from './signing.ts'

/**
 * Says that a signature is one of this key on this message; of any other it says nothing more than that.
 *
 * @see AWS KMS API Reference, Verify
 */
export const verify: Operation<'Verify'> = async (request, { access, audit, caller }) => {
  requireDigestLength(request)

  const loaded = await access.forUse(request.KeyId, 'kms:Verify', signingAsked(request))
  const { key } = loaded
  const material = requireUsable(loaded, 'SIGN_VERIFY', request.SigningAlgorithm, 'Verify')
  const { scheme, input } = howSigned(key.spec, request)
  if (request.DryRun) throw new KmsError('DryRunOperationException')

  const { Message, Signature } = request
  const isValid = await material.verify(scheme, input, Message, Signature, caller.accountId)
  if (!isValid) throw new KmsError('KMSInvalidSignatureException')
  audit.used(key)
  return { KeyId: key.arn, SignatureValid: true, SigningAlgorithm: request.SigningAlgorithm }
}
