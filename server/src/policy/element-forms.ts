/** `*`, or a service's prefix and an action in which wildcards may stand. The prefix is a wildcard only in `*:*`. */
export function isActionPattern(text: string): boolean {
  return text === '*' || text === '*:*' || /^[A-Za-z0-9-]+:[A-Za-z0-9*?_-]+$/.test(text)
}

/** `*`, or an ARN of six parts; fewer when it ends in a `*`, which stands for the rest. */
export function isResourcePattern(text: string): boolean {
  if (text === '*') return true
  // A colon inside of a variable separates nothing.
  const parts = text.replaceAll(/\$\{[^{}]*\}/g, '$').split(':')
  const [arn, partition, service] = parts
  if (arn !== 'arn') return false
  if (parts.length < 6) return text.endsWith('*') && (parts.length === 2 || partition !== '')
  return partition !== '' && service !== ''
}

/**
 * A prefix, a colon and a name, then anything: tag keys and encryption context names may hold blanks. The prefix of an
 * identity provider's keys is its address.
 */
export function isConditionKey(text: string): boolean {
  return /^[A-Za-z0-9._~%/-]+:[A-Za-z0-9_.*-]+(?:[/:].*)?$/s.test(text)
}
