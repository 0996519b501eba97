import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import { MalformedPolicyError, parsePolicy } from '../document.ts'
import { issues, type IssueCode } from './issues.ts'
import { validatePolicy, type ReviewedKind } from './validate-policy.ts'
import { kms } from './vocabulary/kms.ts'

const KEY = 'arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab'
const ROOT = { AWS: 'arn:aws:iam::111122223333:root' }
const ALICE = { AWS: 'arn:aws:iam::111122223333:user/alice' }

const base: Readonly<Record<ReviewedKind, object>> = {
  identity: { Effect: 'Allow', Action: 'kms:Decrypt', Resource: KEY },
  key: { Effect: 'Allow', Principal: ROOT, Action: 'kms:*', Resource: '*' },
  resource: { Effect: 'Allow', Principal: ROOT, Action: 's3:GetObject', Resource: 'arn:aws:s3:::bucket/*' },
  trust: { Effect: 'Allow', Principal: ROOT, Action: 'sts:AssumeRole' },
  'service-control': { Effect: 'Deny', Action: 'kms:Decrypt', Resource: KEY },
  'resource-control': { Effect: 'Deny', Principal: '*', Action: 'kms:Decrypt', Resource: '*' },
}

/** A document of one statement: the sound one of its kind, changed. */
const policyOf = (kind: ReviewedKind, change: object): string =>
  JSON.stringify({ Version: '2012-10-17', Statement: [{ ...base[kind], ...change }] })
const codesOf = (text: string, kind: ReviewedKind): string[] =>
  validatePolicy(text, kind).map(({ issueCode }) => issueCode)
const when = (operator: string, key: string, value: unknown): object => ({
  Condition: { [operator]: { [key]: value } },
})

interface Case {
  readonly kind: ReviewedKind
  readonly text: string
  /** What the finding's span covers. */
  readonly at?: string
  readonly says?: string
}

const identity = (change: object, at?: string, says?: string): Case => of('identity', change, at, says)
const key = (change: object, at?: string, says?: string): Case => of('key', change, at, says)
const trust = (change: object, at?: string, says?: string): Case => of('trust', change, at, says)
const scp = (change: object, at?: string, says?: string): Case => of('service-control', change, at, says)
const rcp = (change: object, at?: string, says?: string): Case => of('resource-control', change, at, says)
function of(kind: ReviewedKind, change: object, at?: string, says?: string): Case {
  return {
    kind,
    text: policyOf(kind, change),
    ...(at === undefined ? {} : { at }),
    ...(says === undefined ? {} : { says }),
  }
}
const document = (text: string, at?: string): Case => ({
  kind: 'identity',
  text,
  ...(at === undefined ? {} : { at }),
})

const oidc = 'arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com'
const web = { Principal: { Federated: oidc }, Action: 'sts:AssumeRoleWithWebIdentity' }
const sub = 'token.actions.githubusercontent.com:sub'
const service = { Principal: { Service: 's3.amazonaws.com' }, Action: 'kms:Decrypt' }
const long = 'x'.repeat(40_000)

