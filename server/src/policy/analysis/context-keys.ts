import type { PolicyDocument } from '../syntax.ts'
import { variableNames } from '../template.ts'

/**
 * The condition keys that policies ask about, in their conditions and as variables; as they are written, each once whatever
 * its case.
 */
export function contextKeysOf(documents: readonly PolicyDocument[]): readonly string[] {
  const keys = new Map<string, string>()
  const add = (key: string): void => {
    const lower = key.toLowerCase()
    if (!keys.has(lower)) keys.set(lower, key)
  }
  for (const { statements, version } of documents) {
    for (const { conditions, resources, notResources } of statements) {
      for (const { key, values } of conditions) {
        add(key)
        if (version === '2012-10-17') for (const value of values) variableNames(value).forEach(add)
      }
      if (version !== '2012-10-17') continue
      for (const resource of [...(resources ?? []), ...(notResources ?? [])])
        variableNames(resource).forEach(add)
    }
  }
  return [...keys.values()]
}
