import fc from 'fast-check'
import type { RequestPrincipal } from '../../server/src/policy/request.ts'
import type { PlainFacts, PlainPolicy, PlainStatement } from './reference-evaluator.ts'

const HOME = '111122223333'
const AWAY = '444455556666'

// A small world, so that what is drawn often meets.
const actions = ['kms:Decrypt', 'kms:Encrypt', 'kms:DescribeKey'] as const
const keys = ['k1', 'k2'].map((key) => `arn:aws:kms:us-east-1:${HOME}:key/${key}`)

function user(accountId: string, name: string, id: string): RequestPrincipal {
  return { type: 'user', accountId, arn: `arn:aws:iam::${accountId}:user/${name}`, id }
}
function session(accountId: string, role: string, sessionName: string): RequestPrincipal {
  return {
    type: 'assumed-role',
    accountId,
    arn: `arn:aws:sts::${accountId}:assumed-role/${role}/${sessionName}`,
    roleArn: `arn:aws:iam::${accountId}:role/${role}`,
    roleId: `AROA${accountId}${role}`.toUpperCase(),
    sessionName,
  }
}

const principals: readonly RequestPrincipal[] = [
  { type: 'root', accountId: HOME, arn: `arn:aws:iam::${HOME}:root` },
  { type: 'root', accountId: AWAY, arn: `arn:aws:iam::${AWAY}:root` },
  user(HOME, 'alice', 'AIDA111122223333ALICE'),
  user(AWAY, 'eve', 'AIDA444455556666EVE'),
  session(HOME, 'App', 's'),
  session(HOME, 'App', 't'),
  session(AWAY, 'Partner', 's'),
  { type: 'service', names: ['s3.amazonaws.com'] },
]

const principalNames = [
  '*',
  HOME,
  AWAY,
  `arn:aws:iam::${HOME}:root`,
  `arn:aws:iam::${AWAY}:root`,
  `arn:aws:iam::${HOME}:user/alice`,
  `arn:aws:iam::${AWAY}:user/eve`,
  `arn:aws:iam::${HOME}:role/App`,
  `arn:aws:iam::${AWAY}:role/Partner`,
  `arn:aws:sts::${HOME}:assumed-role/App/s`,
  'AIDA111122223333ALICE',
  'AROA111122223333APP',
]

const some = <T>(of: readonly T[], most = 3) =>
  fc.array(fc.constantFrom(...of), { minLength: 1, maxLength: most })
const texts = ['a', 'b', 'A', 'ab', 'red', '1', '7', '10', 'true', 'false'] as const
const patterns = [...texts, 'a*', '?', '*', 'r?d'] as const
const templates = [...patterns, '${aws:PrincipalTag/t}', "${aws:username, 'ab'}", 'x${aws:username}'] as const
const contextKeys = [
  'aws:PrincipalTag/t',
  'aws:username',
  'kms:EncryptionContext:e',
  'aws:TagKeys',
  'kms:RotationPeriodInDays',
] as const
const bases = [
  'StringEquals',
  'StringNotEquals',
  'StringEqualsIgnoreCase',
  'StringNotEqualsIgnoreCase',
  'StringLike',
  'StringNotLike',
] as const
const typedBases = [
  'NumericEquals',
  'NumericNotEquals',
  'NumericLessThan',
  'NumericGreaterThanEquals',
  'Bool',
] as const

const setPrefix = fc.constantFrom('', '', '', 'ForAllValues:', 'ForAnyValue:')
const condition = fc.oneof(
  fc.record({
    operator: fc
      .tuple(setPrefix, fc.constantFrom(...bases), fc.constantFrom('', '', 'IfExists'))
      .map((parts) => parts.join('')),
    key: fc.constantFrom(...contextKeys),
    values: some(templates, 2),
  }),
  fc.record({
    operator: fc
      .tuple(setPrefix, fc.constantFrom(...typedBases), fc.constantFrom('', 'IfExists'))
      .map((parts) => parts.join('')),
    key: fc.constantFrom(...contextKeys),
    values: some(['1', '7', '10', 'true', 'false'], 2),
  }),
  fc.record({
    operator: fc.constant('Null'),
    key: fc.constantFrom(...contextKeys),
    values: some(['true', 'false'], 1),
  }),
)
const conditions = fc
  .array(condition, { maxLength: 2 })
  .map((all) => Object.fromEntries(all.map(({ operator, key, values }) => [operator, { [key]: values }])))

