import { aliasArn } from '../../keys/key-reference.ts'
import type { Operation } from './operation.ts'
import { afterMarker, pageLimit, pageOf } from './paging.ts'

/**
 * Lists the aliases of the account in the Region, or those of one key.
 *
 * @see AWS KMS API Reference, ListAliases
 */
export const listAliases: Operation<'ListAliases'> = async (
  request,
  { caller, region, aliases, access, store },
) => {
  // The model allows a Limit of 1000; the service gives at most 100 at a time.
  const limit = pageLimit(request.Limit, { default: 50, max: 100 })
  const afterName = afterMarker('ListAliases', request.Marker)
  access.requireAccount('kms:ListAliases')
  const { accountId } = caller
  const keyId =
    request.KeyId === undefined
      ? undefined
      : (await access.inAccount(store.db, request.KeyId, 'kms:ListAliases')).keyId
  const found = await aliases.list({ accountId, region, keyId, afterName, limit: limit + 1 })
  const { items, next } = pageOf(found, limit, 'ListAliases', (alias) => alias.name)
  return {
    Aliases: items.map((alias) => ({
      AliasName: alias.name,
      AliasArn: aliasArn(accountId, region, alias.name),
      TargetKeyId: alias.keyId,
      CreationDate: new Date(alias.createdAtMs),
      LastUpdatedDate: new Date(alias.updatedAtMs),
    })),
    ...next,
  }
}
