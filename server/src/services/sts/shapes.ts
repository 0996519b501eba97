import type { Members, StructureOf } from '../../shape.ts'

const unicodeText =
  '[\\u0009\\u000A\\u000D\\u0020-\\u007E\\u0085\\u00A0-\\uD7FF\\uE000-\\uFFFD\\u{10000}-\\u{10FFFF}]+'
const arn = { type: 'string', min: 20, max: 2048, pattern: unicodeText } as const
const sessionName = { type: 'string', min: 2, max: 64, pattern: '[\\w+=,.@-]*' } as const
const serialNumber = { type: 'string', min: 9, max: 256, pattern: '[\\w+=/:,.@-]*' } as const
const tokenCode = { type: 'string', min: 6, max: 6, pattern: '[\\d]*', sensitive: true } as const
const tagKey = { type: 'string', min: 1, max: 128, pattern: '[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]+' } as const
const tagValue = { type: 'string', min: 0, max: 256, pattern: '[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*' } as const

/** AWS counts 2048 characters of the document itself; the packed form has a limit of its own. */
const sessionPolicy = {
  type: 'string',
  min: 1,
  max: 2048,
  pattern: '[\\u0009\\u000A\\u000D\\u0020-\\u00FF]+',
} as const
const policyArns = {
  type: 'list',
  max: 10,
  of: { type: 'structure', members: { arn } },
} as const
const roleDuration = { type: 'integer', min: 900, max: 43_200 } as const

const credentials = {
  type: 'structure',
  members: {
    AccessKeyId: { type: 'string', required: true },
    SecretAccessKey: { type: 'string', sensitive: true, required: true },
    SessionToken: { type: 'string', sensitive: true, required: true },
    Expiration: { type: 'timestamp', required: true },
  },
} as const
const assumedRoleUser = {
  type: 'structure',
  members: {
    AssumedRoleId: { type: 'string', required: true },
    Arn: { type: 'string', required: true },
  },
} as const

/** The shapes of AWS STS (API version 2011-06-15). */
export const operations = {
  AssumeRole: {
    input: {
      RoleArn: { ...arn, required: true },
      RoleSessionName: { ...sessionName, required: true },
      PolicyArns: policyArns,
      Policy: sessionPolicy,
      DurationSeconds: roleDuration,
      Tags: {
        type: 'list',
        max: 50,
        of: {
          type: 'structure',
          members: { Key: { ...tagKey, required: true }, Value: { ...tagValue, required: true } },
        },
      },
      TransitiveTagKeys: { type: 'list', max: 50, of: tagKey },
      ExternalId: { type: 'string', min: 2, max: 1224, pattern: '[\\w+=,.@:\\/-]*' },
      SerialNumber: serialNumber,
      TokenCode: tokenCode,
      SourceIdentity: sessionName,
      ProvidedContexts: {
        type: 'list',
        min: 1,
        max: 5,
        of: {
          type: 'structure',
          members: { ProviderArn: arn, ContextAssertion: { type: 'string', min: 4, max: 2048 } },
        },
      },
    },
    output: {
      Credentials: credentials,
      AssumedRoleUser: assumedRoleUser,
      PackedPolicySize: { type: 'integer' },
      SourceIdentity: { type: 'string' },
    },
  },
  AssumeRoleWithWebIdentity: {
    input: {
      RoleArn: { ...arn, required: true },
      RoleSessionName: { ...sessionName, required: true },
      WebIdentityToken: { type: 'string', min: 4, max: 20_000, sensitive: true, required: true },
      ProviderId: { type: 'string', min: 4, max: 2048 },
      PolicyArns: policyArns,
      Policy: sessionPolicy,
      DurationSeconds: roleDuration,
    },
    output: {
      Credentials: credentials,
      SubjectFromWebIdentityToken: { type: 'string' },
      AssumedRoleUser: assumedRoleUser,
      PackedPolicySize: { type: 'integer' },
      Provider: { type: 'string' },
      Audience: { type: 'string' },
      SourceIdentity: { type: 'string' },
    },
  },
  GetAccessKeyInfo: {
    input: {
      AccessKeyId: { type: 'string', min: 16, max: 128, pattern: '[\\w]*', required: true },
    },
    output: { Account: { type: 'string' } },
  },
  GetCallerIdentity: {
    input: {},
    output: {
      UserId: { type: 'string' },
      Account: { type: 'string' },
      Arn: { type: 'string' },
    },
  },
  GetSessionToken: {
    input: {
      DurationSeconds: { type: 'integer', min: 900, max: 129_600 },
      SerialNumber: serialNumber,
      TokenCode: tokenCode,
    },
    output: { Credentials: credentials },
  },
} as const satisfies Record<string, { readonly input: Members; readonly output: Members }>

export type OperationName = keyof typeof operations
export type RequestOf<Name extends OperationName> = StructureOf<(typeof operations)[Name]['input']>
export type ResponseOf<Name extends OperationName> = StructureOf<(typeof operations)[Name]['output']>
