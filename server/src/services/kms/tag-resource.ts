import { requireTags, withTags } from '../../keys/tags.ts'
import { requireState } from '../../keys/usable.ts'
import type { Operation } from './operation.ts'
import { tagsOf } from './resource-tags.ts'

/** @see AWS KMS API Reference, TagResource */
export const tagResource: Operation<'TagResource'> = async (request, { keys, access, transition }) => {
  const added = tagsOf(request.Tags)
  requireTags(added)
  return transition(async (tx) => {
    const stored = await access.toManage(tx.db, request.KeyId, 'kms:TagResource', { requestTags: added })
    requireState(stored.key, 'change')
    await keys.change(tx, stored, { tags: withTags(stored.key.tags, added) })
    return undefined
  })
}
