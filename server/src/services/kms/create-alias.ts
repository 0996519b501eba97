import { isReserved, requireAliasName } from '../../keys/aliases.ts'
import { aliasArn } from '../../keys/key-reference.ts'
import { KmsError } from '../../keys/kms-error.ts'
import { requireRoomForAlias } from '../../keys/resource-quotas.ts'
import { requireState } from '../../keys/usable.ts'
import type { ManagementRules } from './key-access.ts'
import type { Operation } from './operation.ts'

/** The operations on aliases do not have InvalidArnException. */
export const aliasRules: ManagementRules = { arnError: 'NotFoundException' }

/**
 * Gives a key a name. The caller needs the permission on the alias, which identity policies give, and on the key.
 *
 * @see AWS KMS API Reference, CreateAlias; Developer Guide, "Controlling access to aliases"
 */
export const createAlias: Operation<'CreateAlias'> = async (
  request,
  { caller, region, aliases, access, resourceQuotas, transition },
) => {
  const id = { accountId: caller.accountId, region, name: request.AliasName }
  requireAliasName(id.name)
  if (isReserved(id.name)) {
    throw new KmsError('InvalidAliasNameException', 'Alias names that begin with alias/aws/ are reserved.')
  }
  access.requireKeyForm(request.TargetKeyId, aliasRules)
  access.requireAlias(id.name, 'kms:CreateAlias')
  return transition(async (tx) => {
    const target = await access.toManage(tx.db, request.TargetKeyId, 'kms:CreateAlias', {}, aliasRules)
    requireState(target.key, 'change')
    if ((await aliases.read(tx.db, id)) !== undefined) {
      const arn = aliasArn(id.accountId, region, id.name)
      throw new KmsError('AlreadyExistsException', `An alias with the name ${arn} already exists`)
    }
    requireRoomForAlias(target.key, resourceQuotas)
    await aliases.create(tx, id, target)
    return undefined
  })
}
