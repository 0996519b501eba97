import type { Members, StructureOf } from '../../shape.ts'

/** Shapes of the operations of IAM Access Analyzer that this release has. @see AWS IAM Access Analyzer API Reference */

const text = { type: 'string' } as const
const integer = { type: 'integer' } as const
// The largest policy that this deployment stores.
const document = { type: 'string', max: 32_768, sensitive: true } as const
const maxResults = { type: 'integer', min: 1, max: 1000 } as const
const analyzerArn = { type: 'string', pattern: '[^:]*:[^:]*:[^:]*:[^:]*:[^:]*:analyzer/.{1,255}' } as const
const analyzerName = { type: 'string', min: 1, max: 255, pattern: '[A-Za-z][A-Za-z0-9_.-]*' } as const
const strings = { type: 'list', min: 1, max: 20, of: text } as const

const criterion = {
  type: 'structure',
  members: { eq: strings, neq: strings, contains: strings, exists: { type: 'boolean' } },
} as const

const position = { type: 'structure', members: { line: integer, column: integer, offset: integer } } as const
const location = {
  type: 'structure',
  members: {
    path: {
      type: 'list',
      of: {
        type: 'structure',
        members: {
          index: integer,
          key: text,
          substring: { type: 'structure', members: { start: integer, length: integer } },
          value: text,
        },
      },
    },
    span: { type: 'structure', members: { start: position, end: position } },
  },
} as const

const checkOutput = {
  result: text,
  message: text,
  reasons: {
    type: 'list',
    of: { type: 'structure', members: { description: text, statementIndex: integer, statementId: text } },
  },
} as const

// AWS writes these times as ISO 8601, where its other JSON services write seconds.
const findingMembers = {
  analyzedAt: text,
  createdAt: text,
  error: text,
  id: text,
  resource: text,
  resourceType: text,
  resourceOwnerAccount: text,
  status: text,
  updatedAt: text,
  findingType: text,
} as const

const externalAccessDetails = {
  type: 'structure',
  members: {
    action: { type: 'list', of: text },
    condition: { type: 'map', key: text, value: text },
    isPublic: { type: 'boolean' },
    principal: { type: 'map', key: text, value: text },
    sources: { type: 'list', of: { type: 'structure', members: { type: text } } },
  },
} as const

const analyzer = {
  type: 'structure',
  members: {
    arn: text,
    createdAt: text,
    name: text,
    status: text,
    tags: { type: 'map', key: text, value: text },
    type: text,
  },
} as const

