import type { Grant } from './grant.ts'
import {
  contextText,
  foldContext,
  isAsStrict,
  pairText,
  satisfies,
  type ContextConstraint,
  type FoldedContext,
  type GrantLimits,
} from './grant-constraints.ts'
import { actionBit, hasEncryptionContext, operationBits } from './grant-operations.ts'

/** What a request asks of the grants of one grantee. */
export interface GrantUse {
  /** Such as `kms:Decrypt`. */
  readonly action: string
  readonly encryptionContext: ReadonlyMap<string, string> | undefined
  /** The resource on whose behalf a service asks. */
  readonly sourceArn: string | undefined
  /** Of CreateGrant: what the new grant allows. */
  readonly newGrant: GrantLimits | undefined
}

/** Grants that allow the same: where one of them helps, each does. */
interface Alike extends GrantLimits {
  readonly key: string
  readonly grantIds: Set<string>
}

/** The grants with one source ARN, or without. */
interface Shelf {
  readonly unconstrained: Map<string, Alike>
  /** By the text of the whole context. */
  readonly equals: Map<string, Map<string, Alike>>
  /** By one of the pairs: the one that the fewest others stand under when a grant comes. */
  readonly subset: Map<string, Map<string, Alike>>
  /** All that have a constraint, by their operations: for an action that the constraint does not bind. */
  readonly constrained: Map<number, Set<Alike>>
}

/**
 * The grants of one grantee on one key, arranged so that one that helps is found without looking at the others: fifty
 * thousand of them cost a request what ten do.
 */
export class GrantIndex {
  readonly #shelves = new Map<string, Shelf>()
  readonly #homes = new Map<
    string,
    { alike: Alike; under: Map<string, Alike>; shelf: Shelf; remove(): void }
  >()

  get size(): number {
    return this.#homes.size
  }

