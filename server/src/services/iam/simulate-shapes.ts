import {
  arn,
  boolean,
  integer,
  listOf,
  pageInput,
  pageOutput,
  policyDocument,
  policyName,
  string,
  structure,
} from './members.ts'

/** Shapes of the policy simulator. */

const documents = { type: 'list', of: policyDocument } as const
const decision = { type: 'string', enum: ['allowed', 'explicitDeny', 'implicitDeny'] } as const
const details = { type: 'map', key: string, value: decision } as const

const contextTypes = [
  'string',
  'stringList',
  'numeric',
  'numericList',
  'boolean',
  'booleanList',
  'ip',
  'ipList',
  'binary',
  'binaryList',
  'date',
  'dateList',
] as const

/** What both simulations take. */
export const simulationInput = {
  PermissionsBoundaryPolicyInputList: documents,
  ActionNames: { type: 'list', of: { type: 'string', min: 3, max: 128 }, required: true },
  ResourceArns: { type: 'list', of: { type: 'string', min: 1, max: 2048 } },
  ResourcePolicy: policyDocument,
  ResourceOwner: { type: 'string', min: 1, max: 2048 },
  CallerArn: { type: 'string', min: 1, max: 2048 },
  ContextEntries: {
    type: 'list',
    of: {
      type: 'structure',
      members: {
        ContextKeyName: { type: 'string', min: 5, max: 256 },
        ContextKeyValues: { type: 'list', of: string },
        ContextKeyType: { type: 'string', enum: contextTypes },
      },
    },
  },
  ResourceHandlingOption: { type: 'string', min: 1, max: 64 },
  ...pageInput,
} as const

export const customPolicyInput = {
  PolicyInputList: { ...documents, required: true },
  OrderedOrganizationPolicyInputList: {
    type: 'list',
    max: 7,
    of: { type: 'structure', members: { ServiceControlPolicyInputList: documents } },
  },
  ...simulationInput,
} as const

export const principalPolicyInput = {
  PolicySourceArn: { ...arn, required: true },
  PolicyInputList: documents,
  PolicyExclusionList: {
    type: 'list',
    max: 256,
    of: {
      type: 'structure',
      members: {
        PolicyType: string,
        PolicyArn: arn,
        InlinePolicyIdentifier: {
          type: 'structure',
          members: {
            PolicyName: { ...policyName, required: true },
            AttachmentType: { type: 'string', required: true },
            AttachmentName: { ...policyName, required: true },
          },
        },
      },
    },
  },
  ...simulationInput,
} as const

const position = structure({ Line: integer, Column: integer })
const statements = listOf(
  structure({
    SourcePolicyId: string,
    SourcePolicyType: string,
    StartPosition: position,
    EndPosition: position,
  }),
)
const boundaryDetail = structure({ AllowedByPermissionsBoundary: boolean })

export const simulationOutput = {
  EvaluationResults: listOf(
    structure({
      EvalActionName: string,
      EvalResourceName: string,
      EvalDecision: decision,
      MatchedStatements: statements,
      MissingContextValues: listOf(string),
      OrganizationsDecisionDetail: structure({ AllowedByOrganizations: boolean }),
      PermissionsBoundaryDecisionDetail: boundaryDetail,
      EvalDecisionDetails: details,
      ResourceSpecificResults: listOf(
        structure({
          EvalResourceName: string,
          EvalResourceDecision: decision,
          MatchedStatements: statements,
          MissingContextValues: listOf(string),
          EvalDecisionDetails: details,
          PermissionsBoundaryDecisionDetail: boundaryDetail,
        }),
      ),
    }),
  ),
  ...pageOutput,
} as const

export const contextKeysOutput = { ContextKeyNames: listOf(string) } as const
