import { iamArn } from '../../arn.ts'

/** Statements that several templates are made of. */

export interface StatementText {
  readonly Sid: string
  readonly Effect: 'Allow' | 'Deny'
  readonly Principal?: '*' | Readonly<Record<string, string | readonly string[]>>
  readonly Action: string | readonly string[]
  readonly Resource: string | readonly string[]
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>
}

/** What a key user needs. ReEncrypt* and GenerateDataKey* stand for their variants. */
export const useActions = [
  'kms:Encrypt',
  'kms:Decrypt',
  'kms:ReEncrypt*',
  'kms:GenerateDataKey*',
  'kms:DescribeKey',
] as const

/** What a key administrator needs; nothing that reads or writes data. */
export const administrationActions = [
  'kms:CreateAlias',
  'kms:UpdateAlias',
  'kms:DeleteAlias',
  'kms:DescribeKey',
  'kms:GetKeyPolicy',
  'kms:GetKeyRotationStatus',
  'kms:PutKeyPolicy',
  'kms:EnableKey',
  'kms:DisableKey',
  'kms:EnableKeyRotation',
  'kms:DisableKeyRotation',
  'kms:RotateKeyOnDemand',
  'kms:ListGrants',
  'kms:ListKeyPolicies',
  'kms:ListKeyRotations',
  'kms:ListResourceTags',
  'kms:RevokeGrant',
  'kms:ScheduleKeyDeletion',
  'kms:CancelKeyDeletion',
  'kms:TagResource',
  'kms:UntagResource',
  'kms:UpdateKeyDescription',
] as const

/** What cannot be taken back, or opens the key to others. */
export const dangerousActions = [
  'kms:DeleteAlias',
  'kms:DeleteImportedKeyMaterial',
  'kms:DisableKey',
  'kms:PutKeyPolicy',
  'kms:ScheduleKeyDeletion',
] as const

/** What tells how a key is set up, and nothing of what is under it. */
export const auditActions = [
  'kms:DescribeKey',
  'kms:GetKeyPolicy',
  'kms:GetKeyRotationStatus',
  'kms:GetPublicKey',
  'kms:ListGrants',
  'kms:ListKeyPolicies',
  'kms:ListKeyRotations',
  'kms:ListResourceTags',
] as const

/** Without it nobody could change the key when its administrators are gone; it lets IAM policies of the account decide. */
export function accountStatement(account: string, partition: string): StatementText {
  return {
    Sid: 'EnableIamPolicies',
    Effect: 'Allow',
    Principal: { AWS: iamArn({ partition, accountId: account, resource: 'root' }) },
    Action: 'kms:*',
    Resource: '*',
  }
}

/** The account manages the key, but its IAM policies cannot open data with it. */
export function accountManagementStatement(account: string, partition: string): StatementText {
  return {
    ...accountStatement(account, partition),
    Sid: 'EnableKeyManagement',
    Action: administrationActions,
  }
}
