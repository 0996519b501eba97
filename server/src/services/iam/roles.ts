import { principalArn } from '../../identity/principal.ts'
import { listedRole, roleShape, wholeRole } from './answers.ts'
import { requireBoundary } from './boundaries.ts'
import { requireTrustPolicy } from './documents.ts'
import {
  arn,
  listOf,
  pageInput,
  pageOutput,
  path,
  pathPrefix,
  policyDocument,
  required,
  roleDescription,
  roleName,
  tags,
} from './members.ts'
import { operation, type IamOperations } from './operation.ts'
import { pageOfPrincipals, requireFreeName, requirePrincipal } from './principal-access.ts'
import { deleteConflict, requireNoPolicies } from './principal-changes.ts'
import { requireRoom } from './quotas.ts'
import { requireTags } from './tag-rules.ts'

const DEFAULT_SESSION_SECONDS = 3600
const maxSessionDuration = { type: 'integer', min: 3600, max: 43200 } as const

export const operations: IamOperations = {
  CreateRole: operation({
    input: {
      Path: path,
      RoleName: required(roleName),
      AssumeRolePolicyDocument: required(policyDocument),
      Description: roleDescription,
      MaxSessionDuration: maxSessionDuration,
      PermissionsBoundary: arn,
      Tags: tags,
    },
    output: { Role: required(roleShape) },
    async handler(request, context) {
      const { accountId, principals, partition } = context
      const { RoleName: name, Path: newPath = '/', PermissionsBoundary: boundaryArn } = request
      const { AssumeRolePolicyDocument: trustPolicy, Description: description } = request
      const requestTags = requireTags(request.Tags)
      const wanted = { kind: 'role', accountId, path: newPath, name } as const
      const resource = { arn: principalArn(wanted, partition) }
      return context.change(async (tx) => {
        const keys = { 'iam:permissionsboundary': boundaryArn }
        context.authorize('iam:CreateRole', resource, { requestTags, keys })
        if (requestTags.length > 0) context.authorize('iam:TagRole', resource, { requestTags })
        await requireFreeName(context, tx.db, 'role', name)
        requireRoom('RolesPerAccount', await principals.count(tx.db, accountId, 'role'))
        if (boundaryArn !== undefined) await requireBoundary(context, tx.db, boundaryArn)
        const trustBindings = await requireTrustPolicy(context, tx.db, trustPolicy)
        const { principal } = await principals.create(tx, {
          ...wanted,
          description,
          boundaryArn,
          trustPolicy,
          trustBindings,
          maxSessionSeconds: request.MaxSessionDuration ?? DEFAULT_SESSION_SECONDS,
          tags: requestTags,
        })
        const { RoleLastUsed: _unused, ...role } = await wholeRole(principal, { ...context, db: tx.db })
        return { Role: role }
      })
    },
  }),

  GetRole: operation({
    input: { RoleName: required(roleName) },
    output: { Role: required(roleShape) },
    readOnly: true,
    async handler({ RoleName }, context) {
      const { db } = context.store
      const { principal } = await requirePrincipal(context, db, 'role', RoleName, 'iam:GetRole')
      return { Role: await wholeRole(principal, { ...context, db }) }
    },
  }),

  ListRoles: operation({
    input: { PathPrefix: pathPrefix, ...pageInput },
    output: { Roles: required(listOf(roleShape)), ...pageOutput },
    readOnly: true,
    async handler(request, context) {
      const { db } = context.store
      const page = await pageOfPrincipals(context, 'role', request, 'iam:ListRoles')
      const roles: object[] = []
      for (const role of page.items) roles.push(await listedRole(role, { ...context, db }))
      return { Roles: roles, ...page.rest }
    },
  }),

  UpdateRole: operation({
    input: {
      RoleName: required(roleName),
      Description: roleDescription,
      MaxSessionDuration: maxSessionDuration,
    },
    output: {},
    handler: ({ RoleName, Description, MaxSessionDuration }, context) =>
      context.change(async (tx) => {
        const stored = await requirePrincipal(context, tx.db, 'role', RoleName, 'iam:UpdateRole')
        await context.principals.update(tx, stored, {
          ...(Description !== undefined && { description: Description }),
          // "If you do not specify a value for this setting, the default value of one hour is applied" (API Reference).
          maxSessionSeconds: MaxSessionDuration ?? DEFAULT_SESSION_SECONDS,
        })
        return {}
      }),
  }),

  UpdateRoleDescription: operation({
    input: { RoleName: required(roleName), Description: required(roleDescription) },
    output: { Role: roleShape },
    handler: ({ RoleName, Description }, context) =>
      context.change(async (tx) => {
        const stored = await requirePrincipal(context, tx.db, 'role', RoleName, 'iam:UpdateRoleDescription')
        const { principal } = await context.principals.update(tx, stored, { description: Description })
        return { Role: await wholeRole(principal, { ...context, db: tx.db }) }
      }),
  }),

  UpdateAssumeRolePolicy: operation({
    input: { RoleName: required(roleName), PolicyDocument: required(policyDocument) },
    output: null,
    handler: ({ RoleName, PolicyDocument }, context) =>
      context.change(async (tx) => {
        const stored = await requirePrincipal(context, tx.db, 'role', RoleName, 'iam:UpdateAssumeRolePolicy')
        const trustBindings = await requireTrustPolicy(context, tx.db, PolicyDocument)
        await context.principals.update(tx, stored, { trustPolicy: PolicyDocument, trustBindings })
        return undefined
      }),
  }),

  DeleteRole: operation({
    input: { RoleName: required(roleName) },
    output: null,
    handler: ({ RoleName }, context) =>
      context.change(async (tx) => {
        const { principals, instanceProfiles, accountId } = context
        const stored = await requirePrincipal(context, tx.db, 'role', RoleName, 'iam:DeleteRole')
        const { principal } = stored
        if ((await instanceProfiles.ofRole(tx.db, accountId, principal.principalId)).length > 0) {
          throw deleteConflict('must remove roles from instance profile first.')
        }
        requireNoPolicies(principal)
        await principals.remove(tx, stored)
        return undefined
      }),
  }),
}
