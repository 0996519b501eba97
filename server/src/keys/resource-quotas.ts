import type { Db } from '../store/db.ts'
import type { KmsKey } from './key.ts'
import { KmsError } from './kms-error.ts'

/** How much of each kind there may be, as far as AWS lets it be raised; its other quotas are where they are checked. */
export interface ResourceQuotas {
  /** Customer managed keys; in whatever state. */
  readonly keysPerAccountAndRegion: number
  readonly aliasesPerKey: number
  readonly grantsPerKey: number
}

/** @see AWS KMS Developer Guide, "Resource quotas". Read 2026-11 */
export const awsResourceQuotas: ResourceQuotas = {
  keysPerAccountAndRegion: 100_000,
  aliasesPerKey: 50,
  grantsPerKey: 50_000,
}

/** @throws KmsError LimitExceededException when the account has as many keys in the Region as it may have */
export async function requireRoomForKey(
  db: Db,
  { accountId, region }: Pick<KmsKey, 'accountId' | 'region'>,
  { keysPerAccountAndRegion: quota }: ResourceQuotas,
): Promise<void> {
  const { count } = await db
    .selectFrom('kms_keys')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('account_id', '=', accountId)
    .where('region', '=', region)
    .executeTakeFirstOrThrow()
  if (Number(count) < quota) return
  // Each AWS managed key has its alias, and there are few: this is an index of all keys and no key, read once.
  const managed = await db
    .selectFrom('aliases')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('account_id', '=', accountId)
    .where('region', '=', region)
    .where('name', '>=', 'alias/aws/')
    .where('name', '<', 'alias/aws0')
    .executeTakeFirstOrThrow()
  const usage = Number(count) - Number(managed.count)
  if (usage < quota) return
  throw new KmsError(
    'LimitExceededException',
    `Key quota for this account in this region is ${quota} but the current usage is ${usage}.`,
  )
}

/** @throws KmsError LimitExceededException when the key has as many aliases as it may have */
export function requireRoomForAlias(
  { aliasNames }: Pick<KmsKey, 'aliasNames'>,
  { aliasesPerKey: quota }: ResourceQuotas,
): void {
  if (aliasNames.length < quota) return
  throw new KmsError(
    'LimitExceededException',
    `Aliases per key quota for this account in this region is ${quota}, current usage is ${aliasNames.length}.`,
  )
}

/** @throws KmsError LimitExceededException when a key that has so many grants has as many as it may have */
export function requireRoomForGrant(usage: number, { grantsPerKey: quota }: ResourceQuotas): void {
  if (usage < quota) return
  // AWS publishes no text for grants; this is that of aliases.
  throw new KmsError(
    'LimitExceededException',
    `Grants per key quota for this account in this region is ${quota}, current usage is ${usage}.`,
  )
}
