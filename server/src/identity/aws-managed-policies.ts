import { createHash } from 'node:crypto'
import { parseArn } from '../arn.ts'
import { newUniqueId } from './unique-ids.ts'

/** A policy that AWS maintains and every account may attach. */
export interface AwsManagedPolicy {
  readonly policyId: string
  readonly name: string
  readonly path: string
  readonly description: string
  /** Such as `v1`, as AWS numbers it. */
  readonly version: number
  readonly createdAt: string
  readonly document: string
}

/** @param arn of any partition: `arn:aws:iam::aws:policy/AdministratorAccess` */
export function awsManagedPolicy(arn: string): AwsManagedPolicy | undefined {
  const parsed = parseArn(arn)
  if (parsed?.accountId !== 'aws' || parsed.service !== 'iam' || parsed.region !== '') return undefined
  return byResource.get(parsed.resource)
}

export function awsManagedPolicyArn({ path, name }: AwsManagedPolicy, partition = 'aws'): string {
  return `arn:${partition}:iam::aws:policy${path}${name}`
}

interface Facts {
  /** AWS's, where it is known; otherwise one that is made from the name, so that it stays the same. */
  readonly policyId?: string
  readonly path?: string
  readonly description: string
  readonly createdAt: string
  readonly statements: readonly object[]
}

/**
 * Those that concern the services that are served. Of policies that list every service of AWS, what concerns other
 * services is left out: there is nothing here that it could allow or refuse.
 */