/** For each issue, policies that have it. */
const cases: Readonly<Record<IssueCode, readonly Case[]>> = {
  ARN_REGION_NOT_ALLOWED: [
    identity(
      { Action: 'iam:GetUser', Resource: 'arn:aws:iam:us-east-1:111122223333:user/a' },
      '"arn:aws:iam:us-east-1:111122223333:user/a"',
      'The service iam does not support specifying a Region in the resource ARN.',
    ),
  ],
  DATA_TYPE_MISMATCH: [
    document('[]', '[]'),
    document('{"Version":"2012-10-17","Statement":["x"]}', '"x"'),
    identity({ Action: 7 }, '7'),
    identity({ Sid: 7 }, '7'),
    identity({ Effect: true }, 'true', 'The text does not match the expected JSON data type string.'),
    identity({ Condition: [] }, '[]'),
    identity({ Condition: { StringEquals: 'x' } }, '"x"'),
    identity(when('StringEquals', 'aws:username', { a: 1 })),
    identity(when('StringEquals', 'aws:username', null), 'null'),
    key({ Principal: { AWS: 5 } }, '5'),
  ],
  DUPLICATE_KEYS_WITH_DIFFERENT_CASE: [
    identity({ Condition: { StringEquals: { 'aws:username': 'a', 'aws:UserName': 'b' } } }, '"aws:username"'),
  ],
  EMPTY_VARIABLE: [
    identity({ Resource: `${KEY}\${}` }, `"${KEY}\${}"`),
    identity({ Resource: `${KEY}\${ }` }),
  ],
  FEDERATED_PRINCIPAL_NOT_SUPPORTED: [key({ Principal: { Federated: oidc } }, `"${oidc}"`)],
  INVALID_ACTION: [
    identity(
      { Action: ['kms:Decrypt', 'kms:Decript'] },
      '"kms:Decript"',
      'The action kms:Decript does not exist. Did you mean kms:Decrypt?',
    ),
    identity({ Action: 'decrypt' }, '"decrypt"', 'The action decrypt does not exist.'),
    identity({ Action: 'iam:CreateEverything' }),
    identity({ Action: 'kms:Decrypts*' }),
    identity({ Action: 'kms:' }),
  ],
  INVALID_ARN_ACCOUNT: [
    identity(
      { Resource: 'arn:aws:kms:us-east-1:1111:key/a' },
      undefined,
      'The resource ARN account ID 1111 is not valid. Provide a 12-digit account ID.',
    ),
    identity({ Resource: 'arn:aws:kms:us-east-1:my*:key/a' }),
  ],
  INVALID_ARN_PREFIX: [identity({ Resource: 'kms:key/a' }, '"kms:key/a"'), identity({ Resource: '' })],
  INVALID_ARN_REGION: [identity({ Resource: 'arn:aws:kms:moon-1:111122223333:key/a' })],
  INVALID_ARN_RESOURCE: [
    identity({ Resource: 'arn:aws:kms:us-east-1:111122223333:keys/a' }),
    identity({ Action: 'iam:GetUser', Resource: 'arn:aws:iam::111122223333:people/a' }),
  ],
  INVALID_ARN_SERVICE_CASE: [identity({ Resource: 'arn:aws:KMS:us-east-1:111122223333:key/a' })],
  INVALID_CONDITION_DATA_TYPE: [identity(when('StringEquals', 'aws:username', ['a', 1]), '["a",1]')],
  INVALID_CONDITION_KEY_FORMAT: [
    identity(when('Bool', 'aws: MultiFactorAuthPresent', 'true'), '"aws: MultiFactorAuthPresent"'),
    identity(when('StringEquals', 'username', 'a')),
  ],
  INVALID_CONDITION_MULTIPLE_BOOLEAN: [identity(when('Bool', 'aws:SecureTransport', ['true', 'false']))],
  INVALID_CONDITION_OPERATOR: [
    identity(when('StringEqual', 'aws:username', 'a'), '{"aws:username":"a"}'),
    identity(when('stringequals', 'aws:username', 'a')),
  ],
  INVALID_EFFECT: [
    identity({ Effect: 'allow' }, '"allow"', 'The effect allow is not valid. Use Allow or Deny.'),
  ],
  INVALID_FEDERATED_PRINCIPAL_SYNTAX_IN_ROLE_TRUST_POLICY: [
    trust({ Principal: { Federated: 'google' }, Action: 'sts:AssumeRoleWithWebIdentity' }, '"google"'),
  ],
  INVALID_GLOBAL_CONDITION_KEY: [identity(when('StringEquals', 'aws:UserNam', 'a'), '"aws:UserNam"')],
  INVALID_PARTITION: [identity({ Resource: 'arn:amazon:kms:us-east-1:111122223333:key/a' })],
  INVALID_POLICY_ELEMENT: [
    identity({ Actions: 'kms:Decrypt' }, '"Actions"', 'The policy element Actions is not valid.'),
    document('{"Version":"2012-10-17","Statements":[]}', '"Statements"'),
  ],
  INVALID_PRINCIPAL_FORMAT: [
    key({ Principal: '111122223333' }, '"111122223333"'),
    key({ Principal: ['*'] }, '["*"]'),
    key({ Principal: { AWS: 'alice' } }, '"alice"'),
  ],
  INVALID_PRINCIPAL_KEY: [
    key({ Principal: { Aws: '111122223333' } }, '"Aws"', 'The principal key Aws is not valid.'),
  ],
  INVALID_REGION: [
    identity(when('StringEquals', 'aws:RequestedRegion', 'us-est-1'), '"us-est-1"'),
    identity({ Action: 'kms:ReplicateKey', ...when('StringEquals', 'kms:ReplicaRegion', 'here') }),
  ],
  INVALID_SERVICE_CONDITION_KEY: [
    identity(
      when('StringEquals', 'kms:ViaServices', 's3.us-east-1.amazonaws.com'),
      '"kms:ViaServices"',
      'The condition key kms:ViaServices does not exist in the service kms. Use a valid condition key.',
    ),
  ],
  INVALID_SERVICE_IN_ACTION: [
    identity(
      { Action: 'lamda:InvokeFunction', Resource: '*' },
      undefined,
      'The service lamda specified in the action does not exist. Did you mean lambda?',
    ),
  ],
  INVALID_SERVICE_PRINCIPAL_FORMAT: [
    key({ Principal: { Service: 's3' } }, '"s3"'),
    identity(when('StringEquals', 'kms:ViaService', 's3.amazonaws.com'), '"s3.amazonaws.com"'),
  ],
  INVALID_VARIABLE_FOR_OPERATOR: [
    identity(when('NumericLessThan', 'aws:MultiFactorAuthAge', '${aws:username}')),
  ],
  INVALID_VERSION: [
    document(
      '{"Version":"2012-10-16","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}',
      '"2012-10-16"',
    ),
  ],
  INVALID_VPC_FORMAT: [identity(when('StringEquals', 'aws:SourceVpc', 'vpc-1'))],
  INVALID_VPCE_FORMAT: [identity(when('StringEquals', 'aws:SourceVpce', 'vpc-12345678'))],
  JSON_SYNTAX_ERROR: [
    document('{\n "Version": }', '}'),
    document(''),
    document('{"a":1,"a":2}', '"'),
    document('['.repeat(50_000)),
  ],
  MISMATCHED_ACTION_FOR_PRINCIPAL: [
    trust({ Action: 'sts:AssumeRoleWithWebIdentity' }, '"sts:AssumeRoleWithWebIdentity"'),
    trust({ Principal: { Federated: oidc }, ...when('StringEquals', sub, 'x') }),
  ],
  MISSING_ACTION: [identity({ Action: undefined })],
  MISSING_ACTION_FOR_CONDITION_KEY: [
    trust(when('StringEquals', 'sts:SourceIdentity', 'a'), '"sts:SourceIdentity"'),
    trust(when('StringEquals', 'aws:RequestTag/team', 'a')),
  ],
  MISSING_ACTION_FOR_ROLES_ANYWHERE_TRUST_POLICY: [
    trust({ Principal: { Service: 'rolesanywhere.amazonaws.com' } }),
  ],
  MISSING_ARN_ACCOUNT: [identity({ Resource: 'arn:aws:kms:us-east-1::key/a' })],
  MISSING_ARN_FIELD: [
    identity(
      { Resource: 'arn:aws:kms:us-east-1' },
      undefined,
      'Resource ARNs must include at least 6 fields in the following structure: arn:partition:service:region:account:resource',
    ),
  ],
  MISSING_ARN_REGION: [identity({ Resource: 'arn:aws:kms::111122223333:key/a' })],
  MISSING_BRACE_IN_VARIABLE: [
    identity(when('StringEquals', 'aws:PrincipalTag/team', '${aws:username'), '"${aws:username"'),
    identity(when('StringEquals', 'aws:PrincipalTag/team', '${a:b${aws:username}')),
  ],
  MISSING_EFFECT: [identity({ Effect: undefined })],
  MISSING_PRINCIPAL: [key({ Principal: undefined }), trust({ Principal: undefined })],
  MISSING_QUALIFIER: [identity(when('StringEquals', 'aws:TagKeys', 'a'))],
  MISSING_QUOTE_IN_VARIABLE: [identity(when('StringEquals', 'aws:PrincipalTag/t', "${aws:username, 'x}"))],
  MISSING_RESOURCE: [identity({ Resource: undefined }), key({ Resource: undefined })],
  MISSING_STATEMENT: [
    document('{"Version":"2012-10-17"}'),
    document('{"Version":"2012-10-17","Statement":[]}', '[]'),
  ],
  MISSING_TAG_KEY_IN_CONDITION: [
    identity(when('StringEquals', 'aws:ResourceTag/', 'a'), '"aws:ResourceTag/"'),
    identity(when('StringEquals', 'aws:PrincipalTag', 'a')),
  ],
  NULL_WITH_IF_EXISTS: [identity(when('NullIfExists', 'aws:username', 'true'))],
  POLICY_SIZE_EXCEEDS_RCP_QUOTA: [rcp(when('StringEquals', 'aws:SourceIdentity', long))],
  POLICY_SIZE_EXCEEDS_SCP_QUOTA: [scp(when('StringEquals', 'aws:username', long))],
  RCP_SYNTAX_ERROR_ACTION: [rcp({ Action: 'iam:GetUser' }, '"iam:GetUser"'), rcp({ Action: '*' })],
  RCP_SYNTAX_ERROR_ALLOW: [rcp({ Effect: 'Allow' })],
  RCP_SYNTAX_ERROR_NOTACTION: [rcp({ Action: undefined, NotAction: 'kms:Decrypt' }, '"NotAction"')],
  RCP_SYNTAX_ERROR_PRINCIPAL: [
    rcp({ Principal: ROOT }, '"Principal"'),
    rcp({ Principal: undefined, NotPrincipal: ROOT }),
  ],
  ROLE_TRUST_POLICY_SYNTAX_ERROR_NOTPRINCIPAL: [
    trust({ Principal: undefined, NotPrincipal: ROOT }, '"NotPrincipal"'),
  ],
  ROLE_TRUST_POLICY_SYNTAX_ERROR_RESOURCE: [trust({ Resource: '*' }, '"Resource"')],
  ROLE_TRUST_POLICY_UNSUPPORTED_WILDCARD_IN_PRINCIPAL: [trust({ Principal: '*' }, '"*"')],
  SCP_SYNTAX_ERROR_PRINCIPAL: [scp({ Principal: '*' }, '"Principal"')],
  TYPE_MISMATCH_IP_RANGE: [
    identity(
      when('IpAddress', 'aws:SourceIp', '203.0.113.0/33'),
      '"203.0.113.0/33"',
      'The condition operator IpAddress is used with an invalid IP range value. Specify the IP range in standard CIDR format.',
    ),
  ],
  UNIQUE_SIDS_REQUIRED: [
    document(
      JSON.stringify({
        Version: '2012-10-17',
        Statement: [
          { Sid: 'A', ...base.identity },
          { Sid: 'A', ...base.identity, Action: 'kms:Encrypt' },
        ],
      }),
      '"A"',
    ),
  ],
  UNSUPPORTED_ACTION_FOR_CONDITION_KEY: [
    identity(
      {
        Action: ['kms:Decrypt', 'kms:ListKeys'],
        Resource: '*',
        ...when('StringEquals', 'kms:ViaService', 's3.us-east-1.amazonaws.com'),
      },
      '"kms:ListKeys"',
    ),
  ],
  UNSUPPORTED_ACTION_IN_POLICY: [
    key({ Action: ['kms:*', 's3:GetObject'] }, '"s3:GetObject"'),
    trust({ Action: 'kms:Decrypt' }),
  ],
  UNSUPPORTED_CONDITION_KEY_FOR_SERVICE_PRINCIPAL: [
    key(
      { ...service, ...when('StringEquals', 'aws:PrincipalOrgID', 'o-a1b2c3d4e5') },
      '"aws:PrincipalOrgID"',
    ),
  ],
  UNSUPPORTED_ELEMENT_COMBINATION: [identity({ NotAction: 'kms:Encrypt' }, '"Action"')],
  UNSUPPORTED_GLOBAL_CONDITION_KEY: [identity(when('ArnEquals', 'aws:ARN', KEY), '"aws:ARN"')],
  UNSUPPORTED_PRINCIPAL: [identity({ Principal: '*' }, '"Principal"')],
  UNSUPPORTED_RESOURCE_ARN_IN_POLICY: [key({ Resource: 'arn:aws:iam::111122223333:user/a' })],
  UNSUPPORTED_SID: [identity({ Sid: 'with blanks' }, '"with blanks"')],
  UNSUPPORTED_SPACE_IN_VARIABLE: [identity(when('StringEquals', 'aws:PrincipalTag/t', '${aws: username}'))],
  UNSUPPORTED_WILDCARD_IN_PRINCIPAL: [
    key({ Principal: { AWS: 'arn:aws:iam::111122223333:user/*' } }, '"arn:aws:iam::111122223333:user/*"'),
    key({ Principal: { Service: '*' } }),
  ],
  VARIABLE_UNSUPPORTED_IN_ELEMENT: [identity({ Action: 'kms:${aws:username}' }, '"kms:${aws:username}"')],
  VARIABLE_UNSUPPORTED_IN_VERSION: [
    document(
      JSON.stringify({
        Version: '2008-10-17',
        Statement: { ...base.identity, Resource: `${KEY}\${aws:username}` },
      }),
    ),
  ],
  VARIABLE_USAGE_TOO_PERMISSIVE: [
    identity(when('StringEquals', 'aws:PrincipalOrgID', '${aws:PrincipalTag/org}')),
  ],
  WILDCARD_USAGE_TOO_PERMISSIVE: [identity(when('StringLike', 'aws:PrincipalOrgID', 'o-*'), '"o-*"')],
  KW_MALFORMED_POLICY: [key({ Principal: { AWS: '111122223333', CanonicalUser: 'x' } })],
  KW_OVERLY_PERMISSIVE_CONDITION: [
    key({
      Principal: ALICE,
      Action: 'kms:Decrypt',
      ...when('ForAllValues:StringEquals', 'kms:EncryptionContext:a', 'b'),
    }),
  ],
  ALLOW_WITH_NOT_PRINCIPAL: [key({ Principal: undefined, NotPrincipal: ALICE }, '"NotPrincipal"')],
  FORALLVALUES_WITH_SINGLE_VALUED_KEY: [identity(when('ForAllValues:StringEquals', 'aws:username', 'a'))],
  FORANYVALUE_WITH_AUDIENCE_CLAIM_TYPE: [
    trust({
      ...web,
      ...when('ForAnyValue:StringEquals', 'token.actions.githubusercontent.com:aud', 'sts.amazonaws.com'),
    }),
  ],
  MISSING_CONDITION_KEY_FOR_OIDC_PRINCIPAL: [trust(web, `"${oidc}"`)],
  MISSING_GITHUB_REPO_CONDITION_KEY: [trust(web)],
  MISSING_PAIRED_CONDITION_KEYS: [
    identity(when('IpAddress', 'aws:VpcSourceIp', '10.0.0.1'), '"aws:VpcSourceIp"'),
  ],
  PASS_ROLE_WITH_NOT_ACTION_AND_NOT_RESOURCE: [
    identity({ Action: undefined, NotAction: 's3:*', Resource: undefined, NotResource: KEY }),
  ],
  PASS_ROLE_WITH_NOT_RESOURCE: [identity({ Action: 'iam:PassRole', Resource: undefined, NotResource: KEY })],
  PASS_ROLE_WITH_STAR_IN_ACTION_AND_NOT_RESOURCE: [
    identity({ Action: 'iam:*', Resource: undefined, NotResource: KEY }),
  ],
  PASS_ROLE_WITH_STAR_IN_ACTION_AND_RESOURCE: [identity({ Action: '*', Resource: '*' })],
  PASS_ROLE_WITH_STAR_IN_RESOURCE: [
    identity({ Action: 'iam:PassRole', Resource: '*' }),
    identity({ Action: 'iam:PassRole', Resource: 'arn:aws:iam::111122223333:role/*' }),
  ],
  PASS_ROLE_WITH_STAR_IN_RESOURCE_AND_NOT_ACTION: [
    identity({ Action: undefined, NotAction: 's3:*', Resource: '*' }),
  ],
  RESTRICT_ACCESS_TO_SERVICE_PRINCIPAL: [key(service, '"s3.amazonaws.com"')],
  STRING_LIKE_OPERATOR_WITH_ARN_CONDITION_KEYS: [
    identity(
      when('StringLike', 'aws:PrincipalArn', 'arn:aws:iam::111122223333:role/*'),
      '"aws:PrincipalArn"',
      'Use the operator type Arn instead of operator StringLike for the condition key aws:PrincipalArn.',
    ),
  ],
  UNTRUSTWORTHY_CONDITION_KEY: [identity(when('StringEquals', 'aws:Referer', 'a'), '"aws:Referer"')],
  KW_ALIAS_IN_RESOURCE: [identity({ Resource: 'arn:aws:kms:us-east-1:111122223333:alias/a' })],
  KW_DENY_WITH_NOT_PRINCIPAL: [key({ Effect: 'Deny', Principal: undefined, NotPrincipal: ALICE })],
  KW_FORALLVALUES_WITHOUT_NULL_CHECK: [identity(when('ForAllValues:StringEquals', 'aws:TagKeys', 'a'))],
  KW_KMS_ALL_ACTIONS: [
    key({ Principal: ALICE }, '"arn:aws:iam::111122223333:user/alice"'),
    identity({ Action: 'kms:*', Resource: '*' }, '"kms:*"'),
  ],
  KW_PUBLIC_PRINCIPAL: [
    key({ Principal: '*' }, '"*"'),
    key({ Principal: { AWS: '*' }, ...when('StringEquals', 'aws:PrincipalTag/a', 'b') }),
    key({ Principal: '*', ...when('IpAddress', 'aws:SourceIp', '0.0.0.0/0') }),
    key({ Principal: '*', ...when('StringEqualsIfExists', 'aws:PrincipalOrgID', 'o-a1b2c3d4e5') }),
    key({ Principal: '*', ...when('StringNotEquals', 'aws:PrincipalOrgID', 'o-a1b2c3d4e5') }),
  ],
  CREATE_SLR_WITH_NOT_ACTION_AND_NOT_RESOURCE: [
    identity({ Action: undefined, NotAction: 's3:*', Resource: undefined, NotResource: KEY }),
  ],
  CREATE_SLR_WITH_NOT_RESOURCE: [
    identity({ Action: 'iam:CreateServiceLinkedRole', Resource: undefined, NotResource: KEY }),
  ],
  CREATE_SLR_WITH_STAR_IN_ACTION_AND_NOT_RESOURCE: [
    identity({ Action: 'iam:Create*', Resource: undefined, NotResource: KEY }),
  ],
  CREATE_SLR_WITH_STAR_IN_ACTION_AND_RESOURCE: [identity({ Action: 'iam:Create*', Resource: '*' })],
  CREATE_SLR_WITH_STAR_IN_RESOURCE: [identity({ Action: 'iam:CreateServiceLinkedRole', Resource: '*' })],
  CREATE_SLR_WITH_STAR_IN_RESOURCE_AND_NOT_ACTION: [
    identity({ Action: undefined, NotAction: 's3:*', Resource: '*' }),
  ],
  INVALID_DATE_VALUE: [identity(when('DateLessThan', 'aws:CurrentTime', '1800000000'))],
  INVALID_ROLE_REFERENCE: [key({ Principal: { AWS: 'AROA1234567890123456' }, Action: 'kms:Decrypt' })],
  INVALID_USER_REFERENCE: [key({ Principal: { AWS: 'AIDA1234567890123456' }, Action: 'kms:Decrypt' })],
  MISSING_VERSION: [document(JSON.stringify({ Statement: base.identity }))],
  POLICY_SIZE_EXCEEDS_IDENTITY_POLICY_QUOTA: [identity(when('StringEquals', 'aws:username', long))],
  POLICY_SIZE_EXCEEDS_RESOURCE_POLICY_QUOTA: [key(when('StringEquals', 'aws:username', long))],
  POLICY_SIZE_EXCEEDS_ROLE_TRUST_POLICY_QUOTA: [trust(when('StringEquals', 'aws:username', long))],
  RCP_MISSING_RELATED_PRINCIPAL_CONDITION_KEY: [
    rcp(when('StringNotEqualsIfExists', 'aws:PrincipalOrgID', 'o-a1b2c3d4e5'), '"aws:PrincipalOrgID"'),
  ],
  RCP_MISSING_RELATED_SERVICE_PRINCIPAL_CONDITION_KEY: [
    rcp(when('StringNotEqualsIfExists', 'aws:SourceOrgID', 'o-a1b2c3d4e5')),
  ],
  RCP_MISSING_SERVICE_CONDITION_KEY_NULL_CHECK: [
    rcp({
      Condition: {
        StringNotEqualsIfExists: { 'aws:SourceOrgID': 'o-a1b2c3d4e5' },
        Bool: { 'aws:PrincipalIsAWSService': 'true' },
      },
    }),
  ],
  SPECIFIC_GITHUB_REPO_AND_BRANCH_RECOMMENDED: [trust({ ...web, ...when('StringLike', sub, 'repo:octo/*') })],
  TYPE_MISMATCH: [
    identity(
      when('StringEquals', 'aws:MultiFactorAuthPresent', 'true'),
      undefined,
      'Use the operator type Bool instead of operator StringEquals for the condition key aws:MultiFactorAuthPresent.',
    ),
  ],
  TYPE_MISMATCH_BOOLEAN: [identity(when('Bool', 'aws:SecureTransport', 'yes'), '"yes"')],
  TYPE_MISMATCH_DATE: [identity(when('DateLessThan', 'aws:CurrentTime', 'tomorrow'), '"tomorrow"')],
  TYPE_MISMATCH_NUMBER: [identity(when('NumericLessThan', 'aws:MultiFactorAuthAge', 'an hour'))],
  TYPE_MISMATCH_STRING: [identity(when('BinaryEquals', 'vendor:key', '$$$'))],
  UNIQUE_SIDS_RECOMMENDED: [
    {
      kind: 'key',
      text: JSON.stringify({
        Version: '2012-10-17',
        Statement: [
          { Sid: 'A', ...base.key },
          { Sid: 'A', ...base.key, Principal: ALICE, Action: 'kms:Decrypt' },
        ],
      }),
    },
  ],
  USE_CONDITION_KEY_ONLY_WITH_SUPPORTED_SERVICES: [
    identity({ Action: '*', ...when('StringEquals', 'aws:VpceOrgID', 'o-a1b2c3d4e5') }),
  ],
  WILDCARD_WITHOUT_LIKE_OPERATOR: [identity(when('StringEquals', 'aws:username', 'adm*'), '"adm*"')],
  KW_KEY_POLICY_NAMES_OTHER_RESOURCE: [key({ Resource: KEY }, `"${KEY}"`)],
  KW_NO_KEY_ADMINISTRATOR: [key({ Action: 'kms:Decrypt' })],
  CONFIRM_AUDIENCE_CLAIM_TYPE: [
    trust({ ...web, ...when('ForAllValues:StringEquals', 'token.actions.githubusercontent.com:aud', 'x') }),
  ],
  EMPTY_ARRAY_ACTION: [identity({ Action: [] }, '[]')],
  EMPTY_ARRAY_CONDITION: [identity(when('StringEquals', 'aws:username', []), '[]')],
  EMPTY_ARRAY_CONDITION_FORALLVALUES: [identity(when('ForAllValues:StringEquals', 'aws:TagKeys', []))],
  EMPTY_ARRAY_CONDITION_FORANYVALUE: [identity(when('ForAnyValue:StringEquals', 'aws:TagKeys', []))],
  EMPTY_ARRAY_CONDITION_IFEXISTS: [identity(when('StringEqualsIfExists', 'aws:username', []))],
  EMPTY_ARRAY_PRINCIPAL: [key({ Principal: { AWS: [] } }, '[]')],
  EMPTY_ARRAY_RESOURCE: [identity({ Resource: [] }, '[]')],
  EMPTY_OBJECT_CONDITION: [
    identity({ Condition: {} }, '{}'),
    identity({ Condition: { StringEquals: {} } }, '{}'),
  ],
  EMPTY_OBJECT_PRINCIPAL: [key({ Principal: {} }, '{}')],
  EMPTY_SID_VALUE: [identity({ Sid: '' }, '""')],
  EQUIVALENT_TO_NULL_FALSE: [
    identity(
      when('StringLike', 'aws:username', '*'),
      undefined,
      'We recommend replacing the key aws:username in the condition block of StringLike with {aws:username: false} to ensure better enforcement of the condition.',
    ),
  ],
  EQUIVALENT_TO_NULL_TRUE: [identity(when('StringNotLike', 'aws:username', '*'))],
  IMPROVE_IP_RANGE: [
    identity(
      when('IpAddress', 'aws:SourceIp', '203.0.113.9/24'),
      '"203.0.113.9/24"',
      'The non-zero bits in the IP address after the masked bits are ignored. Replace address with 203.0.113.0/24.',
    ),
    identity(when('IpAddress', 'aws:SourceIp', '2001:db8::1/32'), undefined, '2001:db8::/32'),
  ],
  NULL_WITH_QUALIFIER: [identity(when('ForAllValues:Null', 'aws:TagKeys', 'true'))],
  RECOMMENDED_CONDITION_KEY_FOR_SERVICE_PRINCIPAL: [
    key({ ...service, ...when('StringEquals', 'aws:Referer', 'x') }),
  ],
  REDUNDANT_ACTION: [
    identity(
      { Action: ['kms:Decrypt', 'kms:*', 'kms:encrypt'] },
      '"kms:Decrypt"',
      'The 2 action(s) are redundant because they provide similar permissions. Update the policy to remove the redundant action such as: kms:Decrypt.',
    ),
    identity({ Action: ['kms:Decrypt', 'kms:decrypt'] }, '"kms:decrypt"'),
  ],
  REDUNDANT_CONDITION_VALUE_NUM: [
    identity(
      when('NumericLessThan', 'aws:MultiFactorAuthAge', ['2700', '3600']),
      undefined,
      'Multiple values in NumericLessThan are redundant. Replace with the greatest single value for aws:MultiFactorAuthAge.',
    ),
  ],
  REDUNDANT_KEY_DUE_TO_WILDCARD_IN_CONDITION: [identity(when('StringLikeIfExists', 'aws:username', '*'))],
  REDUNDANT_PRINCIPAL_IN_ROLE_TRUST_POLICY: [
    trust({
      Principal: {
        AWS: ['arn:aws:iam::111122223333:role/app/R', 'arn:aws:sts::111122223333:assumed-role/R/session'],
      },
    }),
  ],
  REDUNDANT_RESOURCE: [identity({ Resource: [KEY, 'arn:aws:kms:us-east-1:111122223333:key/*'] }, `"${KEY}"`)],
  REDUNDANT_STATEMENT: [
    document(
      JSON.stringify({
        Version: '2012-10-17',
        Statement: [base.identity, { Sid: 'B', Action: ['kms:Decrypt'], Resource: KEY, Effect: 'Allow' }],
      }),
    ),
  ],
  REDUNDANT_STATEMENT_DUE_TO_WILDCARD_IN_CONDITION: [
    identity(when('ForAnyValue:StringNotLike', 'aws:TagKeys', '*')),
  ],
  WILDCARD_IN_SERVICE_NAME: [
    identity({ Action: 'k*:Decrypt' }, '"k*:Decrypt"'),
    identity({ Resource: 'arn:aws:k*:us-east-1:111122223333:key/a' }),
  ],
}

