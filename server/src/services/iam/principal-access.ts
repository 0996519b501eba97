import { iamArn } from '../../arn.ts'
import {
  principalArn,
  type Principal,
  type PrincipalKind,
  type StoredPrincipal,
} from '../../identity/principal.ts'
import type { Db } from '../../store/db.ts'
import type { IamContext, MoreKeys } from './iam-context.ts'
import { IamError } from './iam-error.ts'
import { pageBounds, pageOf, type Page, type PageRequest } from './paging.ts'

/**
 * A user, group or role of the caller's account on which the action was authorized: no operation can hold one that
 * its caller may not touch. One that is not there is looked for under the path `/` by the policies, as AWS does.
 *
 * @throws AwsError AccessDeniedException; IamError NoSuchEntity
 */
export async function requirePrincipal(
  context: IamContext,
  db: Db,
  kind: PrincipalKind,
  name: string,
  action: string,
  more?: MoreKeys,
): Promise<StoredPrincipal> {
  const { accountId, principals, partition } = context
  const found = await principals.read(db, accountId, kind, name)
  const named = found?.principal ?? { kind, accountId, path: '/', name }
  const boundary = found?.principal.boundaryArn
  context.authorize(
    action,
    { arn: principalArn(named, partition), tags: found?.principal.tags },
    {
      ...more,
      keys: { ...(boundary !== undefined && { 'iam:permissionsboundary': boundary }), ...more?.keys },
    },
  )
  if (found === undefined) throw noSuchPrincipal(kind, name)
  return found
}

/** For an operation that is on the caller itself when it names no user. */
export function callersName({ call }: IamContext): string {
  const { caller } = call
  if (caller.userName === undefined) {
    throw new IamError('ValidationError', 'Must specify userName when calling with non-User credentials')
  }
  return caller.userName
}

export function noSuchPrincipal(kind: PrincipalKind, name: string): IamError {
  return new IamError('NoSuchEntity', `The ${kind} with name ${name} cannot be found.`)
}

/** @throws IamError EntityAlreadyExists; names are the same whatever their case */
export async function requireFreeName(
  { accountId, principals }: IamContext,
  db: Db,
  kind: PrincipalKind,
  name: string,
): Promise<void> {
  if ((await principals.read(db, accountId, kind, name)) === undefined) return
  const noun = { user: 'User', group: 'Group', role: 'Role' }[kind]
  throw new IamError('EntityAlreadyExists', `${noun} with name ${name} already exists.`)
}

/** A page of the principals of a kind. @throws AwsError AccessDeniedException */
export async function pageOfPrincipals(
  context: IamContext,
  kind: PrincipalKind,
  request: PageRequest & { readonly PathPrefix?: string },
  action: string,
): Promise<Page<Principal>> {
  const { accountId, principals, store } = context
  const { PathPrefix: pathPrefix } = request
  context.authorize(action, { arn: listArn(context, kind, pathPrefix) })
  const { after, limit } = pageBounds(request)
  const found = await principals.list(store.db, { accountId, kind, pathPrefix, after, limit: limit + 1 })
  const { items, rest } = pageOf(found, limit, ({ row }) => row.name_key)
  return { items: items.map(({ principal }) => principal), rest }
}

/** What a list of a kind is authorized on: `arn:aws:iam::111122223333:user/path/`. */
export function listArn(
  { accountId, partition }: IamContext,
  kind: PrincipalKind | 'policy' | 'instance-profile',
  pathPrefix = '/',
): string {
  return iamArn({ partition, accountId, resource: `${kind}${pathPrefix}` })
}