  add(grant: Grant): void {
    if (this.#homes.has(grant.grantId)) return
    const limits = limitsOf(grant)
    const shelf = this.#shelf(grant.sourceArn ?? '')
    const key = `${limits.operations} ${grant.constraint ? JSON.stringify(folded(grant.constraint)) : ''}`
    const { under, remove } = place(shelf, key, grant.constraint)
    let alike = under.get(key)
    if (alike === undefined) {
      alike = { ...limits, key, grantIds: new Set() }
      under.set(key, alike)
      if (grant.constraint !== undefined) enter(shelf.constrained, alike)
    }
    alike.grantIds.add(grant.grantId)
    this.#homes.set(grant.grantId, { alike, under, shelf, remove })
  }

  remove(grantId: string): void {
    const home = this.#homes.get(grantId)
    if (home === undefined) return
    this.#homes.delete(grantId)
    const { alike, under, shelf, remove } = home
    alike.grantIds.delete(grantId)
    if (alike.grantIds.size > 0) return
    under.delete(alike.key)
    leave(shelf.constrained, alike)
    if (under.size === 0) remove()
  }

  /** The id of a grant that allows it. */
  find(use: GrantUse): string | undefined {
    if (this.#homes.size === 0) return undefined
    const bit = actionBit(use.action)
    if (bit === 0) return undefined
    const plain = this.#shelves.get('')
    const found = plain && inShelf(plain, bit, use)
    if (found !== undefined || use.sourceArn === undefined) return found
    const ofSource = this.#shelves.get(use.sourceArn)
    return ofSource && inShelf(ofSource, bit, use)
  }

  #shelf(sourceArn: string): Shelf {
    let shelf = this.#shelves.get(sourceArn)
    if (shelf === undefined) {
      shelf = { unconstrained: new Map(), equals: new Map(), subset: new Map(), constrained: new Map() }
      this.#shelves.set(sourceArn, shelf)
    }
    return shelf
  }
}

/** What a grant limits, in the form in which it is compared. */
export function limitsOf({ operations, constraint, sourceArn }: Grant): GrantLimits {
  return { operations: operationBits(operations), constraint, sourceArn }
}

function inShelf(shelf: Shelf, bit: number, use: GrantUse): string | undefined {
  if (use.newGrant !== undefined) return forNewGrant(shelf, bit, use.newGrant)
  const open = firstOf(shelf.unconstrained.values(), bit, allows)
  if (open !== undefined || shelf.constrained.size === 0) return open
  // DescribeKey has no context, and a constraint on it does not bind.
  if (!hasEncryptionContext(use.action)) return ofOperation(shelf, bit)
  const context = foldContext(use.encryptionContext ?? [])
  if (context === undefined) return undefined
  return inContext(
    shelf,
    bit,
    context,
    ({ constraint }) => constraint !== undefined && satisfies(constraint, context),
  )
}

/** A new grant may be made by one that its own pairs, taken as a context, satisfy; no other can be as strict. */
function forNewGrant(shelf: Shelf, bit: number, newGrant: GrantLimits): string | undefined {
  const helps = (alike: Alike) => isAsStrict(newGrant, alike)
  const open = firstOf(shelf.unconstrained.values(), bit, helps)
  if (open !== undefined || newGrant.constraint === undefined) return open
  const context = foldContext(newGrant.constraint.pairs)
  return context && inContext(shelf, bit, context, helps)
}

function inContext(
  shelf: Shelf,
  bit: number,
  context: FoldedContext,
  helps: (alike: Alike) => boolean,
): string | undefined {
  const same = shelf.equals.size === 0 ? undefined : shelf.equals.get(contextText(context))
  const found = same && firstOf(same.values(), bit, helps)
  if (found !== undefined || shelf.subset.size === 0) return found
  for (const [name, value] of context) {
    const under = shelf.subset.get(pairText(name, value))
    const among = under && firstOf(under.values(), bit, helps)
    if (among !== undefined) return among
  }
  return undefined
}

function ofOperation({ constrained }: Shelf, bit: number): string | undefined {
  for (const [operations, alikes] of constrained) {
    if ((operations & bit) !== 0) return firstOf(alikes, bit, allows)
  }
  return undefined
}

function enter(constrained: Map<number, Set<Alike>>, alike: Alike): void {
  const alikes = constrained.get(alike.operations)
  if (alikes === undefined) constrained.set(alike.operations, new Set([alike]))
  else alikes.add(alike)
}

function leave(constrained: Map<number, Set<Alike>>, alike: Alike): void {
  const alikes = constrained.get(alike.operations)
  alikes?.delete(alike)
  if (alikes?.size === 0) constrained.delete(alike.operations)
}

function firstOf(alikes: Iterable<Alike>, bit: number, helps: (alike: Alike) => boolean): string | undefined {
  for (const alike of alikes) {
    if ((alike.operations & bit) === 0 || !helps(alike)) continue
    for (const grantId of alike.grantIds) return grantId
  }
  return undefined
}

const allows = () => true

function place(
  shelf: Shelf,
  key: string,
  constraint: ContextConstraint | undefined,
): { under: Map<string, Alike>; remove(): void } {
  if (constraint === undefined) return { under: shelf.unconstrained, remove: () => {} }
  const context = folded(constraint)
  const index = constraint.type === 'EncryptionContextEquals' ? shelf.equals : shelf.subset
  const slots = constraint.type === 'EncryptionContextEquals' ? [context.text] : context.pairs
  let emptiest: string | undefined
  for (const slot of slots) {
    // One that is there already stays where it is.
    if (index.get(slot)?.has(key) === true) {
      emptiest = slot
      break
    }
    if (emptiest === undefined || (index.get(slot)?.size ?? 0) < (index.get(emptiest)?.size ?? 0))
      emptiest = slot
  }
  if (emptiest === undefined) throw new Error('A constraint without pairs constrains nothing')
  const slot = emptiest
  let under = index.get(slot)
  if (under === undefined) {
    under = new Map()
    index.set(slot, under)
  }
  return {
    under,
    remove: () => {
      index.delete(slot)
    },
  }
}

function folded({ pairs, type }: ContextConstraint): { type: string; text: string; pairs: string[] } {
  const context = foldContext(pairs)
  if (context === undefined) throw new Error('A grant holds a constraint with a name twice')
  return {
    type,
    text: contextText(context),
    pairs: [...context].map(([name, value]) => pairText(name, value)),
  }
}