for (const [code, examples] of Object.entries(cases) as [IssueCode, readonly Case[]][]) {
  test(`${code} is found where it stands`, () => {
    for (const { kind, text, at, says } of examples) {
      const findings = validatePolicy(text, kind)
      const found = findings.find(({ issueCode }) => issueCode === code)
      assert.ok(
        found,
        `${text.slice(0, 300)} has ${findings.map(({ issueCode }) => issueCode).join() || 'nothing'}`,
      )
      assert.equal(found.findingType, issues[code].type)
      if (says !== undefined) assert.ok(found.findingDetails.includes(says), found.findingDetails)
      assert.doesNotMatch(found.findingDetails, /<[a-z]/)
      assert.ok(found.locations.length > 0)
      const [{ span }] = found.locations as [(typeof found.locations)[number]]
      if (at !== undefined) assert.equal(text.slice(span.start.offset, span.end.offset), at)
    }
  })
}

test('a sound policy of each kind has no findings', () => {
  for (const kind of Object.keys(base) as ReviewedKind[])
    assert.deepEqual(validatePolicy(policyOf(kind, {}), kind), [])
})

test('what limits a statement keeps its warning away', () => {
  const none: readonly Case[] = [
    key({ Principal: '*', ...when('StringEquals', 'aws:PrincipalOrgID', 'o-a1b2c3d4e5') }),
    key({ Principal: '*', ...when('ArnLike', 'aws:PrincipalArn', 'arn:aws:iam::111122223333:role/*') }),
    of('resource', { Principal: '*', Effect: 'Deny' }),
    identity({
      Action: 'iam:PassRole',
      Resource: '*',
      ...when('StringEquals', 'iam:PassedToService', 'ec2.amazonaws.com'),
    }),
    identity({ Action: 'iam:PassRole', Resource: 'arn:aws:iam::111122223333:role/service*' }),
    identity({
      Condition: {
        'ForAllValues:StringEquals': { 'aws:TagKeys': ['a'] },
        Null: { 'aws:TagKeys': 'false' },
      },
    }),
    identity({ Action: 'kms:CreateAlias', Resource: 'arn:aws:kms:us-east-1:111122223333:alias/a' }),
    identity({ Resource: 'arn:aws:kms:*:*:key/*' }),
    identity({ Resource: 'arn:aws:kms:${aws:RequestedRegion}:${aws:PrincipalAccount}:key/*' }),
    identity({
      Action: 'newservice:DoIt',
      Resource: 'arn:aws:newservice:::x',
      ...when('StringEquals', 'newservice:Key', 'x'),
    }),
    trust({ ...web, ...when('StringEquals', sub, 'repo:octo/cat:ref:refs/heads/main') }),
  ]
  for (const { kind, text } of none) assert.deepEqual(codesOf(text, kind), [], text)
})

