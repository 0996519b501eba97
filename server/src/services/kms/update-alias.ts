import { isReserved, requireAlias, requireAliasName } from '../../keys/aliases.ts'
import { keyType } from '../../keys/key-type.ts'
import { KmsError } from '../../keys/kms-error.ts'
import { requireRoomForAlias } from '../../keys/resource-quotas.ts'
import { requireState } from '../../keys/usable.ts'
import { aliasRules } from './create-alias.ts'
import type { Operation } from './operation.ts'

/**
 * Lets an alias name another key of the same type (symmetric, asymmetric or HMAC) and usage; the specs may differ. The old
 * key may be pending deletion, the new one may not. The caller needs the permission on the alias and on both keys.
 *
 * @see AWS KMS API Reference, UpdateAlias
 */
export const updateAlias: Operation<'UpdateAlias'> = async (
  request,
  { caller, region, aliases, access, resourceQuotas, transition },
) => {
  const id = { accountId: caller.accountId, region, name: request.AliasName }
  requireAliasName(id.name)
  if (isReserved(id.name)) {
    throw new KmsError('ValidationException', 'Alias names that begin with alias/aws/ are reserved.')
  }
  access.requireKeyForm(request.TargetKeyId, aliasRules)
  access.requireAlias(id.name, 'kms:UpdateAlias')
  return transition(async (tx) => {
    const target = await access.toManage(tx.db, request.TargetKeyId, 'kms:UpdateAlias', {}, aliasRules)
    const stored = await requireAlias(aliases, tx.db, id)
    const old = await access.targetOf(tx.db, stored, 'kms:UpdateAlias')
    requireState(target.key, 'change')
    if (keyType(old.key) !== keyType(target.key) || old.key.usage !== target.key.usage) {
      throw new KmsError(
        'ValidationException',
        'The current and new KMS key must be of the same type and key usage.',
      )
    }
    if (target.key.keyId !== stored.alias.keyId) requireRoomForAlias(target.key, resourceQuotas)
    await aliases.move(tx, stored, old, target)
    return undefined
  })
}
