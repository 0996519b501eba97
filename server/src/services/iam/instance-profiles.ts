import { instanceProfileArn, type StoredInstanceProfile } from '../../identity/instance-profiles.ts'
import { principalArn } from '../../identity/principal.ts'
import type { Db } from '../../store/db.ts'
import { instanceProfileAnswer, instanceProfileShape, listedRole } from './answers.ts'
import type { IamContext, MoreKeys } from './iam-context.ts'
import { IamError } from './iam-error.ts'
import {
  instanceProfileName,
  listOf,
  pageInput,
  pageOutput,
  path,
  pathPrefix,
  required,
  roleName,
  tags,
} from './members.ts'
import { operation, type IamOperations } from './operation.ts'
import { pageBounds, pageOf, pageWithin } from './paging.ts'
import { listArn, noSuchPrincipal, requirePrincipal } from './principal-access.ts'
import { deleteConflict } from './principal-changes.ts'
import { quotaExceeded, quotas, requireRoom } from './quotas.ts'
import { requireTags } from './tag-rules.ts'

export const operations: IamOperations = {
  CreateInstanceProfile: operation({
    input: { InstanceProfileName: required(instanceProfileName), Path: path, Tags: tags },
    output: { InstanceProfile: required(instanceProfileShape) },
    handler: (request, context) =>
      context.change(async (tx) => {
        const { accountId, instanceProfiles, partition } = context
        const { InstanceProfileName: name, Path: newPath = '/' } = request
        const requestTags = requireTags(request.Tags)
        const wanted = { accountId, name, path: newPath, tags: requestTags }
        const resource = { arn: instanceProfileArn(wanted, partition) }
        context.authorize('iam:CreateInstanceProfile', resource, { requestTags })
        if (requestTags.length > 0) context.authorize('iam:TagInstanceProfile', resource, { requestTags })
        if ((await instanceProfiles.read(tx.db, accountId, name)) !== undefined) {
          throw new IamError('EntityAlreadyExists', `Instance Profile ${name} already exists.`)
        }
        requireRoom('InstanceProfilesPerAccount', await instanceProfiles.count(tx.db, accountId))
        const { profile } = await instanceProfiles.create(tx, wanted)
        return { InstanceProfile: instanceProfileAnswer(profile, [], context) }
      }),
  }),

  GetInstanceProfile: operation({
    input: { InstanceProfileName: required(instanceProfileName) },
    output: { InstanceProfile: required(instanceProfileShape) },
    readOnly: true,
    async handler({ InstanceProfileName }, context) {
      const { db } = context.store
      const found = await requireProfile(context, db, InstanceProfileName, 'iam:GetInstanceProfile')
      return { InstanceProfile: await answer(context, found) }
    },
  }),

  ListInstanceProfiles: operation({
    input: { PathPrefix: pathPrefix, ...pageInput },
    output: { InstanceProfiles: required(listOf(instanceProfileShape)), ...pageOutput },
    readOnly: true,
    async handler(request, context) {
      const { accountId, instanceProfiles, store } = context
      const { PathPrefix } = request
      context.authorize('iam:ListInstanceProfiles', { arn: listArn(context, 'instance-profile', PathPrefix) })
      const { after, limit } = pageBounds(request)
      const found = await instanceProfiles.list(store.db, {
        accountId,
        pathPrefix: PathPrefix,
        after,
        limit: limit + 1,
      })
      const page = pageOf(found, limit, ({ row }) => row.name_key)
      return { InstanceProfiles: await answers(context, page.items), ...page.rest }
    },
  }),

  ListInstanceProfilesForRole: operation({
    input: { RoleName: required(roleName), ...pageInput },
    output: { InstanceProfiles: required(listOf(instanceProfileShape)), ...pageOutput },
    readOnly: true,
    async handler(request, context) {
      const { accountId, instanceProfiles, store } = context
      const action = 'iam:ListInstanceProfilesForRole'
      const role = await requirePrincipal(context, store.db, 'role', request.RoleName, action)
      const found = await instanceProfiles.ofRole(store.db, accountId, role.principal.principalId)
      const page = pageWithin(found, request, ({ row }) => row.name_key)
      return { InstanceProfiles: await answers(context, page.items), ...page.rest }
    },
  }),

  DeleteInstanceProfile: operation({
    input: { InstanceProfileName: required(instanceProfileName) },
    output: null,
    handler: ({ InstanceProfileName }, context) =>
      context.change(async (tx) => {
        const action = 'iam:DeleteInstanceProfile'
        const stored = await requireProfile(context, tx.db, InstanceProfileName, action)
        if (stored.profile.roleId !== undefined) {
          throw deleteConflict('must remove roles from instance profile first.')
        }
        await context.instanceProfiles.remove(tx, stored)
        return undefined
      }),
  }),

  AddRoleToInstanceProfile: operation({
    input: { InstanceProfileName: required(instanceProfileName), RoleName: required(roleName) },
    output: null,
    handler: ({ InstanceProfileName, RoleName }, context) =>
      context.change(async (tx) => {
        const { accountId, instanceProfiles, partition, principals } = context
        const action = 'iam:AddRoleToInstanceProfile'
        const stored = await requireProfile(context, tx.db, InstanceProfileName, action)
        const role = await principals.read(tx.db, accountId, 'role', RoleName)
        const named = role?.principal ?? ({ kind: 'role', accountId, path: '/', name: RoleName } as const)
        context.authorize(
          'iam:PassRole',
          { arn: principalArn(named, partition), tags: role?.principal.tags },
          { keys: { 'iam:passedtoservice': 'ec2.amazonaws.com' } },
        )
        if (role === undefined) throw noSuchPrincipal('role', RoleName)
        if (stored.profile.roleId !== undefined) {
          throw quotaExceeded('InstanceSessionsPerInstanceProfile', quotas.RolesPerInstanceProfile)
        }
        await instanceProfiles.update(tx, stored, { roleId: role.principal.principalId })
        return undefined
      }),
  }),

  RemoveRoleFromInstanceProfile: operation({
    input: { InstanceProfileName: required(instanceProfileName), RoleName: required(roleName) },
    output: null,
    handler: ({ InstanceProfileName, RoleName }, context) =>
      context.change(async (tx) => {
        const { accountId, instanceProfiles, principals } = context
        const action = 'iam:RemoveRoleFromInstanceProfile'
        const stored = await requireProfile(context, tx.db, InstanceProfileName, action)
        const role = await principals.read(tx.db, accountId, 'role', RoleName)
        if (role === undefined || role.principal.principalId !== stored.profile.roleId) {
          throw noSuchPrincipal('role', RoleName)
        }
        await instanceProfiles.update(tx, stored, { roleId: undefined })
        return undefined
      }),
  }),
}

