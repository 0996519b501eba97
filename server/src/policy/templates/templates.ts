import { dnsSuffixOf, iamArn, partitionOf } from '../../arn.ts'
import {
  account,
  key,
  name,
  partition,
  partnerAccount,
  principals,
  region,
  seconds,
  service,
  type Parameter,
} from './parameters.ts'
import {
  accountManagementStatement,
  accountStatement,
  administrationActions,
  auditActions,
  dangerousActions,
  useActions,
  type StatementText,
} from './statements.ts'

/** A policy that is ready but for some names. */
export interface Template {
  readonly description: string
  /** What the policy is attached to. */
  readonly kind: 'key' | 'identity'
  readonly parameters: Readonly<Record<string, Parameter>>
  statements(values: Values): readonly StatementText[]
}

export interface Values {
  one(parameter: string): string
  many(parameter: string): readonly string[]
}

/** Patterns that work, by name. What each is for, and what it does not do: docs/access-analysis.md. */
export const templates: Readonly<Record<string, Template>> = {
  'administrator-and-user': {
    description:
      'some principals administer the key and cannot use it, others use it and cannot administer it',
    kind: 'key',
    parameters: {
      account,
      administrators: principals('those who administer the key'),
      users: principals('those who encrypt and decrypt'),
      partition,
    },
    statements: (values) => [
      accountManagementStatement(values.one('account'), values.one('partition')),
      {
        Sid: 'AllowKeyAdministration',
        Effect: 'Allow',
        Principal: { AWS: values.many('administrators') },
        Action: administrationActions,
        Resource: '*',
      },
      {
        Sid: 'AllowKeyUse',
        Effect: 'Allow',
        Principal: { AWS: values.many('users') },
        Action: useActions,
        Resource: '*',
      },
    ],
  },

  'key-per-tenant': {
    description:
      "one tenant's key: its principals alone use it, and only for data that carries the tenant's name",
    kind: 'key',
    parameters: {
      account,
      tenant: { ...name, description: 'the tenant, as the encryption context names it' },
      principals: principals("the tenant's application"),
      'context-name': { ...name, description: 'the name in the encryption context', standard: 'tenant' },
      partition,
    },
    statements: (values) => {
      const use = useActions.filter((action) => action !== 'kms:DescribeKey')
      const Principal = { AWS: values.many('principals') }
      return [
        accountManagementStatement(values.one('account'), values.one('partition')),
        {
          Sid: 'AllowTenantUse',
          Effect: 'Allow',
          Principal,
          Action: use,
          Resource: '*',
          Condition: {
            StringEquals: { [`kms:EncryptionContext:${values.one('context-name')}`]: values.one('tenant') },
          },
        },
        { Sid: 'AllowTenantDescribe', Effect: 'Allow', Principal, Action: 'kms:DescribeKey', Resource: '*' },
      ]
    },
  },

  'tenant-by-tag': {
    description:
      'one policy for the principals of all tenants: each uses the keys whose tag has the value of its own tag',
    kind: 'identity',
    parameters: {
      account: { ...account, description: 'the account that the keys belong to' },
      region: { ...region, description: 'the Region of the keys' },
      'tag-key': { ...name, description: 'the tag of keys and principals', standard: 'tenant' },
    },
    statements: (values) => [
      {
        Sid: 'UseKeysOfOwnTenant',
        Effect: 'Allow',
        Action: useActions,
        Resource: `arn:${partitionOf(values.one('region'))}:kms:${values.one('region')}:${values.one('account')}:key/*`,
        Condition: {
          StringEquals: {
            [`aws:ResourceTag/${values.one('tag-key')}`]: `\${aws:PrincipalTag/${values.one('tag-key')}}`,
          },
        },
      },
    ],
  },

  'cross-account-key': {
    description: 'another account may use the key, and lend it to the services that act for it',
    kind: 'key',
    parameters: { account, partner: partnerAccount, partition },
    statements: (values) => {
      const Principal = {
        AWS: iamArn({
          partition: values.one('partition'),
          accountId: values.one('partner'),
          resource: 'root',
        }),
      }
      return [
        accountStatement(values.one('account'), values.one('partition')),
        { Sid: 'AllowUseByPartner', Effect: 'Allow', Principal, Action: useActions, Resource: '*' },
        {
          Sid: 'AllowAttachmentByPartner',
          Effect: 'Allow',
          Principal,
          Action: ['kms:CreateGrant', 'kms:ListGrants', 'kms:RevokeGrant'],
          Resource: '*',
          Condition: { Bool: { 'kms:GrantIsForAWSResource': 'true' } },
        },
      ]
    },
  },

  'cross-account-user': {
    description: 'the other half of cross-account-key: for principals of the account that uses the key',
    kind: 'identity',
    parameters: { key },
    statements: (values) => [
      { Sid: 'UseKeyOfOtherAccount', Effect: 'Allow', Action: useActions, Resource: values.one('key') },
    ],
  },

  'mfa-for-dangerous-calls': {
    description:
      'nobody deletes, disables or opens the key without a second factor that was shown a short time ago',
    kind: 'key',
    parameters: {
      account,
      administrators: principals('those who administer the key'),
      'max-age': { ...seconds, standard: '300' },
      partition,
    },
    statements: (values) => [
      accountStatement(values.one('account'), values.one('partition')),
      {
        Sid: 'AllowKeyAdministration',
        Effect: 'Allow',
        Principal: { AWS: values.many('administrators') },
        Action: administrationActions,
        Resource: '*',
      },
      {
        Sid: 'DenyDangerousCallsWithoutMfa',
        Effect: 'Deny',
        Principal: '*',
        Action: dangerousActions,
        Resource: '*',
        // Credentials that were never shown a second factor have no such key at all.
        Condition: { BoolIfExists: { 'aws:MultiFactorAuthPresent': 'false' } },
      },
      {
        Sid: 'DenyDangerousCallsWithOldMfa',
        Effect: 'Deny',
        Principal: '*',
        Action: dangerousActions,
        Resource: '*',
        Condition: { NumericGreaterThanIfExists: { 'aws:MultiFactorAuthAge': values.one('max-age') } },
      },
    ],
  },

  'service-use-only': {
    description: 'principals use the key through one service and never directly',
    kind: 'key',
    parameters: { account, region, service, principals: principals('those whose data the service keeps') },
    statements: (values) => {
      const Principal = { AWS: values.many('principals') }
      const inRegion = values.one('region')
      const via = `${values.one('service')}.${inRegion}.${dnsSuffixOf(inRegion)}`
      return [
        accountManagementStatement(values.one('account'), partitionOf(inRegion)),
        {
          Sid: 'AllowUseThroughService',
          Effect: 'Allow',
          Principal,
          Action: useActions,
          Resource: '*',
          Condition: { StringEquals: { 'kms:ViaService': via } },
        },
        {
          Sid: 'AllowGrantsForService',
          Effect: 'Allow',
          Principal,
          Action: 'kms:CreateGrant',
          Resource: '*',
          Condition: {
            StringEquals: { 'kms:ViaService': via },
            Bool: { 'kms:GrantIsForAWSResource': 'true' },
          },
        },
      ]
    },
  },

  'read-only-auditor': {
    description: 'sees how every key of the account is set up, and can neither use nor change one',
    kind: 'identity',
    parameters: { account: { ...account, description: 'the account that the keys belong to' }, partition },
    statements: (values) => [
      {
        Sid: 'ListKeys',
        Effect: 'Allow',
        Action: ['kms:ListKeys', 'kms:ListAliases'],
        Resource: '*',
      },
      {
        Sid: 'ReadKeySettings',
        Effect: 'Allow',
        Action: auditActions,
        Resource: `arn:${values.one('partition')}:kms:*:${values.one('account')}:key/*`,
      },
    ],
  },
}
