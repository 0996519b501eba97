import { KmsError } from '../../keys/kms-error.ts'
import { requireUsable } from '../../keys/usable.ts'
import type { Operation } from './operation.ts'
import { askedFor, attestedRecipient, plaintextFor } from './recipient.ts'

/**
 * Agrees on a secret with the owner of another key pair on the same curve. What is returned is the raw secret, from which
 * keys are still to be derived.
 *
 * @see AWS KMS API Reference, DeriveSharedSecret
 */
export const deriveSharedSecret: Operation<'DeriveSharedSecret'> = async (request, context) => {
  const { KeyId, GrantTokens, KeyAgreementAlgorithm } = request
  const recipient = request.Recipient && (await attestedRecipient(request.Recipient, context))

  const values = { 'kms:keyagreementalgorithm': KeyAgreementAlgorithm }
  const asked = askedFor(recipient, { grantTokens: GrantTokens, values })
  const loaded = await context.access.forUse(KeyId, 'kms:DeriveSharedSecret', asked)
  const { key } = loaded
  const material = requireUsable(loaded, 'KEY_AGREEMENT', KeyAgreementAlgorithm, 'DeriveSharedSecret')
  if (request.DryRun) throw new KmsError('DryRunOperationException')

  const secret = await material.agree(request.PublicKey, context.caller.accountId)
  if (secret === undefined) {
    throw new KmsError(
      'ValidationException',
      `PublicKey is not a valid DER-encoded public key for key spec ${key.spec}.`,
    )
  }
  context.audit.used(key)
  return {
    KeyId: key.arn,
    ...plaintextFor(recipient, 'SharedSecret', secret),
    KeyAgreementAlgorithm,
    KeyOrigin: key.origin,
  }
}
