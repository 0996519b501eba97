import type { PolicyDocument, Statement } from '../syntax.ts'
import { covers, overlaps } from './pattern-sets.ts'

/**
 * What a statement is about, as sets. Whoever asks `mayReach…` must not be told no wrongly, whoever asks `surelyCovers` must
 * not be told yes wrongly: variables and wildcards are taken for the larger set in the one and the smaller in the other.
 */

/** Whether every action of a pattern on every resource of another is what the statement is about. */
export function surelyCovers(statement: Statement, action: string, resource: string): boolean {
  return surelyCoversAction(statement, action) && surelyCoversResource(statement, resource)
}

/** Whether some action of a pattern may be what the statement is about. */
export function mayReachAction({ actions, notActions }: Statement, action: string): boolean {
  const wanted = action.toLowerCase()
  if (actions !== undefined) return actions.some((pattern) => overlaps(pattern.toLowerCase(), wanted))
  return notActions !== undefined && !notActions.some((pattern) => covers(pattern.toLowerCase(), wanted))
}

function surelyCoversAction({ actions, notActions }: Statement, action: string): boolean {
  const wanted = action.toLowerCase()
  if (actions !== undefined) return actions.some((pattern) => covers(pattern.toLowerCase(), wanted))
  return notActions !== undefined && !notActions.some((pattern) => overlaps(pattern.toLowerCase(), wanted))
}

/** Whether some resource of a pattern may be what the statement is about. */
export function mayReachResource({ resources, notResources }: Statement, resource: string): boolean {
  if (resources !== undefined) return resources.some((pattern) => overlaps(widest(pattern), resource))
  if (notResources === undefined) return true
  return !notResources.some((pattern) => !pattern.includes('${') && covers(pattern, resource))
}

function surelyCoversResource({ resources, notResources }: Statement, resource: string): boolean {
  if (resources !== undefined) {
    return resources.some((pattern) => !pattern.includes('${') && covers(pattern, resource))
  }
  return notResources === undefined || !notResources.some((pattern) => overlaps(widest(pattern), resource))
}

/** A variable may stand for anything, and its default may hold braces: whatever stands between the first and the last goes. */
function widest(pattern: string): string {
  const [first, last] = [pattern.indexOf('${'), pattern.lastIndexOf('}')]
  return first === -1 || last < first ? pattern : `${pattern.slice(0, first)}*${pattern.slice(last + 1)}`
}

/** Statements that deny everybody, always. */
export function absoluteDenials({ statements }: PolicyDocument): readonly Statement[] {
  return statements.filter(
    ({ effect, conditions, principal, notPrincipal }) =>
      effect === 'Deny' &&
      conditions.length === 0 &&
      notPrincipal === undefined &&
      (principal === undefined || principal.everyone),
  )
}
