import { POLICY_NAME, requirePolicyName } from './key-policy.ts'
import type { Operation } from './operation.ts'

/**
 * Shows the policy as it was sent, but for principals that are gone since: their unique ids stand in the place of their
 * ARNs, which may be somebody else's by now.
 *
 * @see AWS KMS API Reference, GetKeyPolicy; IAM User Guide, "Principal"
 */
export const getKeyPolicy: Operation<'GetKeyPolicy'> = async (request, { access, store, binding }) => {
  const { key } = await access.toManage(store.db, request.KeyId, 'kms:GetKeyPolicy')
  requirePolicyName(request.PolicyName)
  const { text, bindings } = key.policy
  return { Policy: await binding.shownPolicy(store.db, text, bindings), PolicyName: POLICY_NAME }
}
