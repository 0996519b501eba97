import { parseArn } from '../arn.ts'
import { keyArn, type StoredKey } from '../keys/key.ts'
import type { Keys } from '../keys/keys.ts'
import type { Db } from '../store/db.ts'
import { DeploymentError } from './deployment-error.ts'

/**
 * The key that an operator names by its ARN, or by its id alone, which a multi-Region key's replicas share.
 * @throws DeploymentError when there is none, or several
 */
export async function requireKeyNamed(keys: Keys, db: Db, id: string): Promise<StoredKey> {
  const arn = id.startsWith('arn:') ? parseArn(id) : undefined
  const keyId = arn === undefined ? id : arn.resource.replace(/^key\//, '')
  let query = db.selectFrom('kms_keys').select(['region', 'account_id']).where('key_id', '=', keyId)
  if (arn !== undefined) {
    query = query.where('region', '=', arn.region).where('account_id', '=', arn.accountId)
  }
  const found = await query.orderBy('region').execute()
  const [only] = found
  if (only === undefined) throw noKey(id)
  if (found.length > 1) {
    const arns = found.map(({ region, account_id }) => keyArn(account_id, region, keyId))
    throw new DeploymentError(`there are several keys ${id}: name one by its ARN (${arns.join(', ')})`)
  }
  const stored = await keys.read(db, only.region, keyId)
  if (stored === undefined) throw noKey(id)
  return stored
}

function noKey(id: string): DeploymentError {
  return new DeploymentError(`there is no key ${id}`)
}
