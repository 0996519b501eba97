import { isReserved, requireAliasName } from '../../keys/aliases.ts'
import { aliasArn } from '../../keys/key-reference.ts'
import { KmsError } from '../../keys/kms-error.ts'
import { requireNotPendingDeletion } from '../../keys/usable.ts'
import type { Operation } from './operation.ts'

/** @see AWS KMS API Reference, CreateAlias */
export const createAlias: Operation<'CreateAlias'> = async (
  request,
  { caller, region, aliases, access, transition },
) => {
  const id = { accountId: caller.accountId, region, name: request.AliasName }
  requireAliasName(id.name)
  if (isReserved(id.name)) {
    throw new KmsError('InvalidAliasNameException', 'Alias names that begin with alias/aws/ are reserved.')
  }
  return transition(async (tx) => {
    const { key } = await access.toManage(tx.db, request.TargetKeyId, 'kms:CreateAlias', {
      arnError: 'NotFoundException',
    })
    requireNotPendingDeletion(key)
    if ((await aliases.read(tx.db, id)) !== undefined) {
      const arn = aliasArn(id.accountId, region, id.name)
      throw new KmsError('AlreadyExistsException', `An alias with the name ${arn} already exists`)
    }
    await aliases.requireRoom(tx, key)
    await aliases.create(tx, id, key.keyId)
    return undefined
  })
}