/**
 * An instance profile of the caller's account on which the action was authorized.
 *
 * @throws AwsError AccessDeniedException; IamError NoSuchEntity
 */
export async function requireProfile(
  context: IamContext,
  db: Db,
  name: string,
  action: string,
  more?: MoreKeys,
): Promise<StoredInstanceProfile> {
  const { accountId, instanceProfiles, partition } = context
  const found = await instanceProfiles.read(db, accountId, name)
  const named = found?.profile ?? { accountId, path: '/', name }
  context.authorize(action, { arn: instanceProfileArn(named, partition), tags: found?.profile.tags }, more)
  if (found === undefined) throw new IamError('NoSuchEntity', `Instance Profile ${name} cannot be found.`)
  return found
}

async function answers(context: IamContext, stored: readonly StoredInstanceProfile[]): Promise<object[]> {
  const shown: object[] = []
  for (const one of stored) shown.push(await answer(context, one))
  return shown
}

async function answer(context: IamContext, { profile }: StoredInstanceProfile): Promise<object> {
  const { db } = context.store
  const role =
    profile.roleId === undefined ? undefined : await context.principals.readById(db, profile.roleId)
  const roles = role === undefined ? [] : [await listedRole(role.principal, { ...context, db })]
  return instanceProfileAnswer(profile, roles, context)
}