test('a location says line, column, offset and path, from 1, 0 and 0', () => {
  const text =
    '{\n  "Version": "2012-10-17",\n  "Statement": [\n    {"Effect": "allow", "Action": ["kms:Decrypt"], "Resource": "*"}\n  ]\n}'
  const [finding] = validatePolicy(text, 'identity')
  assert.deepEqual(finding?.locations, [
    {
      path: [{ value: 'Statement' }, { index: 0 }, { value: 'Effect' }],
      span: {
        start: { line: 4, column: 15, offset: text.indexOf('"allow"') },
        end: { line: 4, column: 22, offset: text.indexOf('"allow"') + 7 },
      },
    },
  ])
  assert.equal(
    finding.learnMoreLink,
    'https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-reference-policy-checks.html#access-analyzer-reference-policy-checks-error-invalid-effect',
  )
})

test('a policy about nothing but KMS is reviewed as a key policy, another resource policy is not', () => {
  const text = policyOf('resource', { Action: 'kms:Decrypt', Resource: '*' })
  assert.deepEqual(codesOf(text, 'resource'), ['KW_NO_KEY_ADMINISTRATOR'])
  assert.deepEqual(codesOf(policyOf('resource', {}), 'resource'), [])
})

test('every action of the vocabulary is known, in any case', () => {
  for (const name of Object.keys(kms.actions)) {
    assert.ok(
      !codesOf(policyOf('identity', { Action: `KMS:${name.toLowerCase()}` }), 'identity').includes(
        'INVALID_ACTION',
      ),
    )
  }
})

