import { isReserved, requireAlias, requireAliasName } from '../../keys/aliases.ts'
import { KmsError } from '../../keys/kms-error.ts'
import type { Operation } from './operation.ts'

/** @see AWS KMS API Reference, DeleteAlias */
export const deleteAlias: Operation<'DeleteAlias'> = async (
  request,
  { caller, region, aliases, access, transition },
) => {
  requireAliasName(request.AliasName)
  if (isReserved(request.AliasName)) {
    throw new KmsError('ValidationException', 'Alias names that begin with alias/aws/ are reserved.')
  }
  access.requireAlias(request.AliasName, 'kms:DeleteAlias')
  return transition(async (tx) => {
    const stored = await requireAlias(aliases, tx.db, {
      accountId: caller.accountId,
      region,
      name: request.AliasName,
    })
    const target = await access.targetOf(tx.db, stored, 'kms:DeleteAlias')
    await aliases.remove(tx, stored, target)
    return undefined
  })
}
