import type { ContextValue } from '../policy/request.ts'
import type { Caller } from './caller.ts'
import type { OrganizationFacts } from './organization-facts.ts'
import { principalContext } from './principal-context.ts'
import type { Standing } from './standing.ts'

export interface ServiceCaller {
  /** All names that it has, such as `s3.amazonaws.com`; the first is its own. */
  readonly names: readonly [string, ...string[]]
  /** The account that it is registered in, for records. */
  readonly accountId: string
  /** What it says it acts for. */
  readonly sourceAccount?: string | undefined
  readonly sourceArn?: string | undefined
}

/**
 * A service has no policies of its own: what a resource's policy or a grant gives it is all that it may. Its account's
 * limits on principals are not for it, those on resources are.
 */
export function serviceStanding(service: ServiceCaller, organization: OrganizationFacts): Standing {
  const { names, accountId, sourceAccount, sourceArn } = service
  const [name] = names
  const caller: Caller = { type: 'AWSService', accountId, arn: name, principalId: name, accessKeyId: '' }
  const further = new Map<string, ContextValue>([
    ['aws:principalservicename', name],
    ['aws:principalservicenameslist', names],
  ])
  if (sourceAccount !== undefined) further.set('aws:sourceaccount', sourceAccount)
  if (sourceArn !== undefined) further.set('aws:sourcearn', sourceArn)
  return {
    caller,
    principal: { type: 'service', names },
    identityPolicies: [],
    boundary: undefined,
    sessionPolicies: undefined,
    serviceControl: [],
    organization,
    quarantine: undefined,
    context: principalContext({
      caller,
      type: 'AWSService',
      arn: undefined,
      tags: [],
      organization,
      further,
    }),
    entries: organization.entries,
  }
}
