import { within } from '../effort.ts'
import type { PolicyDocument, Statement } from '../syntax.ts'
import { absoluteDenials, mayReachAction, mayReachResource, surelyCovers } from './statement-scope.ts'

/** What is not to be granted: any of the actions on any of the resources; a list that is left out stands for everything. */
export interface UnwantedAccess {
  readonly actions?: readonly string[] | undefined
  readonly resources?: readonly string[] | undefined
}

// Some ten milliseconds. Every action and resource that is asked about may have to be held against all of the policy.
const MOST_EFFORT = 5_000_000

/**
 * The statements by which a policy may grant some of an access; none when it surely does not. Conditions are taken to be
 * satisfied, variables to have any value.
 *
 * @throws EffortSpentError when the policy and the access are too large to be compared
 */
export function grantingStatements(policy: PolicyDocument, unwanted: UnwantedAccess): readonly Statement[] {
  return within(MOST_EFFORT, () => granting(policy, unwanted))
}

function granting(policy: PolicyDocument, unwanted: UnwantedAccess): readonly Statement[] {
  const { actions = ['*'], resources = ['*'] } = unwanted
  const denials = absoluteDenials(policy)
  const isDenied = (action: string, resource: string): boolean =>
    denials.some((denial) => surelyCovers(denial, action, resource))
  return policy.statements.filter((statement) => {
    if (statement.effect !== 'Allow') return false
    // Each side by itself first: there may be a hundred of both.
    const reachedActions = actions.filter((action) => mayReachAction(statement, action))
    const reachedResources = resources.filter((resource) => mayReachResource(statement, resource))
    if (reachedActions.length === 0 || reachedResources.length === 0) return false
    return reachedActions.some((action) =>
      reachedResources.some(
        (resource) => !isDenied(action, resource) && !everyPartDenied(statement, action, resource, isDenied),
      ),
    )
  })
}

/** Whatever of the statement meets the access is a part of its own patterns: when all of those are denied, so is that. */
function everyPartDenied(
  { actions, resources }: Statement,
  action: string,
  resource: string,
  isDenied: (action: string, resource: string) => boolean,
): boolean {
  const ofActions = actions ?? [action]
  const ofResources = (resources ?? [resource]).map((pattern) => (pattern.includes('${') ? '*' : pattern))
  return ofActions.every((one) =>
    ofResources.every((other) => isDenied(one, other) || isDenied(action, other) || isDenied(one, resource)),
  )
}
