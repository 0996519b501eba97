import { keyArn } from '../../keys/key.ts'
import type { Operation } from './operation.ts'
import { afterMarker, pageLimit, pageOf } from './paging.ts'

/** @see AWS KMS API Reference, ListKeys */
export const listKeys: Operation<'ListKeys'> = async (request, { caller, region, keys, access }) => {
  const limit = pageLimit(request.Limit, { default: 100, max: 1000 })
  const after = afterMarker('ListKeys', request.Marker)
  access.requireAccount('kms:ListKeys')
  const ids = await keys.list(caller.accountId, region, after, limit + 1)
  const { items, next } = pageOf(ids, limit, 'ListKeys', (id) => id)
  return { Keys: items.map((id) => ({ KeyId: id, KeyArn: keyArn(caller.accountId, region, id) })), ...next }
}
