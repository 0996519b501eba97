/**
 * Constraints of a grant on the encryption context. In them the names of pairs are case-insensitive and the values are
 * not. A context with two names that differ only in case could mean either, so it satisfies no constraint.
 *
 * @see AWS KMS API Reference, GrantConstraints
 */
export type ContextConstraint =
  /** The context has these pairs and no other. */
  | { readonly type: 'EncryptionContextEquals'; readonly pairs: Pairs }
  /** The context has these pairs, and maybe more. */
  | { readonly type: 'EncryptionContextSubset'; readonly pairs: Pairs }

/** [name, value], as they were given, in order of the name. */
export type Pairs = readonly (readonly [name: string, value: string])[]

/** What a grant allows no more than. */
export interface GrantLimits {
  readonly operations: number
  readonly constraint: ContextConstraint | undefined
  readonly sourceArn: string | undefined
}

/** An encryption context as constraints see it: value by name, the names in lower case. */
export type FoldedContext = ReadonlyMap<string, string>

/** Undefined for a context of which no constraint can be sure. */
export function foldContext(context: Iterable<readonly [string, string]>): FoldedContext | undefined {
  const folded = new Map<string, string>()
  for (const [name, value] of context) {
    const lower = name.toLowerCase()
    if (folded.has(lower)) return undefined
    folded.set(lower, value)
  }
  return folded
}

/** One text for each context: contexts are equal when these are. */
export function contextText(context: FoldedContext): string {
  return JSON.stringify([...context].sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** One pair as a text of its own, for an index. */
export function pairText(foldedName: string, value: string): string {
  return JSON.stringify([foldedName, value])
}

/** Names are compared without regard to case, values as they are; `Equals` wants the whole context, `Subset` a part. */
export function satisfies(constraint: ContextConstraint, context: FoldedContext): boolean {
  if (constraint.type === 'EncryptionContextEquals' && constraint.pairs.length !== context.size) return false
  return constraint.pairs.every(([name, value]) => context.get(name.toLowerCase()) === value)
}

/** Whether a grant that was made under the limits of another lets nobody do more than that one. */
export function isAsStrict(child: GrantLimits, parent: GrantLimits): boolean {
  if ((child.operations & ~parent.operations) !== 0) return false
  if (parent.sourceArn !== undefined && child.sourceArn !== parent.sourceArn) return false
  if (parent.constraint === undefined) return true
  if (child.constraint === undefined) return false
  if (
    parent.constraint.type === 'EncryptionContextEquals' &&
    child.constraint.type !== parent.constraint.type
  )
    return false
  const required = foldContext(child.constraint.pairs)
  return required !== undefined && satisfies(parent.constraint, required)
}
