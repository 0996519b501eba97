import type { Tag } from '../../identity/principal.ts'
import { IamError } from './iam-error.ts'

const TAGS_PER_RESOURCE = 50

type TagMember = { readonly Key: string; readonly Value: string }

/** The rules of tags that their shape does not hold. @throws IamError InvalidInput */
export function requireTags(tags: readonly TagMember[] | undefined): readonly Tag[] {
  const given = (tags ?? []).map(({ Key, Value }) => ({ key: Key, value: Value }))
  if (new Set(given.map(({ key }) => key.toLowerCase())).size < given.length) {
    throw new IamError(
      'InvalidInput',
      'Duplicate tag keys found. Please note that Tag keys are case insensitive.',
    )
  }
  if (given.some(({ key }) => key.toLowerCase().startsWith('aws:'))) {
    throw new IamError('InvalidInput', 'Tag keys beginning with aws: are reserved for system use')
  }
  return given
}

/** The tags after `added` are set: a key that is there, in whatever case, is replaced. @throws IamError LimitExceeded */
export function withTags(tags: readonly Tag[], added: readonly Tag[]): readonly Tag[] {
  const byKey = new Map(tags.map((tag) => [tag.key.toLowerCase(), tag]))
  for (const tag of added) byKey.set(tag.key.toLowerCase(), tag)
  if (byKey.size > TAGS_PER_RESOURCE) {
    throw new IamError('LimitExceeded', 'The number of tags has reached the maximum limit.')
  }
  return [...byKey.values()]
}

/** Tag keys are compared without regard to case. */
export function withoutTags(tags: readonly Tag[], keys: readonly string[]): readonly Tag[] {
  const gone = new Set(keys.map((key) => key.toLowerCase()))
  return tags.filter(({ key }) => !gone.has(key.toLowerCase()))
}
