import { awsManagedPolicyArn, type AwsManagedPolicy } from '../../identity/aws-managed-policies.ts'
import { instanceProfileArn, type InstanceProfile } from '../../identity/instance-profiles.ts'
import type { ManagedPolicy } from '../../identity/managed-policies.ts'
import { principalArn, type Principal, type Tag } from '../../identity/principal.ts'
import type { Db } from '../../store/db.ts'
import type { IamContext } from './iam-context.ts'
import { boolean, integer, listOf, string, structure, timestamp } from './members.ts'

/** What IAM's answers show of users, groups, roles, policies and instance profiles. */

const tag = structure({ Key: string, Value: string })
const boundary = structure({ PermissionsBoundaryType: string, PermissionsBoundaryArn: string })

export const userShape = structure({
  Path: string,
  UserName: string,
  UserId: string,
  Arn: string,
  CreateDate: timestamp,
  PasswordLastUsed: timestamp,
  PermissionsBoundary: boundary,
  Tags: listOf(tag),
})

export const groupShape = structure({
  Path: string,
  GroupName: string,
  GroupId: string,
  Arn: string,
  CreateDate: timestamp,
})

export const roleShape = structure({
  Path: string,
  RoleName: string,
  RoleId: string,
  Arn: string,
  CreateDate: timestamp,
  AssumeRolePolicyDocument: string,
  Description: string,
  MaxSessionDuration: integer,
  PermissionsBoundary: boundary,
  Tags: listOf(tag),
  RoleLastUsed: structure({ LastUsedDate: timestamp, Region: string }),
})

export const policyShape = structure({
  PolicyName: string,
  PolicyId: string,
  Arn: string,
  Path: string,
  DefaultVersionId: string,
  AttachmentCount: integer,
  PermissionsBoundaryUsageCount: integer,
  IsAttachable: boolean,
  Description: string,
  CreateDate: timestamp,
  UpdateDate: timestamp,
  Tags: listOf(tag),
})

export const policyVersionShape = structure({
  Document: string,
  VersionId: string,
  IsDefaultVersion: boolean,
  CreateDate: timestamp,
})

export const instanceProfileShape = structure({
  Path: string,
  InstanceProfileName: string,
  InstanceProfileId: string,
  Arn: string,
  CreateDate: timestamp,
  Roles: listOf(roleShape),
  Tags: listOf(tag),
})

export const tagsShape = listOf(tag)

type Shown = Pick<IamContext, 'partition'>

/** Lists show less of a principal than the operations that are on one: no tags and no boundary. */
export function listedUser(user: Principal, { partition }: Shown) {
  return {
    Path: user.path,
    UserName: user.name,
    UserId: user.principalId,
    Arn: principalArn(user, partition),
    CreateDate: date(user.createdAtMs),
  }
}

export function wholeUser(user: Principal, context: Shown) {
  return { ...listedUser(user, context), ...boundaryOf(user), ...tagsOf(user.tags) }
}

export function groupAnswer(group: Principal, { partition }: Shown) {
  return {
    Path: group.path,
    GroupName: group.name,
    GroupId: group.principalId,
    Arn: principalArn(group, partition),
    CreateDate: date(group.createdAtMs),
  }
}

type TrustShown = Shown & Pick<IamContext, 'binding'> & { readonly db: Db }

/** The trust policy is shown with the principals that it is bound to. */
export async function listedRole(role: Principal, { partition, binding, db }: TrustShown) {
  const trust = await binding.shownPolicy(db, role.trustPolicy ?? '', role.trustBindings)
  return {
    Path: role.path,
    RoleName: role.name,
    RoleId: role.principalId,
    Arn: principalArn(role, partition),
    CreateDate: date(role.createdAtMs),
    AssumeRolePolicyDocument: encodedDocument(trust),
    ...(role.description !== undefined && { Description: role.description }),
    MaxSessionDuration: role.maxSessionSeconds,
  }
}

export async function wholeRole(role: Principal, context: TrustShown) {
  return { ...(await listedRole(role, context)), ...boundaryOf(role), ...tagsOf(role.tags), RoleLastUsed: {} }
}

/** How often a managed policy is attached, and how often it is a boundary. */
export interface PolicyUsage {
  readonly attached: number
  readonly boundary: number
}

export function listedPolicy(policy: ManagedPolicy, { attached, boundary: bounds }: PolicyUsage) {
  return {
    PolicyName: policy.name,
    PolicyId: policy.policyId,
    Arn: policy.arn,
    Path: policy.path,
    DefaultVersionId: `v${policy.defaultVersion}`,
    AttachmentCount: attached,
    PermissionsBoundaryUsageCount: bounds,
    IsAttachable: true,
    CreateDate: date(policy.createdAtMs),
    UpdateDate: date(policy.updatedAtMs),
  }
}

export function wholePolicy(policy: ManagedPolicy, usage: PolicyUsage) {
  return {
    ...listedPolicy(policy, usage),
    ...(policy.description !== undefined && { Description: policy.description }),
    ...tagsOf(policy.tags),
  }
}

export function awsPolicy(
  policy: AwsManagedPolicy,
  { attached, boundary: bounds }: PolicyUsage,
  partition: string,
) {
  return {
    PolicyName: policy.name,
    PolicyId: policy.policyId,
    Arn: awsManagedPolicyArn(policy, partition),
    Path: policy.path,
    DefaultVersionId: `v${policy.version}`,
    AttachmentCount: attached,
    PermissionsBoundaryUsageCount: bounds,
    IsAttachable: true,
    CreateDate: new Date(policy.createdAt),
    UpdateDate: new Date(policy.createdAt),
  }
}

export function instanceProfileAnswer(
  profile: InstanceProfile,
  roles: readonly object[],
  { partition }: Shown,
) {
  return {
    Path: profile.path,
    InstanceProfileName: profile.name,
    InstanceProfileId: profile.profileId,
    Arn: instanceProfileArn(profile, partition),
    CreateDate: date(profile.createdAtMs),
    Roles: roles,
    ...tagsOf(profile.tags),
  }
}

export function tagList(tags: readonly Tag[]) {
  return tags.map(({ key, value }) => ({ Key: key, Value: value }))
}

/** Policies are shown URL-encoded. @see RFC 3986, section 2.3: what is not unreserved is encoded */
export function encodedDocument(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

/** AWS shows times to the second. */
export function date(timeMs: number): Date {
  return new Date(Math.floor(timeMs / 1000) * 1000)
}

function boundaryOf({ boundaryArn }: Principal) {
  return boundaryArn === undefined
    ? {}
    : {
        PermissionsBoundary: {
          PermissionsBoundaryType: 'Policy',
          PermissionsBoundaryArn: boundaryArn,
        },
      }
}

/** Nothing when there are none, as AWS leaves the member out. */
export function tagsOf(tags: readonly Tag[]) {
  return tags.length === 0 ? {} : { Tags: tagList(tags) }
}
