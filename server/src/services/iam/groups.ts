import { principalArn } from '../../identity/principal.ts'
import { groupAnswer, groupShape, listedUser, userShape } from './answers.ts'
import { groupName, listOf, pageInput, pageOutput, path, pathPrefix, required, userName } from './members.ts'
import { operation, type IamOperations } from './operation.ts'
import { pageWithin } from './paging.ts'
import { noSuchPrincipal, pageOfPrincipals, requireFreeName, requirePrincipal } from './principal-access.ts'
import { deleteConflict, renamePrincipal, requireNoPolicies } from './principal-changes.ts'
import { requireRoom } from './quotas.ts'

/** Groups, and which users are in them. */
export const operations: IamOperations = {
  CreateGroup: operation({
    input: { Path: path, GroupName: required(groupName) },
    output: { Group: required(groupShape) },
    handler: ({ Path: newPath = '/', GroupName: name }, context) =>
      context.change(async (tx) => {
        const { accountId, principals, partition } = context
        const wanted = { kind: 'group', accountId, path: newPath, name } as const
        context.authorize('iam:CreateGroup', { arn: principalArn(wanted, partition) })
        await requireFreeName(context, tx.db, 'group', name)
        requireRoom('GroupsPerAccount', await principals.count(tx.db, accountId, 'group'))
        const { principal } = await principals.create(tx, wanted)
        return { Group: groupAnswer(principal, context) }
      }),
  }),

  GetGroup: operation({
    input: { GroupName: required(groupName), ...pageInput },
    output: { Group: required(groupShape), Users: required(listOf(userShape)), ...pageOutput },
    readOnly: true,
    async handler(request, context) {
      const { store, principals, accountId } = context
      const { principal: group } = await requirePrincipal(
        context,
        store.db,
        'group',
        request.GroupName,
        'iam:GetGroup',
      )
      const members = await principals.members(store.db, accountId, group.principalId)
      const page = pageWithin(members, request, ({ row }) => row.name_key)
      return {
        Group: groupAnswer(group, context),
        Users: page.items.map(({ principal }) => listedUser(principal, context)),
        ...page.rest,
      }
    },
  }),

  ListGroups: operation({
    input: { PathPrefix: pathPrefix, ...pageInput },
    output: { Groups: required(listOf(groupShape)), ...pageOutput },
    readOnly: true,
    async handler(request, context) {
      const page = await pageOfPrincipals(context, 'group', request, 'iam:ListGroups')
      return { Groups: page.items.map((group) => groupAnswer(group, context)), ...page.rest }
    },
  }),

  UpdateGroup: operation({
    input: { GroupName: required(groupName), NewPath: path, NewGroupName: groupName },
    output: null,
    handler: ({ GroupName, NewPath, NewGroupName }, context) =>
      context.change(async (tx) => {
        const stored = await requirePrincipal(context, tx.db, 'group', GroupName, 'iam:UpdateGroup')
        await renamePrincipal(context, tx, stored, { path: NewPath, name: NewGroupName }, 'iam:UpdateGroup')
        return undefined
      }),
  }),

  DeleteGroup: operation({
    input: { GroupName: required(groupName) },
    output: null,
    handler: ({ GroupName }, context) =>
      context.change(async (tx) => {
        const { principals, accountId } = context
        const stored = await requirePrincipal(context, tx.db, 'group', GroupName, 'iam:DeleteGroup')
        const members = await principals.members(tx.db, accountId, stored.principal.principalId)
        if (members.length > 0) throw deleteConflict('must remove users from group first.')
        requireNoPolicies(stored.principal)
        await principals.remove(tx, stored)
        return undefined
      }),
  }),

  AddUserToGroup: operation({
    input: { GroupName: required(groupName), UserName: required(userName) },
    output: null,
    handler: ({ GroupName, UserName }, context) =>
      context.change(async (tx) => {
        const { principals, accountId } = context
        const group = await requirePrincipal(context, tx.db, 'group', GroupName, 'iam:AddUserToGroup')
        const user = await principals.read(tx.db, accountId, 'user', UserName)
        if (user === undefined) throw noSuchPrincipal('user', UserName)
        const { groupIds } = user.principal
        const { principalId } = group.principal
        if (!groupIds.includes(principalId)) {
          requireRoom('GroupsPerUser', groupIds.length)
          await principals.update(tx, user, { groupIds: [...groupIds, principalId] })
        }
        return undefined
      }),
  }),

  RemoveUserFromGroup: operation({
    input: { GroupName: required(groupName), UserName: required(userName) },
    output: null,
    handler: ({ GroupName, UserName }, context) =>
      context.change(async (tx) => {
        const { principals, accountId } = context
        const group = await requirePrincipal(context, tx.db, 'group', GroupName, 'iam:RemoveUserFromGroup')
        const user = await principals.read(tx.db, accountId, 'user', UserName)
        if (user === undefined) throw noSuchPrincipal('user', UserName)
        const { groupIds } = user.principal
        const { principalId } = group.principal
        // AWS has no error for a user who is not in the group.
        await principals.update(tx, user, { groupIds: groupIds.filter((id) => id !== principalId) })
        return undefined
      }),
  }),

  ListGroupsForUser: operation({
    input: { UserName: required(userName), ...pageInput },
    output: { Groups: required(listOf(groupShape)), ...pageOutput },
    readOnly: true,
    async handler(request, context) {
      const { store, principals } = context
      const { UserName } = request
      const user = await requirePrincipal(context, store.db, 'user', UserName, 'iam:ListGroupsForUser')
      const groups = await Promise.all(
        user.principal.groupIds.map((groupId) => principals.readById(store.db, groupId)),
      )
      const found = groups.filter((group) => group !== undefined)
      const page = pageWithin(found, request, ({ row }) => row.name_key)
      return { Groups: page.items.map(({ principal }) => groupAnswer(principal, context)), ...page.rest }
    },
  }),
}