const kinds = Object.keys(base) as ReviewedKind[]
const parsedAs = { key: 'resource' } as Partial<Record<ReviewedKind, 'resource'>>
const word = fc.oneof(
  fc.constantFrom(
    '*',
    'kms:*',
    'kms:Decrypt',
    'Allow',
    'Deny',
    KEY,
    '${aws:username}',
    'arn:aws:iam::111122223333:root',
    '1.2.3.4/8',
    'true',
  ),
  fc.string({ maxLength: 12 }),
)
const words = fc.oneof(word, fc.array(word, { maxLength: 4 }), fc.jsonValue({ maxDepth: 2 }))
const statement = fc.dictionary(
  fc.constantFrom(
    'Sid',
    'Effect',
    'Principal',
    'NotPrincipal',
    'Action',
    'NotAction',
    'Resource',
    'NotResource',
    'Condition',
    'Extra',
  ),
  fc.oneof(
    words,
    fc.dictionary(
      fc.constantFrom('AWS', 'Service', 'StringLike', 'Null', 'ForAllValues:StringEquals', 'IpAddress', 'x'),
      fc.oneof(
        words,
        fc.dictionary(fc.constantFrom('aws:username', 'aws:TagKeys', 'aws:SourceIp', 'x'), words),
      ),
    ),
  ),
)

