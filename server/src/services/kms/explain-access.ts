import { decideAccess } from '../../identity/access.ts'
import type { OrganizationFacts } from '../../identity/organization-facts.ts'
import type { RequestFacts } from '../../identity/request-facts.ts'
import type { Standing } from '../../identity/standing.ts'
import type { KmsKey } from '../../keys/key.ts'
import type { CompiledPolicy } from '../../policy/compile.ts'
import type { Decision, GrantSource } from '../../policy/decision.ts'
import { actions, type KmsActionName } from './condition-keys.ts'
import { KmsConditions, type ConditionValues } from './conditions.ts'

/** A question about a key that no request asks: an operator does. */
export interface KeyInquiry {
  readonly standing: Standing
  readonly facts: RequestFacts
  readonly key: KmsKey
  /** The key policy, or what is assumed of it. */
  readonly policy: CompiledPolicy | undefined
  readonly action: string
  readonly encryptionContext?: ReadonlyMap<string, string> | undefined
  /** By condition key, in lower case. */
  readonly values?: ReadonlyMap<string, string> | undefined
  /** Of the key's account, when it is not the caller's. */
  readonly organization?: OrganizationFacts | undefined
  readonly grant?: GrantSource | undefined
  /** As on a resource without a policy: the caller's own side alone. */
  readonly ownSideOnly?: boolean
}

/** What AWS KMS has of an action: undefined when it is none, or on no key. */
export function keyAction(action: string): { readonly crossAccount: boolean } | undefined {
  if (!Object.hasOwn(actions, action)) return undefined
  const found = actions[action as KmsActionName]
  return found.on === 'account' ? undefined : found
}

/** What the server would decide, with the statements that matched. It asks what every operation asks. */
export function explainKeyAccess(inquiry: KeyInquiry): Decision {
  const { standing, facts, key, policy, encryptionContext, organization, grant, ownSideOnly } = inquiry
  const { caller } = standing
  const action = inquiry.action as KmsActionName
  const values = Object.fromEntries(inquiry.values ?? []) as ConditionValues
  return decideAccess(
    standing,
    facts,
    {
      action,
      resource: {
        arn: key.arn,
        accountId: ownSideOnly === true ? caller.accountId : key.accountId,
        kind: ownSideOnly === true ? 'plain' : 'kms-key',
        policy: ownSideOnly === true ? undefined : policy,
        quarantine: key.quarantine?.reason,
        awsManaged: key.manager === 'AWS',
        tags: key.tags,
        organization,
      },
      context: new KmsConditions({
        action,
        caller,
        region: key.region,
        asked: { encryptionContext, values },
        key,
        requestAlias: undefined,
      }),
      grant,
    },
    { explain: true },
  )
}
