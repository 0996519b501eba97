import { takesAction } from './action-checks.ts'
import type { IssueCode } from './issues.ts'
import { hasWildcard } from './pattern-sets.ts'
import type { ReviewedPolicy, ReviewedStatement } from './reviewed-policy.ts'

interface Privilege {
  /** In lower case. */
  readonly action: string
  /** The ways of giving too much of it, by what is open in the statement. */
  readonly issues: Readonly<Record<Openness, IssueCode & PrivilegeIssue>>
  readonly limitedBy?: string
}

type PrivilegeIssue = Extract<IssueCode, `PASS_ROLE_${string}` | `CREATE_SLR_${string}`>
type Openness =
  | 'notResource'
  | 'starActionNotResource'
  | 'notActionNotResource'
  | 'starResource'
  | 'starActionStarResource'
  | 'notActionStarResource'

const privileges: readonly Privilege[] = [
  {
    action: 'iam:passrole',
    issues: {
      notResource: 'PASS_ROLE_WITH_NOT_RESOURCE',
      starActionNotResource: 'PASS_ROLE_WITH_STAR_IN_ACTION_AND_NOT_RESOURCE',
      notActionNotResource: 'PASS_ROLE_WITH_NOT_ACTION_AND_NOT_RESOURCE',
      starResource: 'PASS_ROLE_WITH_STAR_IN_RESOURCE',
      starActionStarResource: 'PASS_ROLE_WITH_STAR_IN_ACTION_AND_RESOURCE',
      notActionStarResource: 'PASS_ROLE_WITH_STAR_IN_RESOURCE_AND_NOT_ACTION',
    },
    limitedBy: 'iam:passedtoservice',
  },
  {
    action: 'iam:createservicelinkedrole',
    issues: {
      notResource: 'CREATE_SLR_WITH_NOT_RESOURCE',
      starActionNotResource: 'CREATE_SLR_WITH_STAR_IN_ACTION_AND_NOT_RESOURCE',
      notActionNotResource: 'CREATE_SLR_WITH_NOT_ACTION_AND_NOT_RESOURCE',
      starResource: 'CREATE_SLR_WITH_STAR_IN_RESOURCE',
      starActionStarResource: 'CREATE_SLR_WITH_STAR_IN_ACTION_AND_RESOURCE',
      notActionStarResource: 'CREATE_SLR_WITH_STAR_IN_RESOURCE_AND_NOT_ACTION',
    },
    limitedBy: 'iam:awsservicename',
  },
]

/** Identity policies that let their principals take what others have: roles to pass on, service-linked roles to make. */
export function checkPrivileges(policy: ReviewedPolicy): void {
  if (policy.kind !== 'identity') return
  for (const statement of policy.statements) {
    if (policy.isFull()) return
    if (statement.effect !== 'Allow') continue
    for (const privilege of privileges) {
      const limited = statement.conditions.some(({ lowerKey }) => lowerKey === privilege.limitedBy)
      if (limited || !takesAction(statement, privilege.action)) continue
      const openness = opennessOf(statement, privilege.action)
      if (openness !== undefined) policy.report(privilege.issues[openness], statement.node, {})
    }
  }
}

function opennessOf(
  { actions, resources, notResources }: ReviewedStatement,
  action: string,
): Openness | undefined {
  const byName = actions.some(({ value }) => value.toLowerCase() === action)
  const byAction = byName ? 'named' : actions.length > 0 ? 'star' : 'not'
  if (notResources.length > 0) {
    return { named: 'notResource', star: 'starActionNotResource', not: 'notActionNotResource' }[
      byAction
    ] as Openness
  }
  if (!resources.some(({ value }) => isOpenRole(value))) return undefined
  return { named: 'starResource', star: 'starActionStarResource', not: 'notActionStarResource' }[
    byAction
  ] as Openness
}

/** A pattern that takes in roles of any name. `role/Service*` and paths of their own are somebody's intention. */
function isOpenRole(resource: string): boolean {
  if (resource === '*') return true
  const [, , service = '', , , ...rest] = resource.split(':')
  const name = rest.join(':')
  return (
    (hasWildcard(service) || service === 'iam' || service === '') && /^(?:\*|role\/\*|role\*|)$/.test(name)
  )
}
