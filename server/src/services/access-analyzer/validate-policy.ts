import { setImmediate as nextTurn } from 'node:timers/promises'
import { validationSteps, type Finding, type ReviewedKind } from '../../policy/analysis/validate-policy.ts'
import { authorize, invalid, type Operation } from './operation.ts'
import { pageOf } from './paging.ts'
import type { RequestOf } from './shapes.ts'

/**
 * What is wrong with a policy, dangerous in it, or could be better.
 *
 * @see AWS IAM Access Analyzer API Reference, ValidatePolicy; docs/access-analysis.md
 */
export const validatePolicy: Operation<'ValidatePolicy'> = async (request, { call }) => {
  authorize(call, 'access-analyzer:ValidatePolicy')
  const kind = kindOf(request)
  const { items, nextToken } = pageOf(await findingsOf(request.policyDocument, kind), request)
  return { findings: items, nextToken }
}

async function findingsOf(text: string, kind: ReviewedKind): Promise<readonly Finding[]> {
  const steps = validationSteps(text, kind)
  for (let step = steps.next(); ; step = steps.next()) {
    if (step.done === true) return step.value
    await nextTurn()
  }
}

const kinds = {
  IDENTITY_POLICY: 'identity',
  RESOURCE_POLICY: 'resource',
  SERVICE_CONTROL_POLICY: 'service-control',
  RESOURCE_CONTROL_POLICY: 'resource-control',
} as const satisfies Record<string, ReviewedKind>

/** The policies of other services' resources have rules of their own that are not known here. */
function kindOf({ policyType, validatePolicyResourceType }: RequestOf<'ValidatePolicy'>): ReviewedKind {
  if (validatePolicyResourceType === undefined) return kinds[policyType]
  if (policyType !== 'RESOURCE_POLICY') {
    throw invalid('validatePolicyResourceType can only be specified when policyType is RESOURCE_POLICY.')
  }
  if (validatePolicyResourceType === 'AWS::IAM::AssumeRolePolicyDocument') return 'trust'
  throw invalid(`The resource type ${validatePolicyResourceType} is not supported by this deployment.`)
}
