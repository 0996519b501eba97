import { isReserved, requireAliasName } from '../../keys/aliases.ts'
import { KmsError } from '../../keys/kms-error.ts'
import { requireNotPendingDeletion } from '../../keys/usable.ts'
import type { Operation } from './operation.ts'

/**
 * Lets an alias name another key of the same type and usage. The old key may be pending deletion,
 * the new one may not.
 *
 * @see AWS KMS API Reference, UpdateAlias
 */
export const updateAlias: Operation<'UpdateAlias'> = async (
  request,
  { caller, region, keys, aliases, access, transition },
) => {
  const id = { accountId: caller.accountId, region, name: request.AliasName }
  requireAliasName(id.name)
  if (isReserved(id.name)) {
    throw new KmsError('ValidationException', 'Alias names that begin with alias/aws/ are reserved.')
  }
  return transition(async (tx) => {
    const { key: target } = await access.toManage(tx.db, request.TargetKeyId, 'kms:UpdateAlias', {
      arnError: 'NotFoundException',
    })
    const stored = await access.aliasToManage(tx.db, id.name)
    const old = await keys.read(tx.db, region, stored.alias.keyId)
    requireNotPendingDeletion(target)
    if (old !== undefined && (old.key.spec !== target.spec || old.key.usage !== target.usage)) {
      throw new KmsError(
        'ValidationException',
        'The current and new KMS key must be of the same type and key usage.',
      )
    }
    if (target.keyId !== stored.alias.keyId) await aliases.requireRoom(tx, target)
    await aliases.move(tx, stored, target.keyId)
    return undefined
  })
}
