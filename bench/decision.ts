import { compilePolicy } from '../server/src/policy/compile.ts'
import { decide, type DecisionFacts } from '../server/src/policy/decision.ts'
import { parsePolicy, type PolicyKind } from '../server/src/policy/document.ts'
import type { RequestContext } from '../server/src/policy/request.ts'
import { below, median, spread, type Figure } from './figure.ts'
import type { Bench, Question } from './question.ts'
import { inSeals, nanoseconds, sealOnce } from './seal.ts'

/** Does one warm decision cost less than one AES-256-GCM seal of 32 bytes, timed in the same run? */
export const decision: Question = { name: 'decision', ask: measure }

function measure({ quick, rounds }: Bench): Promise<Figure[]> {
  const times = quick ? 20_000 : 200_000
  const byIdentity = warmFacts({ delegated: true })
  const byKeyPolicy = warmFacts({ delegated: false })
  const decideOnce = (facts: DecisionFacts) => () => {
    if (!decide(facts).allowed) throw new Error('the bench measures what is allowed')
  }
  const seal = sealOnce()
  const taken = { byIdentity: [] as number[], byKeyPolicy: [] as number[], seal: [] as number[] }
  for (let round = 0; round < rounds + 1; round++) {
    const one = {
      byIdentity: nanoseconds(decideOnce(byIdentity), times),
      byKeyPolicy: nanoseconds(decideOnce(byKeyPolicy), times),
      seal: nanoseconds(seal, times / 4),
    }
    // The first round is the compiler's.
    if (round === 0) continue
    taken.byIdentity.push(one.byIdentity)
    taken.byKeyPolicy.push(one.byKeyPolicy)
    taken.seal.push(one.seal)
  }
  return Promise.resolve([
    ratioFigure(
      'one decision by identity policies, in AES-256-GCM seals',
      inSeals(taken.byIdentity, taken.seal),
    ),
    ratioFigure(
      'one decision by the key policy, in AES-256-GCM seals',
      inSeals(taken.byKeyPolicy, taken.seal),
    ),
    { name: 'one decision by identity policies', value: `${spread(taken.byIdentity, 0)} ns` },
    { name: 'one decision by the key policy', value: `${spread(taken.byKeyPolicy, 0)} ns` },
    { name: 'one AES-256-GCM seal of 32 bytes', value: `${spread(taken.seal, 0)} ns` },
  ])
}

function ratioFigure(name: string, ratios: readonly number[]): Figure {
  return { name, value: spread(ratios, 2), target: below(median(ratios), 1) }
}

const account = '111122223333'
const root = `arn:aws:iam::${account}:root`
const role = `arn:aws:iam::${account}:role/service/OrdersApi`
const keyArn = `arn:aws:kms:us-east-1:${account}:key/1234abcd-12ab-34cd-56ef-1234567890ab`
const use = ['kms:Encrypt', 'kms:Decrypt', 'kms:ReEncrypt*', 'kms:GenerateDataKey*', 'kms:DescribeKey']

/** The request of a role's session, with a key policy as AWS's console makes it and a guard, and three identity policies. */
function warmFacts({ delegated }: { delegated: boolean }): DecisionFacts {
  const compiled = (
    kind: PolicyKind,
    statements: readonly object[],
    bindings?: ReadonlyMap<string, string>,
  ) =>
    compilePolicy(
      parsePolicy(JSON.stringify({ Version: '2012-10-17', Statement: statements }), kind),
      { type: kind },
      bindings,
    )
  const roleId = 'AROAEXAMPLE0000000001'
  const admin = `arn:aws:iam::${account}:role/KeyAdministrator`
  const user = delegated ? `arn:aws:iam::${account}:role/Other` : role
  const resourcePolicy = compiled(
    'resource',
    [
      {
        Sid: 'Enable IAM User Permissions',
        Effect: 'Allow',
        Principal: { AWS: root },
        Action: 'kms:*',
        Resource: '*',
      },
      {
        Sid: 'Allow access for Key Administrators',
        Effect: 'Allow',
        Principal: { AWS: admin },
        Action: [
          'kms:Create*',
          'kms:Describe*',
          'kms:Enable*',
          'kms:List*',
          'kms:Put*',
          'kms:Update*',
          'kms:Delete*',
        ],
        Resource: '*',
      },
      { Sid: 'Allow use of the key', Effect: 'Allow', Principal: { AWS: user }, Action: use, Resource: '*' },
      {
        Sid: 'Allow attachment of persistent resources',
        Effect: 'Allow',
        Principal: { AWS: user },
        Action: ['kms:CreateGrant', 'kms:ListGrants', 'kms:RevokeGrant'],
        Resource: '*',
        Condition: { Bool: { 'kms:GrantIsForAWSResource': 'true' } },
      },
      {
        Sid: 'Only from our own',
        Effect: 'Deny',
        Principal: '*',
        Action: 'kms:*',
        Resource: '*',
        Condition: { StringNotEqualsIfExists: { 'aws:PrincipalOrgID': 'o-a1b2c3d4e5' } },
      },
    ],
    new Map([
      [admin, 'AROAEXAMPLE0000000009'],
      [user, delegated ? 'AROAEXAMPLE0000000008' : roleId],
    ]),
  )
  const identityPolicies = [
    compiled('identity', [
      { Effect: 'Allow', Action: ['s3:GetObject', 's3:PutObject'], Resource: 'arn:aws:s3:::orders/*' },
      { Effect: 'Allow', Action: 'sqs:*', Resource: `arn:aws:sqs:*:${account}:orders-*` },
    ]),
    compiled('identity', [
      {
        Effect: 'Allow',
        Action: use,
        Resource: `arn:aws:kms:*:${account}:key/*`,
        Condition: { StringEquals: { 'kms:EncryptionContext:service': '${aws:PrincipalTag/service}' } },
      },
    ]),
    compiled('identity', [
      {
        Effect: 'Deny',
        Action: ['kms:ScheduleKeyDeletion', 'kms:PutKeyPolicy', 'iam:*'],
        Resource: '*',
        Condition: { BoolIfExists: { 'aws:MultiFactorAuthPresent': 'false' } },
      },
      { Effect: 'Deny', Action: '*', Resource: '*', Condition: { Bool: { 'aws:SecureTransport': 'false' } } },
    ]),
  ]
  return {
    request: {
      action: 'kms:Decrypt',
      resource: keyArn,
      principal: {
        type: 'assumed-role',
        accountId: account,
        arn: `arn:aws:sts::${account}:assumed-role/OrdersApi/i-0abc`,
        roleArn: role,
        roleId,
        sessionName: 'i-0abc',
      },
      context: requestContext({
        'aws:principalorgid': 'o-a1b2c3d4e5',
        'aws:principaltag/service': 'orders',
        'aws:securetransport': 'true',
        'kms:encryptioncontext:service': 'orders',
      }),
    },
    resourceAccountId: account,
    resourceRule: 'kms-key',
    resourcePolicy,
    identityPolicies,
    serviceControl: [],
    resourceControl: [],
  }
}

function requestContext(values: Readonly<Record<string, string>>): RequestContext {
  const byKey = new Map(Object.entries(values))
  return { get: (key) => byKey.get(key) }
}