const policies: Readonly<Record<string, Facts>> = {
  AdministratorAccess: {
    policyId: 'ANPAIWMBCKSKIEE64ZLYK',
    description: 'Provides full access to AWS services and resources.',
    createdAt: '2015-02-06T18:39:46Z',
    statements: [{ Effect: 'Allow', Action: '*', Resource: '*' }],
  },
  PowerUserAccess: {
    policyId: 'ANPAJYRXTHIB4FOVS3ZXS',
    description:
      'Provides full access to AWS services and resources, but does not allow management of Users and groups.',
    createdAt: '2015-02-06T18:39:47Z',
    statements: [
      { Effect: 'Allow', NotAction: ['iam:*', 'organizations:*', 'account:*'], Resource: '*' },
      {
        Effect: 'Allow',
        Action: [
          'account:GetAccountInformation',
          'account:GetPrimaryEmail',
          'account:ListRegions',
          'iam:CreateServiceLinkedRole',
          'iam:DeleteServiceLinkedRole',
          'iam:ListRoles',
          'organizations:DescribeOrganization',
        ],
        Resource: '*',
      },
    ],
  },
  ReadOnlyAccess: {
    policyId: 'ANPAILL3HVNFSB6DCOWYQ',
    description: 'Provides read-only access to AWS services and resources.',
    createdAt: '2015-02-06T18:39:48Z',
    statements: [
      {
        Effect: 'Allow',
        Action: [
          'access-analyzer:Get*',
          'access-analyzer:List*',
          'access-analyzer:Validate*',
          'cloudtrail:Describe*',
          'cloudtrail:Get*',
          'cloudtrail:List*',
          'cloudtrail:LookupEvents',
          'cloudwatch:Describe*',
          'cloudwatch:Get*',
          'cloudwatch:List*',
          'iam:Generate*',
          'iam:Get*',
          'iam:List*',
          'iam:Simulate*',
          'kms:Describe*',
          'kms:Get*',
          'kms:List*',
          'logs:Describe*',
          'logs:FilterLogEvents',
          'logs:Get*',
          'logs:ListTagsForResource',
          'organizations:Describe*',
          'organizations:List*',
          'sts:GetAccessKeyInfo',
          'sts:GetCallerIdentity',
          'sts:GetSessionToken',
        ],
        Resource: '*',
      },
    ],
  },
  SecurityAudit: {
    policyId: 'ANPAIX2T3QCXHR2OGGCTO',
    description:
      'The security audit template grants access to read security configuration metadata. It is useful for software that audits the configuration of an AWS account.',
    createdAt: '2015-02-06T18:41:01Z',
    statements: [
      {
        Effect: 'Allow',
        Action: [
          'access-analyzer:GetAnalyzedResource',
          'access-analyzer:GetAnalyzer',
          'access-analyzer:GetFinding*',
          'access-analyzer:ListAnalyzers',
          'access-analyzer:ListFindings*',
          'access-analyzer:ValidatePolicy',
          'cloudtrail:DescribeTrails',
          'cloudtrail:GetEventSelectors',
          'cloudtrail:GetTrail*',
          'cloudtrail:ListTags',
          'cloudtrail:LookupEvents',
          'cloudwatch:Describe*',
          'iam:GenerateCredentialReport',
          'iam:GenerateServiceLastAccessedDetails',
          'iam:Get*',
          'iam:List*',
          'iam:SimulateCustomPolicy',
          'iam:SimulatePrincipalPolicy',
          'kms:Describe*',
          'kms:Get*',
          'kms:List*',
          'logs:Describe*',
          'organizations:Describe*',
          'organizations:List*',
        ],
        Resource: '*',
      },
    ],
  },
  IAMFullAccess: {
    policyId: 'ANPAI7XKCFMBPM3QQRRVQ',
    description: 'Provides full access to IAM via the AWS Management Console.',
    createdAt: '2015-02-06T18:40:38Z',
    statements: [
      {
        Effect: 'Allow',
        Action: [
          'iam:*',
          'organizations:DescribeAccount',
          'organizations:DescribeOrganization',
          'organizations:DescribeOrganizationalUnit',
          'organizations:DescribePolicy',
          'organizations:ListChildren',
          'organizations:ListParents',
          'organizations:ListPolicies',
          'organizations:ListPoliciesForTarget',
          'organizations:ListRoots',
          'organizations:ListTargetsForPolicy',
        ],
        Resource: '*',
      },
    ],
  },
  IAMReadOnlyAccess: {
    policyId: 'ANPAJKSO7NDY4T57MWDSQ',
    description: 'Provides read only access to IAM via the AWS Management Console.',
    createdAt: '2015-02-06T18:40:39Z',
    statements: [
      {
        Effect: 'Allow',
        Action: [
          'iam:GenerateCredentialReport',
          'iam:GenerateServiceLastAccessedDetails',
          'iam:Get*',
          'iam:List*',
          'iam:SimulateCustomPolicy',
          'iam:SimulatePrincipalPolicy',
        ],
        Resource: '*',
      },
    ],
  },
  IAMUserChangePassword: {
    policyId: 'ANPAJ4L4MM2A7QIEB56MS',
    description: 'Provides the ability for an IAM user to change their own password.',
    createdAt: '2016-11-15T00:25:16Z',
    statements: [
      { Effect: 'Allow', Action: ['iam:ChangePassword'], Resource: ['arn:aws:iam::*:user/${aws:username}'] },
      { Effect: 'Allow', Action: ['iam:GetAccountPasswordPolicy'], Resource: '*' },
    ],
  },
  AWSKeyManagementServicePowerUser: {
    policyId: 'ANPAJNPP7PPPPMJRV2SA4',
    description: 'Provides access to AWS Key Management Service (KMS).',
    createdAt: '2015-02-06T18:40:40Z',
    statements: [
      {
        Effect: 'Allow',
        Action: [
          'kms:CreateAlias',
          'kms:CreateKey',
          'kms:DeleteAlias',
          'kms:Describe*',
          'kms:GenerateRandom',
          'kms:Get*',
          'kms:List*',
          'kms:TagResource',
          'kms:UntagResource',
          'iam:ListGroups',
          'iam:ListRoles',
          'iam:ListUsers',
        ],
        Resource: '*',
      },
    ],
  },
  IAMAccessAnalyzerFullAccess: {
    description: 'Provides full access to IAM Access Analyzer',
    createdAt: '2019-12-02T17:12:42Z',
    statements: [
      {
        Effect: 'Allow',
        Action: ['access-analyzer:*'],
        Resource: '*',
      },
      {
        Effect: 'Allow',
        Action: 'iam:CreateServiceLinkedRole',
        Resource: '*',
        Condition: { StringEquals: { 'iam:AWSServiceName': 'access-analyzer.amazonaws.com' } },
      },
      {
        Effect: 'Allow',
        Action: [
          'organizations:DescribeAccount',
          'organizations:DescribeOrganization',
          'organizations:DescribeOrganizationalUnit',
          'organizations:ListAccounts',
          'organizations:ListAccountsForParent',
          'organizations:ListAWSServiceAccessForOrganization',
          'organizations:ListChildren',
          'organizations:ListDelegatedAdministrators',
          'organizations:ListOrganizationalUnitsForParent',
          'organizations:ListParents',
          'organizations:ListRoots',
        ],
        Resource: '*',
      },
    ],
  },
  IAMAccessAnalyzerReadOnlyAccess: {
    description: 'Provides read only access to IAM Access Analyzer resources',
    createdAt: '2019-12-02T17:12:51Z',
    statements: [
      {
        Effect: 'Allow',
        Action: [
          'access-analyzer:CheckAccessNotGranted',
          'access-analyzer:CheckNoNewAccess',
          'access-analyzer:CheckNoPublicAccess',
          'access-analyzer:Get*',
          'access-analyzer:List*',
          'access-analyzer:ValidatePolicy',
        ],
        Resource: '*',
      },
    ],
  },
  AWSDenyAll: {
    policyId: 'ANPAZKAPJZG4P43IUQ5E5',
    description: 'Deny all access.',
    createdAt: '2019-05-01T22:36:14Z',
    statements: [{ Sid: 'DenyAll', Effect: 'Deny', Action: ['*'], Resource: '*' }],
  },
}

export const awsManagedPolicies: readonly AwsManagedPolicy[] = Object.entries(policies).map(
  ([name, { policyId, path = '/', description, createdAt, statements }]) => ({
    policyId: policyId ?? idFromName(name),
    name,
    path,
    description,
    version: 1,
    createdAt,
    document: JSON.stringify({ Version: '2012-10-17', Statement: statements }, undefined, 2),
  }),
)

function idFromName(name: string): string {
  const digest = createHash('sha256').update(name).digest()
  return newUniqueId('ANPA', { bytes: (lengthBytes) => digest.subarray(0, lengthBytes) })
}

const byResource: ReadonlyMap<string, AwsManagedPolicy> = new Map(
  awsManagedPolicies.map((policy) => [`policy${policy.path}${policy.name}`, policy]),
)
