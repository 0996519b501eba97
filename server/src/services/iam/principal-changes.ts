import { principalArn, type Principal, type StoredPrincipal } from '../../identity/principal.ts'
import type { Transition } from '../../store/store.ts'
import type { IamContext } from './iam-context.ts'
import { IamError } from './iam-error.ts'
import { requireFreeName } from './principal-access.ts'

/**
 * Gives a user or group another name or path, or both; whoever does needs the permission on what it becomes, too.
 *
 * @throws AwsError AccessDeniedException; IamError EntityAlreadyExists
 */
export async function renamePrincipal(
  context: IamContext,
  tx: Transition,
  stored: StoredPrincipal,
  to: { readonly path: string | undefined; readonly name: string | undefined },
  action: string,
): Promise<void> {
  const { principal, row } = stored
  const { path = principal.path, name = principal.name } = to
  const arn = principalArn({ ...principal, path, name }, context.partition)
  context.authorize(action, { arn, tags: principal.tags })
  if (name.toLowerCase() !== row.name_key) await requireFreeName(context, tx.db, principal.kind, name)
  await context.principals.update(tx, stored, {
    ...(to.path !== undefined && { path }),
    ...(to.name !== undefined && { name }),
  })
}

/** @throws IamError DeleteConflict while policies hang on it */
export function requireNoPolicies({ inlinePolicies, attachedPolicies }: Principal): void {
  if (inlinePolicies.length > 0) throw deleteConflict('must delete policies first.')
  if (attachedPolicies.length > 0) throw deleteConflict('must detach all policies first.')
}

export function deleteConflict(what: string): IamError {
  return new IamError('DeleteConflict', `Cannot delete entity, ${what}`)
}
