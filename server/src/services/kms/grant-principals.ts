import type { Db } from '../../store/db.ts'
import { iamArn, parseArn, partitionOf } from '../../arn.ts'
import { UnknownPrincipalError, type PrincipalBinding } from '../../identity/principal-binding.ts'
import { isServiceName, type GrantPrincipal } from '../../keys/grant.ts'
import { KmsError } from '../../keys/kms-error.ts'

/** With the account that it belongs to; a service belongs to none. */
export interface BoundGrantPrincipal extends GrantPrincipal {
  readonly accountId: string | undefined
}

/**
 * Ties a principal that a grant names to who it is now, so that one that is made again under the same name is another.
 *
 * @throws KmsError InvalidArnException for one that this deployment does not have
 */
export async function bindGrantPrincipal(
  { binding, region }: { binding: PrincipalBinding; region: string },
  db: Db,
  name: string,
): Promise<BoundGrantPrincipal> {
  if (isServiceName(name)) {
    if (!(await isService(db, name))) throw invalidPrincipal(name)
    return { name, id: name, accountId: undefined }
  }
  const found = await find(binding, db, name)
  if (found === undefined) throw invalidPrincipal(name)
  return { name: /^[0-9]{12}$/.test(name) ? rootArn(name, region) : name, ...found }
}

/**
 * A principal as a grant may name it. Everybody has one name: a condition on whom a grant names must not be got round by
 * writing it in another way.
 *
 * @throws KmsError InvalidArnException for what is no ARN of the Region's partition, account id or service
 */
export function requirePrincipalName(name: string, region: string): string {
  if (isServiceName(name)) return name
  if (/^[0-9]{12}$/.test(name)) return rootArn(name, region)
  if (parseArn(name)?.partition !== partitionOf(region)) throw invalidPrincipal(name)
  return name
}

export function invalidPrincipal(name: string): KmsError {
  return new KmsError('InvalidArnException', `ARN does not refer to a valid principal: ${name}`)
}

/** The id under which grants to a principal stand; of one that is gone, what was asked for may be its id itself. */
export async function grantPrincipalId(binding: PrincipalBinding, db: Db, name: string): Promise<string> {
  return isServiceName(name) ? name : ((await find(binding, db, name))?.id ?? name)
}

/**
 * Principals as they are shown: by ARN as long as it still means the one that was bound, else by the unique id, as AWS
 * does. Keeps what it found, since many grants name the same few.
 */
export function shownPrincipals(
  binding: PrincipalBinding,
  db: Db,
): (principal: GrantPrincipal) => Promise<string> {
  const known = new Map<string, Promise<string | undefined>>()
  return async ({ name, id }) => {
    if (isServiceName(id)) return name
    let now = known.get(name)
    if (now === undefined) {
      now = find(binding, db, name).then((found) => found?.id)
      known.set(name, now)
    }
    return (await now) === id ? name : id
  }
}

/** The account itself, as `IssuingAccount` and as a principal. */
export function rootArn(accountId: string, region: string): string {
  return iamArn({
    partition: partitionOf(region),
    accountId,
    resource: 'root',
  })
}

/** One of AWS's own, which may be registered later, or one that is registered here. */
async function isService(db: Db, name: string): Promise<boolean> {
  if (/\.amazonaws\.com(\.cn)?$/.test(name)) return true
  const row = await db
    .selectFrom('service_principals')
    .select('name')
    .where('name', '=', name)
    .executeTakeFirst()
  return row !== undefined
}

async function find(
  binding: PrincipalBinding,
  db: Db,
  name: string,
): Promise<{ id: string; accountId: string } | undefined> {
  try {
    const { kind, uniqueId, accountId } = await binding.bindPrincipal(db, name)
    if (kind !== 'assumed-role') return { id: uniqueId, accountId }
    // `assumed-role/<role>/<session>`: one session of the role, not the role.
    return { id: `${uniqueId}:${parseArn(name)?.resource.split('/')[2] ?? ''}`, accountId }
  } catch (error) {
    if (error instanceof UnknownPrincipalError) return undefined
    throw error
  }
}
