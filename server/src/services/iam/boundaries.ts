import { awsManagedPolicy } from '../../identity/aws-managed-policies.ts'
import type { Db } from '../../store/db.ts'
import type { IamContext } from './iam-context.ts'
import { IamError } from './iam-error.ts'
import { arn, required, roleName, userName } from './members.ts'
import { operation, type IamOperations } from './operation.ts'
import { requirePrincipal } from './principal-access.ts'

/** The permissions boundaries of users and roles. */
export const operations: IamOperations = {
  PutUserPermissionsBoundary: operation({
    input: { UserName: required(userName), PermissionsBoundary: required(arn) },
    output: null,
    handler: ({ UserName, PermissionsBoundary }, context) =>
      putBoundary(context, 'user', UserName, PermissionsBoundary),
  }),
  DeleteUserPermissionsBoundary: operation({
    input: { UserName: required(userName) },
    output: null,
    handler: ({ UserName }, context) => deleteBoundary(context, 'user', UserName),
  }),
  PutRolePermissionsBoundary: operation({
    input: { RoleName: required(roleName), PermissionsBoundary: required(arn) },
    output: null,
    handler: ({ RoleName, PermissionsBoundary }, context) =>
      putBoundary(context, 'role', RoleName, PermissionsBoundary),
  }),
  DeleteRolePermissionsBoundary: operation({
    input: { RoleName: required(roleName) },
    output: null,
    handler: ({ RoleName }, context) => deleteBoundary(context, 'role', RoleName),
  }),
}

function putBoundary(
  context: IamContext,
  kind: 'user' | 'role',
  name: string,
  boundaryArn: string,
): Promise<undefined> {
  const action = kind === 'user' ? 'iam:PutUserPermissionsBoundary' : 'iam:PutRolePermissionsBoundary'
  return context.change(async (tx) => {
    const keys = { 'iam:permissionsboundary': boundaryArn }
    const stored = await requirePrincipal(context, tx.db, kind, name, action, { keys })
    await requireBoundary(context, tx.db, boundaryArn)
    await context.principals.update(tx, stored, { boundaryArn })
    return undefined
  })
}

function deleteBoundary(context: IamContext, kind: 'user' | 'role', name: string): Promise<undefined> {
  const action = kind === 'user' ? 'iam:DeleteUserPermissionsBoundary' : 'iam:DeleteRolePermissionsBoundary'
  return context.change(async (tx) => {
    const stored = await requirePrincipal(context, tx.db, kind, name, action)
    if (stored.principal.boundaryArn === undefined) {
      const noun = kind === 'user' ? 'User' : 'Role'
      throw new IamError('NoSuchEntity', `${noun} ${name} has no permissions boundary.`)
    }
    await context.principals.update(tx, stored, { boundaryArn: undefined })
    return undefined
  })
}

/**
 * A boundary is a managed policy of the account, or of AWS.
 *
 * @throws IamError NoSuchEntity
 */
export async function requireBoundary(context: IamContext, db: Db, policyArn: string): Promise<void> {
  if (await isAttachable(context, db, policyArn)) return
  throw new IamError('NoSuchEntity', `Scope ARN: ${policyArn} does not exist or is not attachable.`)
}

/** Whether the caller's account may use this managed policy: its own, or AWS's. */
export async function isAttachable(
  { accountId, managedPolicies }: IamContext,
  db: Db,
  policyArn: string,
): Promise<boolean> {
  if (awsManagedPolicy(policyArn) !== undefined) return true
  return (await managedPolicies.read(db, policyArn))?.policy.accountId === accountId
}
