import type { Operation } from './operation.ts'
import { afterMarker, pageLimit, pageOf } from './paging.ts'

/** @see AWS KMS API Reference, ListResourceTags */
export const listResourceTags: Operation<'ListResourceTags'> = async (request, { access, store }) => {
  const limit = pageLimit(request.Limit, { default: 50, max: 50 })
  const after = afterMarker('ListResourceTags', request.Marker)
  const { key } = await access.toManage(store.db, request.KeyId, 'kms:ListResourceTags')
  // By code unit, as `<` compares: the marker says which key was last, however the tags changed since.
  const sorted = key.tags.filter((tag) => tag.key > after).sort((a, b) => (a.key < b.key ? -1 : 1))
  const { items, next } = pageOf(sorted.slice(0, limit + 1), limit, 'ListResourceTags', (tag) => tag.key)
  return { Tags: items.map((tag) => ({ TagKey: tag.key, TagValue: tag.value })), ...next }
}
