import { AwsError } from '../../aws-error.ts'
import {
  MalformedPolicyError,
  parsePolicy,
  type PolicyDocument,
  type PolicyKind,
} from '../../policy/document.ts'
import { EffortSpentError } from '../../policy/effort.ts'
import type { Statement } from '../../policy/syntax.ts'
import { grantingStatements, type UnwantedAccess } from '../../policy/analysis/access-not-granted.ts'
import { publicStatements } from '../../policy/analysis/public-access.ts'
import { authorize, type Operation } from './operation.ts'

const checkedAs: Readonly<Record<string, PolicyKind>> = {
  'AWS::KMS::Key': 'resource',
  'AWS::IAM::AssumeRolePolicyDocument': 'trust',
}

/** Whether a resource policy surely lets in nobody but callers that it names. */
export const checkNoPublicAccess: Operation<'CheckNoPublicAccess'> = async (
  { policyDocument, resourceType },
  { call },
) => {
  authorize(call, 'access-analyzer:CheckNoPublicAccess')
  const kind = checkedAs[resourceType]
  if (kind === undefined)
    throw invalidParameter(`The resource type ${resourceType} is not supported by this deployment.`)
  const found = publicStatements(parsed(policyDocument, kind))
  if (found.length === 0) {
    return {
      result: 'PASS',
      message: 'The resource policy does not grant public access for the given resource type.',
    }
  }
  return {
    result: 'FAIL',
    message: 'The resource policy grants public access for the given resource type.',
    reasons: found.map((statement) => reason('Public access granted in the following statement', statement)),
  }
}

/** Whether a policy surely grants none of an access. */
export const checkAccessNotGranted: Operation<'CheckAccessNotGranted'> = async (request, { call }) => {
  authorize(call, 'access-analyzer:CheckAccessNotGranted')
  const [access] = request.access
  const actions = access?.actions ?? []
  const resources = access?.resources ?? []
  if (actions.length === 0 && resources.length === 0) {
    throw invalidParameter('The access must have at least one action or resource.')
  }
  for (const action of actions) {
    if (!/^[A-Za-z0-9-]+:[A-Za-z0-9*?_-]+$/.test(action))
      throw invalidParameter(`The action ${action} is not valid.`)
  }
  const policy = parsed(request.policyDocument, kindOf(request))
  const unwanted = {
    ...(actions.length > 0 && { actions }),
    ...(resources.length > 0 && { resources }),
  }
  const found = compared(policy, unwanted)
  const listed = [actions.length > 0 && 'actions', resources.length > 0 && 'resources']
    .filter(Boolean)
    .join(' or ')
  if (found.length === 0) {
    return {
      result: 'PASS',
      message: `The policy document does not grant access to perform one or more of the listed ${listed}.`,
    }
  }
  return {
    result: 'FAIL',
    message: `The policy document grants access to perform one or more of the listed ${listed}.`,
    reasons: found.map((statement) =>
      reason(`One or more of the listed ${listed} in the statement`, statement),
    ),
  }
}

function compared(policy: PolicyDocument, unwanted: UnwantedAccess): readonly Statement[] {
  try {
    return grantingStatements(policy, unwanted)
  } catch (error) {
    if (!(error instanceof EffortSpentError)) throw error
    throw new AwsError(
      'UnprocessableEntityException',
      'The policy and the access are too large to be compared.',
      422,
    )
  }
}

/** A trust policy is a resource policy too: it names no resources. */
function kindOf({ policyType, policyDocument }: { policyType: string; policyDocument: string }): PolicyKind {
  if (policyType === 'IDENTITY_POLICY') return 'identity'
  return /"Resource"|"NotResource"/.test(policyDocument) ? 'resource' : 'trust'
}

function reason(what: string, { index, sid }: Statement): object {
  const named = sid !== undefined && sid !== ''
  return {
    description: `${what} with ${named ? `sid: ${sid}` : `index: ${index}`}.`,
    statementIndex: index,
    ...(named && { statementId: sid }),
  }
}

function parsed(text: string, kind: PolicyKind): PolicyDocument {
  try {
    return parsePolicy(text, kind)
  } catch (error) {
    if (!(error instanceof MalformedPolicyError)) throw error
    throw new AwsError(
      'UnprocessableEntityException',
      `The policy document is malformed: ${error.message}`,
      422,
    )
  }
}

function invalidParameter(message: string): AwsError {
  return new AwsError('InvalidParameterException', message, 400)
}
