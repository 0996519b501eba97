import { defaultKeyPolicy } from '../keys/default-policy.ts'
import type { Keys } from '../keys/keys.ts'
import { DeploymentError } from './deployment-error.ts'
import { requireKeyNamed } from './key-named.ts'
import type { OperatorChange } from './operator-change.ts'
import type { Operator } from './operator-record.ts'

/**
 * Gives a key the default policy, which leaves it to its account: for one whose policy lets nobody change it any more. AWS
 * does this through its support.
 */
export interface KeyPolicyReset {
  /**
   * @param args.id a key id or key ARN
   * @returns the policy that was there, as it was put
   */
  reset(
    args: { id: string; reason: string },
    operator: Operator,
  ): Promise<{ arn: string; formerPolicy: string }>
}

export function createKeyPolicyReset({
  keys,
  change,
}: {
  keys: Keys
  change: OperatorChange
}): KeyPolicyReset {
  return {
    reset: ({ id, reason }, operator) =>
      change(operator, 'ResetKeyPolicy', { id, reason }, async (tx) => {
        const stored = await requireKeyNamed(keys, tx.db, id)
        const { arn, accountId, region, policy, manager } = stored.key
        if (manager === 'AWS') {
          throw new DeploymentError(
            `${arn} is an AWS managed key: its policy is fixed, and as its service needs it`,
          )
        }
        await keys.change(tx, stored, {
          policy: { text: defaultKeyPolicy(accountId, region), bindings: new Map() },
        })
        const result = { arn, formerPolicy: policy.text }
        return { result, accountId, response: result }
      }),
  }
}