export const operations = {
  ValidatePolicy: {
    http: { method: 'POST', uri: '/policy/validation' },
    input: {
      locale: {
        type: 'string',
        enum: ['DE', 'EN', 'ES', 'FR', 'IT', 'JA', 'KO', 'PT_BR', 'ZH_CN', 'ZH_TW'],
      },
      maxResults: { ...maxResults, in: 'querystring' },
      nextToken: { type: 'string', in: 'querystring' },
      policyDocument: { ...document, required: true },
      policyType: {
        type: 'string',
        enum: ['IDENTITY_POLICY', 'RESOURCE_POLICY', 'SERVICE_CONTROL_POLICY', 'RESOURCE_CONTROL_POLICY'],
        required: true,
      },
      validatePolicyResourceType: {
        type: 'string',
        enum: [
          'AWS::S3::Bucket',
          'AWS::S3::AccessPoint',
          'AWS::S3::MultiRegionAccessPoint',
          'AWS::S3ObjectLambda::AccessPoint',
          'AWS::IAM::AssumeRolePolicyDocument',
          'AWS::DynamoDB::Table',
        ],
      },
    },
    output: {
      findings: {
        type: 'list',
        of: {
          type: 'structure',
          members: {
            findingDetails: text,
            findingType: text,
            issueCode: text,
            learnMoreLink: text,
            locations: { type: 'list', of: location },
          },
        },
      },
      nextToken: text,
    },
  },
  CheckNoPublicAccess: {
    http: { method: 'POST', uri: '/policy/check-no-public-access' },
    input: {
      policyDocument: { ...document, required: true },
      resourceType: {
        type: 'string',
        enum: [
          'AWS::DynamoDB::Table',
          'AWS::DynamoDB::Stream',
          'AWS::EFS::FileSystem',
          'AWS::OpenSearchService::Domain',
          'AWS::Kinesis::Stream',
          'AWS::Kinesis::StreamConsumer',
          'AWS::KMS::Key',
          'AWS::Lambda::Function',
          'AWS::S3::Bucket',
          'AWS::S3::AccessPoint',
          'AWS::S3Express::DirectoryBucket',
          'AWS::S3::Glacier',
          'AWS::S3Outposts::Bucket',
          'AWS::S3Outposts::AccessPoint',
          'AWS::SecretsManager::Secret',
          'AWS::SNS::Topic',
          'AWS::SQS::Queue',
          'AWS::IAM::AssumeRolePolicyDocument',
          'AWS::S3Tables::TableBucket',
          'AWS::ApiGateway::RestApi',
          'AWS::CodeArtifact::Domain',
          'AWS::Backup::BackupVault',
          'AWS::CloudTrail::Dashboard',
          'AWS::CloudTrail::EventDataStore',
          'AWS::S3Tables::Table',
          'AWS::S3Express::AccessPoint',
        ],
        required: true,
      },
    },
    output: checkOutput,
  },
  CheckAccessNotGranted: {
    http: { method: 'POST', uri: '/policy/check-access-not-granted' },
    input: {
      policyDocument: { ...document, required: true },
      access: {
        type: 'list',
        min: 0,
        max: 1,
        of: {
          type: 'structure',
          members: {
            actions: { type: 'list', min: 0, max: 100, of: text },
            resources: { type: 'list', min: 0, max: 100, of: { type: 'string', min: 0, max: 2048 } },
          },
        },
        required: true,
      },
      policyType: { type: 'string', enum: ['IDENTITY_POLICY', 'RESOURCE_POLICY'], required: true },
    },
    output: checkOutput,
  },
  ListFindingsV2: {
    http: { method: 'POST', uri: '/findingv2' },
    input: {
      analyzerArn: { ...analyzerArn, required: true },
      filter: { type: 'map', key: text, value: criterion, unrecorded: true },
      maxResults,
      nextToken: text,
      sort: {
        type: 'structure',
        members: { attributeName: text, orderBy: { type: 'string', enum: ['ASC', 'DESC'] } },
      },
    },
    output: {
      findings: { type: 'list', of: { type: 'structure', members: findingMembers } },
      nextToken: text,
    },
  },
  GetFindingV2: {
    http: { method: 'GET', uri: '/findingv2/{id}' },
    input: {
      analyzerArn: { ...analyzerArn, required: true, in: 'querystring' },
      id: { type: 'string', required: true },
      maxResults: { ...maxResults, in: 'querystring' },
      nextToken: { type: 'string', in: 'querystring' },
    },
    output: {
      ...findingMembers,
      nextToken: text,
      findingDetails: {
        type: 'list',
        of: { type: 'structure', members: { externalAccessDetails } },
      },
    },
  },
  ListAnalyzers: {
    http: { method: 'GET', uri: '/analyzer' },
    input: {
      nextToken: { type: 'string', in: 'querystring' },
      maxResults: { ...maxResults, in: 'querystring' },
      type: { type: 'string', in: 'querystring' },
    },
    output: { analyzers: { type: 'list', of: analyzer }, nextToken: text },
  },
  GetAnalyzer: {
    http: { method: 'GET', uri: '/analyzer/{analyzerName}' },
    input: { analyzerName: { ...analyzerName, required: true } },
    output: { analyzer },
  },
} as const satisfies Record<
  string,
  {
    readonly http: { readonly method: string; readonly uri: string }
    readonly input: Members
    readonly output: Members
  }
>

export type OperationName = keyof typeof operations
export type RequestOf<Name extends OperationName> = StructureOf<(typeof operations)[Name]['input']>
