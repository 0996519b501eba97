import { principalArn } from '../../identity/principal.ts'
import { date, listedUser, userShape, wholeUser } from './answers.ts'
import { requireBoundary } from './boundaries.ts'
import type { IamContext } from './iam-context.ts'
import {
  arn,
  listOf,
  newUserName,
  pageInput,
  pageOutput,
  path,
  pathPrefix,
  required,
  tags,
  userName,
} from './members.ts'
import { operation, type IamOperations } from './operation.ts'
import { callersName, pageOfPrincipals, requireFreeName, requirePrincipal } from './principal-access.ts'
import { deleteConflict, renamePrincipal, requireNoPolicies } from './principal-changes.ts'
import { requireRoom } from './quotas.ts'
import { requireTags } from './tag-rules.ts'

export const operations: IamOperations = {
  CreateUser: operation({
    input: { Path: path, UserName: required(newUserName), PermissionsBoundary: arn, Tags: tags },
    output: { User: userShape },
    handler: (request, context) =>
      context.change(async (tx) => {
        const { accountId, principals, partition } = context
        const { UserName: name, Path: newPath = '/', PermissionsBoundary: boundaryArn } = request
        const requestTags = requireTags(request.Tags)
        const wanted = { kind: 'user', accountId, path: newPath, name } as const
        context.authorize(
          'iam:CreateUser',
          { arn: principalArn(wanted, partition) },
          { requestTags, keys: { 'iam:permissionsboundary': boundaryArn } },
        )
        if (requestTags.length > 0) {
          context.authorize('iam:TagUser', { arn: principalArn(wanted, partition) }, { requestTags })
        }
        await requireFreeName(context, tx.db, 'user', name)
        requireRoom('UsersPerAccount', await principals.count(tx.db, accountId, 'user'))
        if (boundaryArn !== undefined) await requireBoundary(context, tx.db, boundaryArn)
        const { principal } = await principals.create(tx, { ...wanted, boundaryArn, tags: requestTags })
        return { User: wholeUser(principal, context) }
      }),
  }),

  GetUser: operation({
    input: { UserName: userName },
    output: { User: required(userShape) },
    readOnly: true,
    async handler({ UserName }, context) {
      if (UserName === undefined && context.call.caller.type === 'Root') return rootUser(context)
      const name = UserName ?? callersName(context)
      const { principal } = await requirePrincipal(context, context.store.db, 'user', name, 'iam:GetUser')
      return { User: wholeUser(principal, context) }
    },
  }),

  ListUsers: operation({
    input: { PathPrefix: pathPrefix, ...pageInput },
    output: { Users: required(listOf(userShape)), ...pageOutput },
    readOnly: true,
    async handler(request, context) {
      const page = await pageOfPrincipals(context, 'user', request, 'iam:ListUsers')
      return { Users: page.items.map((user) => listedUser(user, context)), ...page.rest }
    },
  }),

  UpdateUser: operation({
    input: { UserName: required(userName), NewPath: path, NewUserName: newUserName },
    output: null,
    handler: (request, context) =>
      context.change(async (tx) => {
        const { UserName, NewPath, NewUserName } = request
        const stored = await requirePrincipal(context, tx.db, 'user', UserName, 'iam:UpdateUser')
        await renamePrincipal(context, tx, stored, { path: NewPath, name: NewUserName }, 'iam:UpdateUser')
        return undefined
      }),
  }),

  DeleteUser: operation({
    input: { UserName: required(userName) },
    output: null,
    handler: ({ UserName }, context) =>
      context.change(async (tx) => {
        const stored = await requirePrincipal(context, tx.db, 'user', UserName, 'iam:DeleteUser')
        const { principal } = stored
        const { principalId, accountId } = principal
        if ((await context.accessKeys.listOf(tx.db, accountId, principalId)).length > 0) {
          throw deleteConflict('must delete access keys first.')
        }
        if ((await context.mfaDevices.countOf(tx.db, principalId)) > 0) {
          throw deleteConflict('must delete MFA device first.')
        }
        if (principal.groupIds.length > 0) throw deleteConflict('must remove users from group first.')
        requireNoPolicies(principal)
        await context.principals.remove(tx, stored)
        return undefined
      }),
  }),
}

/** The root user is no user of IAM, but GetUser tells of it. */
async function rootUser({ accountId, accounts, call }: IamContext): Promise<object> {
  const account = await accounts.load(accountId)
  return {
    User: {
      Path: '/',
      UserId: accountId,
      Arn: call.caller.arn,
      ...(account !== undefined && { CreateDate: date(call.use(account).createdAtMs) }),
    },
  }
}
