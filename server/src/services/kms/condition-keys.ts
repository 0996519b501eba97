import { kms } from '../../policy/analysis/vocabulary/kms.ts'
import type { ServiceVocabulary } from '../../policy/analysis/vocabulary/service-vocabulary.ts'

/**
 * Which condition keys each action of AWS KMS has, and what it is authorized on, as the vocabulary of policies lists it.
 * Actions that are not served yet have their row too: their operations only have to say the values.
 *
 * @see AWS KMS Developer Guide, "AWS KMS condition keys" and "Permissions reference". Read 2026-11.
 */

export type ConditionKeyName = keyof typeof kms.keys

// A permission that AWS's own replication uses; there is no such operation.
type Inner = 'SynchronizeMultiRegionKey'
const inner: ReadonlySet<string> = new Set<Inner>(['SynchronizeMultiRegionKey'])

export type KmsActionName = `kms:${Exclude<keyof typeof kms.actions, Inner>}`

export interface KmsAction {
  /** A key; an alias and its key; or nothing but the account, for which key policies play no part. */
  readonly on: 'key' | 'alias-and-key' | 'account'
  /** Whether another account's key can be named; otherwise no policy of that account helps. */
  readonly crossAccount: boolean
  /** In lower case, as policies are evaluated; of a family only what its keys begin with. */
  readonly keys: ReadonlySet<string>
}

const crossAccount: ReadonlySet<string> = new Set<KmsActionName>([
  'kms:CreateGrant',
  'kms:Decapsulate',
  'kms:Decrypt',
  'kms:DeriveSharedSecret',
  'kms:DescribeKey',
  'kms:Encapsulate',
  'kms:Encrypt',
  'kms:GenerateDataKey',
  'kms:GenerateDataKeyPair',
  'kms:GenerateDataKeyPairWithoutPlaintext',
  'kms:GenerateDataKeyWithoutPlaintext',
  'kms:GenerateMac',
  'kms:GetKeyRotationStatus',
  'kms:GetPublicKey',
  'kms:ListGrants',
  'kms:ReEncryptFrom',
  'kms:ReEncryptTo',
  'kms:RetireGrant',
  'kms:RevokeGrant',
  'kms:Sign',
  'kms:Verify',
  'kms:VerifyMac',
])

/** Deprecated condition keys, which go wherever those go that took their place. */
const deprecatedNames: ReadonlyMap<string, string> = new Map<ConditionKeyName, ConditionKeyName>([
  ['kms:KeySpec', 'kms:CustomerMasterKeySpec'],
  ['kms:KeyUsage', 'kms:CustomerMasterKeyUsage'],
])

export const actions = actionsOf(kms)

/** Whether an action has a condition key, which belongs to a family or stands for itself. */
export function hasConditionKey(action: KmsActionName, key: string): boolean {
  const { keys } = actions[action]
  return keys.has(key) || keys.has(familyOf(key))
}

/** `kms:encryptioncontext:` of `kms:encryptioncontext:purpose`, `aws:resourcetag/` of `aws:resourcetag/team`. */
export function familyOf(key: string): string {
  const separator = key.startsWith('aws:') ? key.indexOf('/') : key.indexOf(':', 'kms:'.length)
  return key.slice(0, separator + 1)
}

function actionsOf(vocabulary: ServiceVocabulary): Readonly<Record<KmsActionName, KmsAction>> {
  const all = Object.entries(vocabulary.actions)
    .filter(([name]) => !inner.has(name))
    .map(([bareName, { on, keys }]): [string, KmsAction] => {
      const name = `kms:${bareName}`
      const ofResources = on.flatMap((type) => vocabulary.resources[type]?.keys ?? [])
      return [
        name,
        {
          on: on.includes('alias') ? 'alias-and-key' : on.includes('key') ? 'key' : 'account',
          crossAccount: crossAccount.has(name),
          keys: new Set([...keys, ...ofResources].flatMap(evaluatedNames)),
        },
      ]
    })
  return Object.fromEntries(all) as Record<KmsActionName, KmsAction>
}

function evaluatedNames(key: string): readonly string[] {
  const deprecated = deprecatedNames.get(key)
  return (deprecated === undefined ? [key] : [key, deprecated]).map((name) => {
    const lowered = name.toLowerCase()
    return familyOf(lowered) || lowered
  })
}
