import type { Tag } from '../../keys/key.ts'

/** Tags as a request holds them, in our words. */
export function tagsOf(
  tags: readonly { readonly TagKey: string; readonly TagValue: string }[],
): readonly Tag[] {
  return tags.map(({ TagKey, TagValue }) => ({ key: TagKey, value: TagValue }))
}
