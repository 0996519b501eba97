import { isReserved, requireAliasName } from '../../keys/aliases.ts'
import { KmsError } from '../../keys/kms-error.ts'
import type { Operation } from './operation.ts'

/** @see AWS KMS API Reference, DeleteAlias */
export const deleteAlias: Operation<'DeleteAlias'> = async (
  request,
  { region, keys, aliases, access, transition },
) => {
  requireAliasName(request.AliasName)
  if (isReserved(request.AliasName)) {
    throw new KmsError('ValidationException', 'Alias names that begin with alias/aws/ are reserved.')
  }
  return transition(async (tx) => {
    const stored = await access.aliasToManage(tx.db, request.AliasName)
    const target = await keys.read(tx.db, region, stored.alias.keyId)
    if (target !== undefined) access.require(target.key, 'kms:DeleteAlias')
    await aliases.remove(tx, stored)
    return undefined
  })
}
