import { requireKeyPolicy, requirePolicyName } from './key-policy.ts'
import type { Operation } from './operation.ts'

/** @see AWS KMS API Reference, PutKeyPolicy */
export const putKeyPolicy: Operation<'PutKeyPolicy'> = async (request, { keys, access, transition }) => {
  requireKeyPolicy(request.Policy)
  return transition(async (tx) => {
    const stored = await access.toManage(tx.db, request.KeyId, 'kms:PutKeyPolicy')
    requirePolicyName(request.PolicyName)
    await keys.change(tx, stored, { policy: request.Policy })
    return undefined
  })
}
