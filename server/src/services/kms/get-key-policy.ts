import { POLICY_NAME, requirePolicyName } from './key-policy.ts'
import type { Operation } from './operation.ts'

/** @see AWS KMS API Reference, GetKeyPolicy */
export const getKeyPolicy: Operation<'GetKeyPolicy'> = async (request, { access, store }) => {
  const { key } = await access.toManage(store.db, request.KeyId, 'kms:GetKeyPolicy')
  requirePolicyName(request.PolicyName)
  return { Policy: key.policy, PolicyName: POLICY_NAME }
}
