import { accessAnalyzer } from './access-analyzer.ts'
import { globalKeys } from './global-keys.ts'
import { iam } from './iam.ts'
import { kms } from './kms.ts'
import type { KeyType, ServiceVocabulary } from './service-vocabulary.ts'
import { sts } from './sts.ts'

/** The services whose words are known here; of others nothing is said. */
const services: ReadonlyMap<string, ServiceVocabulary> = new Map(
  [kms, iam, sts, accessAnalyzer].map((vocabulary) => [vocabulary.service, vocabulary]),
)

/** @param prefix in lower case */
export function vocabularyOf(prefix: string): ServiceVocabulary | undefined {
  return services.get(prefix)
}

/** The parts of `kms:Decrypt`; undefined for what has no colon. */
export function splitAction(action: string): { service: string; name: string } | undefined {
  const colon = action.indexOf(':')
  if (colon < 1) return undefined
  return { service: action.slice(0, colon).toLowerCase(), name: action.slice(colon + 1) }
}

/** A condition key that policies can name. */
export interface KnownKey {
  /** As AWS spells it; `${…}` stands for a name that the author chooses. */
  readonly name: string
  readonly type: KeyType
}

const keysInFull = new Map<string, KnownKey>()
/** Keys that go on after a slash or a colon, by what stands before, in lower case: `aws:principaltag/`. */
const keysByStem = new Map<string, KnownKey>()
for (const table of [globalKeys, ...[...services.values()].map(({ keys }) => keys)]) {
  for (const [name, type] of Object.entries(table)) {
    const stem = name.indexOf('${')
    if (stem === -1) keysInFull.set(name.toLowerCase(), { name, type })
    else keysByStem.set(name.slice(0, stem).toLowerCase(), { name, type })
  }
}

/** Undefined when AWS has no such key, or the name that belongs after its stem is missing. Names differ in case freely. */
export function findKey(key: string): KnownKey | undefined {
  const lower = key.toLowerCase()
  const exact = keysInFull.get(lower)
  if (exact !== undefined) return exact
  for (const [stem, known] of keysByStem) {
    if (lower.length > stem.length && lower.startsWith(stem)) return known
  }
  return undefined
}

/** The key whose chosen name is missing: `aws:ResourceTag` or `aws:ResourceTag/`. */
export function findStem(key: string): KnownKey | undefined {
  const lower = key.toLowerCase()
  return keysByStem.get(lower) ?? keysByStem.get(`${lower}/`) ?? keysByStem.get(`${lower}:`)
}

export function isMultivalued(type: KeyType): boolean {
  return type.startsWith('ArrayOf')
}

/** Every condition key that a request of this action can have, beside the global ones; undefined for an unknown action. */
export function keysOfAction(action: string): ReadonlySet<string> | undefined {
  const parts = splitAction(action)
  const vocabulary = parts && services.get(parts.service)
  if (parts === undefined || vocabulary === undefined) return undefined
  const name = parts.name.toLowerCase()
  const found = Object.entries(vocabulary.actions).find(([each]) => each.toLowerCase() === name)?.[1]
  if (found === undefined) return undefined
  const resources = found.on.map((type) => vocabulary.resources[type])
  return new Set([...found.keys, ...resources.flatMap((resource) => resource?.keys ?? [])])
}
