import type { Tag } from '../../identity/principal.ts'
import type { SessionFacts } from '../../identity/session.ts'
import { StsError } from './sts-error.ts'

/** The tags of a role session, and those of them that the sessions it assumes will inherit. */
export interface SessionTags {
  readonly tags: readonly Tag[]
  readonly transitiveTagKeys: readonly string[]
}

const MOST_TAGS = 50

/**
 * Keys know no case. What the calling session has as transitive is inherited, and cannot be given another value.
 *
 * @param inherited the calling session, when it is one
 * @throws StsError
 * @see IAM User Guide, "Chaining roles with session tags"
 */
export function sessionTags(
  given: SessionTags,
  inherited: Pick<SessionFacts, 'tags' | 'transitiveTagKeys'> | undefined,
): SessionTags {
  const keys = new Set(given.tags.map(({ key }) => key.toLowerCase()))
  if (keys.size < given.tags.length) {
    throw new StsError(
      'InvalidParameterValue',
      'Duplicate tag keys found. Please note that Tag keys are case insensitive.',
    )
  }
  for (const key of keys) {
    if (key.startsWith('aws:')) {
      throw new StsError('InvalidParameterValue', 'Tag keys must not start with the reserved prefix aws:')
    }
  }
  const transitive = new Set(given.transitiveTagKeys.map((key) => key.toLowerCase()))
  for (const key of transitive) {
    if (!keys.has(key)) {
      throw new StsError(
        'InvalidParameterValue',
        'The specified transitive tag key must be included in the requested tags.',
      )
    }
  }
  const inheritedKeys = new Set(inherited?.transitiveTagKeys.map((key) => key.toLowerCase()))
  for (const key of inheritedKeys) {
    if (keys.has(key)) {
      throw new StsError(
        'InvalidParameterValue',
        "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.",
      )
    }
  }
  const inheritedTags = (inherited?.tags ?? []).filter(({ key }) => inheritedKeys.has(key.toLowerCase()))
  const tags = [...inheritedTags, ...given.tags]
  if (tags.length > MOST_TAGS) {
    throw new StsError('ValidationError', `A session has at most ${MOST_TAGS} tags, inherited ones included.`)
  }
  const isTransitive = ({ key }: Tag) => {
    const name = key.toLowerCase()
    return transitive.has(name) || inheritedKeys.has(name)
  }
  return { tags, transitiveTagKeys: tags.filter(isTransitive).map(({ key }) => key) }
}
