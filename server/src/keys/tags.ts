import type { Tag } from './key.ts'
import { KmsError } from './kms-error.ts'

const TAGS_PER_KEY = 50
const RESERVED_PREFIX = 'aws:'

/** The rules of tags that their shape does not hold. */
export function requireTags(tags: readonly Tag[]): void {
  const names = new Set(tags.map((tag) => tag.key))
  if (names.size < tags.length) throw new KmsError('TagException', 'Duplicate tag keys')
  requireTagKeys([...names])
  if (tags.length > TAGS_PER_KEY) throw new KmsError('TagException', 'Too many tags')
}

/** Keys that begin with `aws:`, in any case, are AWS's own. */
export function requireTagKeys(keys: readonly string[]): void {
  if (keys.some((key) => key.toLowerCase().startsWith(RESERVED_PREFIX))) {
    throw new KmsError('TagException', 'Tags beginning with aws: are reserved')
  }
}

/** The tags after `added` are set: a key that is there keeps its place and takes the new value. */
export function withTags(tags: readonly Tag[], added: readonly Tag[]): readonly Tag[] {
  const byKey = new Map(tags.map((tag) => [tag.key, tag]))
  for (const tag of added) byKey.set(tag.key, tag)
  if (byKey.size > TAGS_PER_KEY) throw new KmsError('TagException', 'Too many tags')
  return [...byKey.values()]
}

export function withoutTags(tags: readonly Tag[], keys: readonly string[]): readonly Tag[] {
  const gone = new Set(keys)
  return tags.filter((tag) => !gone.has(tag.key))
}
