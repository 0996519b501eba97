import type { ServiceVocabulary } from './service-vocabulary.ts'

/**
 * AWS Security Token Service: what its policies can name, as the Service Authorization Reference lists it (September 2026).
 */
export const sts: ServiceVocabulary = {
  service: 'sts',
  resources: {
    'context-provider': { arn: 'arn:*:iam::aws:contextProvider/*', keys: [] },
    'federated-user': { arn: 'arn:*:sts::*:federated-user/*', keys: [] },
    role: { arn: 'arn:*:iam::*:role/*', keys: ['aws:ResourceTag/${TagKey}', 'iam:ResourceTag/${TagKey}'] },
    'root-user': { arn: 'arn:*:iam::*:root', keys: [] },
    'self-session': { arn: 'arn:*:sts::*:self', keys: [] },
  },
  keys: {
    'iam:ResourceTag/${TagKey}': 'String',
    'sts:AWSServiceName': 'String',
    'sts:DurationSeconds': 'Numeric',
    'sts:ExternalId': 'String',
    'sts:IdentityTokenAudience': 'ArrayOfString',
    'sts:RequestContext/${ContextKey}': 'String',
    'sts:RequestContextProviders': 'ArrayOfARN',
    'sts:RoleAuthorizedByIdp': 'Bool',
    'sts:RoleSessionName': 'String',
    'sts:SigningAlgorithm': 'String',
    'sts:SourceIdentity': 'String',
    'sts:TaskPolicyArn': 'ARN',
    'sts:TransitiveTagKeys': 'ArrayOfString',
  },
  actions: {
    AssumeRole: {
      on: ['role'],
      keys: [
        'aws:RequestTag/${TagKey}',
        'aws:TagKeys',
        'iam:ResourceTag/${TagKey}',
        'sts:ExternalId',
        'sts:RoleSessionName',
        'sts:SourceIdentity',
        'sts:TransitiveTagKeys',
      ],
    },
    AssumeRoleWithSAML: {
      on: ['role'],
      keys: [
        'aws:RequestTag/${TagKey}',
        'aws:TagKeys',
        'sts:RoleSessionName',
        'sts:SourceIdentity',
        'sts:TransitiveTagKeys',
      ],
    },
    AssumeRoleWithWebIdentity: {
      on: ['role'],
      keys: [
        'aws:RequestTag/${TagKey}',
        'aws:TagKeys',
        'sts:RoleAuthorizedByIdp',
        'sts:RoleSessionName',
        'sts:SourceIdentity',
        'sts:TransitiveTagKeys',
      ],
    },
    AssumeRoot: { on: ['root-user'], keys: ['sts:TaskPolicyArn'] },
    DecodeAuthorizationMessage: { on: [], keys: [] },
    GetAccessKeyInfo: { on: [], keys: [] },
    GetCallerIdentity: { on: [], keys: [] },
    GetDelegatedAccessToken: { on: [], keys: [] },
    GetFederationToken: { on: ['federated-user'], keys: ['aws:RequestTag/${TagKey}', 'aws:TagKeys'] },
    GetServiceBearerToken: { on: [], keys: ['sts:AWSServiceName', 'sts:DurationSeconds'] },
    GetSessionToken: { on: [], keys: [] },
    GetWebIdentityToken: {
      on: [],
      keys: [
        'aws:RequestTag/${TagKey}',
        'aws:TagKeys',
        'sts:DurationSeconds',
        'sts:IdentityTokenAudience',
        'sts:SigningAlgorithm',
      ],
    },
    SetContext: {
      on: ['role', 'self-session'],
      keys: ['sts:RequestContext/${ContextKey}', 'sts:RequestContextProviders'],
    },
    SetSourceIdentity: { on: ['role'], keys: ['sts:SourceIdentity'] },
    TagGetWebIdentityToken: { on: [], keys: ['aws:RequestTag/${TagKey}', 'aws:TagKeys'] },
    TagSession: { on: ['role'], keys: ['aws:RequestTag/${TagKey}', 'aws:TagKeys', 'sts:TransitiveTagKeys'] },
  },
}
