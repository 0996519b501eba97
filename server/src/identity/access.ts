import { AwsError } from '../aws-error.ts'
import { decide, type Decision } from '../policy/decision.ts'
import { denialText } from '../policy/denial.ts'
import type { AccessQuestion, AccessResource } from './access-question.ts'
import { requestContext } from './global-context.ts'
import type { OrganizationFacts } from './organization-facts.ts'
import type { RequestFacts } from './request-facts.ts'
import type { Standing } from './standing.ts'

export type { AccessQuestion, AccessResource } from './access-question.ts'

/**
 * Decides whether a caller may do what it asks. This is the one place that says yes.
 * What the decision rests on are `standing.entries`, and whatever the question was made from.
 */
export function decideAccess(
  standing: Standing,
  facts: RequestFacts,
  question: AccessQuestion,
  options?: { readonly explain?: boolean },
): Decision {
  const { resource, action } = question
  const organization = organizationOfResource(standing, resource)
  return decide(
    {
      request: {
        action,
        resource: resource.arn,
        principal: standing.principal,
        context: requestContext(standing, facts, question, organization),
      },
      resourceAccountId: resource.accountId,
      resourceRule: resource.kind,
      resourcePolicy: resource.policy,
      identityPolicies: standing.identityPolicies,
      boundary: standing.boundary,
      sessionPolicies: standing.sessionPolicies,
      serviceControl: standing.serviceControl,
      resourceControl: resource.awsManaged === true ? [] : (organization?.resourceControl ?? []),
      endpointPolicy: facts.endpoint?.policy,
      quarantine:
        standing.quarantine !== undefined
          ? { of: 'principal', reason: standing.quarantine }
          : resource.quarantine !== undefined
            ? { of: 'resource', reason: resource.quarantine }
            : undefined,
      grant: question.grant,
    },
    options,
  )
}

/** @throws AwsError AccessDeniedException with AWS's text */
export function requireAccess(standing: Standing, facts: RequestFacts, question: AccessQuestion): void {
  const decision = decideAccess(standing, facts, question)
  if (!decision.allowed) throw accessDenied(standing, question, decision)
}

/** The refusal of a decision. */
export function accessDenied(standing: Standing, question: AccessQuestion, decision: Decision): AwsError {
  const { action, resource, onWhat } = question
  const resourceArn = resource.arn === '*' && resource.accountId === undefined ? undefined : resource.arn
  const request = { principalArn: standing.caller.arn, action, resourceArn, onWhat }
  return new AwsError('AccessDeniedException', denialText(request, decision))
}

function organizationOfResource(
  standing: Standing,
  { accountId, organization }: AccessResource,
): OrganizationFacts | undefined {
  if (accountId === undefined) return undefined
  if (accountId === standing.caller.accountId) return standing.organization
  // A limit that was forgotten would allow what it forbids.
  if (organization === undefined) throw new Error("another account's organization was not loaded")
  return organization
}