test('nothing that somebody writes makes it throw, and what cannot be stored has an error', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc
          .record({
            Version: fc.constantFrom('2012-10-17', '2008-10-17', 'x'),
            Statement: fc.array(statement, { maxLength: 3 }),
          })
          .map((value) => JSON.stringify(value)),
        fc.json(),
        fc.string(),
      ),
      fc.constantFrom(...kinds),
      (text, kind) => {
        const findings = validatePolicy(text, kind)
        const refused = ((): boolean => {
          try {
            parsePolicy(text, parsedAs[kind] ?? (kind as 'identity'))
            return false
          } catch (error) {
            assert.ok(error instanceof MalformedPolicyError)
            return true
          }
        })()
        if (refused) assert.ok(findings.some(({ findingType }) => findingType === 'ERROR'))
      },
    ),
    { numRuns: 3000 },
  )
})

test('the largest policy is read in bounded time, and the number of findings is bounded', () => {
  const hostile = [
    { Action: Array.from({ length: 9_000 }, (_, i) => `kms:a*${i}*`) },
    { Resource: Array.from({ length: 450 }, (_, i) => `arn:aws:kms:*:*:key/${'*a'.repeat(60)}${i}`) },
    {
      Condition: {
        StringLike: Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`aws:x${i}`, '*'])),
      },
    },
    { Action: Array.from({ length: 490 }, () => `${'*a'.repeat(120)}:b`) },
    { Resource: `arn:aws:s3:::${'${'.repeat(60_000)}` },
  ]
  for (const change of hostile) {
    const text = policyOf('identity', change).slice(0, 131_072)
    const begin = performance.now()
    const findings = validatePolicy(text, 'identity')
    assert.ok(findings.length <= 301)
    assert.ok(
      performance.now() - begin < 2_000,
      `${Object.keys(change).join()}: ${performance.now() - begin} ms`,
    )
  }
})

test('docs/access-analysis.md explains each finding of our own', () => {
  const page = readFileSync(new URL('../../../../docs/access-analysis.md', import.meta.url), 'utf8')
  const explained = [...page.matchAll(/^#### (KW_\w+)\n(\w+)\./gm)].map(([, code, type]) => [code, type])
  const own = Object.entries(issues).flatMap(([code, { type }]) =>
    code.startsWith('KW_') ? [[code, type]] : [],
  )
  assert.deepEqual(new Map(explained as [string, string][]), new Map(own as [string, string][]))
})
