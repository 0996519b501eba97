import {
  bindKeyPolicy,
  lockoutAsked,
  requireControl,
  requireKeyPolicy,
  requirePolicyName,
} from './key-policy.ts'
import type { Operation } from './operation.ts'

/**
 * Gives a key another policy. Unless the request says otherwise, it must leave the caller the permission to change it
 * again.
 *
 * @see AWS KMS API Reference, PutKeyPolicy; Developer Guide, "Changing a key policy"
 */
export const putKeyPolicy: Operation<'PutKeyPolicy'> = async (
  request,
  { region, keys, access, binding, transition },
) => {
  const document = requireKeyPolicy(request.Policy)
  const asked = lockoutAsked(request.BypassPolicyLockoutSafetyCheck)
  return transition(async (tx) => {
    const stored = await access.toManage(tx.db, request.KeyId, 'kms:PutKeyPolicy', asked)
    requirePolicyName(request.PolicyName)
    const bindings = await bindKeyPolicy(binding, tx, document, region)
    const changed = await keys.change(tx, stored, { policy: { text: request.Policy, bindings } })
    requireControl(access, changed, request)
    return undefined
  })
}
