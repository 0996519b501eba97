import { requireTagKeys, withoutTags } from '../../keys/tags.ts'
import { requireState } from '../../keys/usable.ts'
import type { Operation } from './operation.ts'

/** @see AWS KMS API Reference, UntagResource */
export const untagResource: Operation<'UntagResource'> = async (request, { keys, access, transition }) => {
  requireTagKeys(request.TagKeys)
  return transition(async (tx) => {
    const stored = await access.toManage(tx.db, request.KeyId, 'kms:UntagResource', {
      requestTagKeys: request.TagKeys,
    })
    requireState(stored.key, 'change')
    await keys.change(tx, stored, { tags: withoutTags(stored.key.tags, request.TagKeys) })
    return undefined
  })
}