const effect = fc.constantFrom('Allow', 'Allow', 'Allow', 'Deny')
const action = fc.oneof(
  fc.record({ Action: some([...actions, 'kms:*', '*', 'KMS:de*', 's3:*', 'kms:?ncrypt']) }),
  fc.record({ NotAction: some([...actions, 's3:*', 'kms:D*']) }),
)
const resource = fc.oneof(
  { weight: 4, arbitrary: fc.constant({ Resource: ['*'] }) },
  fc.record({
    Resource: some([
      ...keys,
      `arn:aws:kms:*:${HOME}:key/*`,
      'arn:aws:kms:us-east-1:*:key/${aws:PrincipalTag/t}',
    ]),
  }),
  fc.record({ NotResource: some([...keys, 'arn:aws:kms:us-east-1:*:key/${aws:PrincipalTag/t}'], 2) }),
)
const whom = fc.oneof(
  { weight: 5, arbitrary: some(principalNames).map((AWS) => ({ Principal: { AWS } })) },
  fc.constant({ Principal: '*' as const }),
  fc.constant({ Principal: { Service: ['s3.amazonaws.com'] } }),
  some(principalNames.slice(1), 5).map((AWS) => ({ NotPrincipal: { AWS } })),
)

type Statements = fc.Arbitrary<PlainStatement>
const rest = fc.tuple(effect, action, resource, fc.option(conditions, { nil: {}, freq: 1 }))
const own: Statements = rest.map(
  ([Effect, what, on, Condition]) => ({ Effect, ...what, ...on, Condition }) as PlainStatement,
)
const ofResource: Statements = fc
  .tuple(whom, own)
  .map(([principal, statement]) => ({ ...statement, ...principal }))
const forEverybody: Statements = own.map((statement) => ({ ...statement, Principal: '*' as const }))

const policyOf = (statement: Statements): fc.Arbitrary<PlainPolicy> =>
  fc.record({
    Version: fc.constantFrom('2012-10-17', '2012-10-17', '2008-10-17'),
    Statement: fc.array(statement, { minLength: 1, maxLength: 4 }),
  })

export const identityPolicy = policyOf(own)
export const keyPolicy = policyOf(ofResource)

/** What AWS attaches first; without one of them hardly anything would be allowed. */
const full = (principal: object): PlainPolicy => ({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', ...principal, Action: ['*'], Resource: ['*'] }],
})
const fullAccess = full({})
const fullAccessForEverybody = full({ Principal: '*' })
const denyEverybody = policyOf(
  forEverybody
    .filter(({ Action }) => Action !== undefined && !Action.includes('*'))
    .map((statement) => ({ ...statement, Effect: 'Deny' as const })),
)

const rarely = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined, freq: 1 })
const levels = (first: PlainPolicy, more: fc.Arbitrary<PlainPolicy>) =>
  fc.array(
    fc.oneof(
      { weight: 3, arbitrary: fc.constant([first]) },
      more.map((one) => [first, one]),
      more.map((one) => [one]),
    ),
    { maxLength: 2 },
  )

const value = fc.constantFrom(...texts)
const context = fc
  .record(
    {
      'aws:PrincipalTag/t': value,
      'aws:username': value,
      'kms:EncryptionContext:e': value,
      'aws:TagKeys': fc.array(value, { maxLength: 3 }),
      'kms:RotationPeriodInDays': fc.constantFrom('1', '7', '10'),
    },
    { requiredKeys: [] },
  )
  .map((values) => {
    const byKey = new Map(Object.entries(values).map(([key, one]) => [key.toLowerCase(), one]))
    return { get: (key: string) => byKey.get(key), toString: () => JSON.stringify(values) }
  })

export const facts: fc.Arbitrary<PlainFacts> = fc.record({
  request: fc.record({
    action: fc.constantFrom(...actions),
    resource: fc.constantFrom(...keys),
    principal: fc.constantFrom(...principals),
    context,
  }),
  keyAccount: fc.constant(HOME),
  keyPolicy,
  identity: fc.array(identityPolicy, { maxLength: 3 }),
  boundary: rarely(identityPolicy),
  session: rarely(fc.array(identityPolicy, { maxLength: 2 })),
  serviceControl: levels(fullAccess, identityPolicy),
  resourceControl: levels(fullAccessForEverybody, denyEverybody),
  endpoint: rarely(policyOf(forEverybody)),
  granted: fc.constantFrom(false, false, false, true),
})
