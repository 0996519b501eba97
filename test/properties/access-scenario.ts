import assert from 'node:assert/strict'
import type { IAM } from '@aws-sdk/client-iam'
import type { KMS } from '@aws-sdk/client-kms'
import fc from 'fast-check'
import { iamClient, newUser, policyOf } from '../identity-clients.ts'
import { kmsClient, newKey } from '../kms-client.ts'
import type { ServerProcess } from '../server-process.ts'

export const ACCOUNT = '111122223333'
export const ACTIONS = ['kms:Encrypt', 'kms:GenerateDataKey', 'kms:GenerateDataKeyWithoutPlaintext'] as const
const USERS = ['user-a', 'user-b', 'user-c'] as const
const GROUPS = ['group-a', 'group-b'] as const
const KEYS = 2

export type PlainStatement = Readonly<Record<string, unknown>> & { readonly Effect: 'Allow' | 'Deny' }

/** Policies of a small vocabulary, wherever policies can stand. */
export interface Scenario {
  readonly inline: readonly PlainStatement[][]
  readonly groups: readonly PlainStatement[][]
  readonly members: readonly boolean[][]
  /** Undefined: no boundary. */
  readonly boundaries: readonly (PlainStatement[] | undefined)[]
  readonly keyPolicies: readonly PlainStatement[][]
}

const userArn = (name: string) => `arn:aws:iam::${ACCOUNT}:user/${name}`
const rootArn = `arn:aws:iam::${ACCOUNT}:root`

const conditions = fc.constantFrom<object | undefined>(
  undefined,
  undefined,
  undefined,
  { StringEquals: { 'kms:EncryptionContext:tenant': 'red' } },
  { StringNotEquals: { 'kms:EncryptionContext:tenant': 'red' } },
  { StringLike: { 'kms:EncryptionContext:Tenant': ['r?d', 'gr*n'] } },
  { StringEquals: { 'aws:PrincipalTag/team': 'blue' } },
  { StringEquals: { 'aws:PrincipalTag/team': '${kms:EncryptionContext:tenant}' } },
  { StringEqualsIfExists: { 'aws:PrincipalTag/team': 'green' } },
  { StringLike: { 'aws:username': 'user-?' } },
  { ArnNotEquals: { 'aws:PrincipalArn': userArn('user-b') } },
  { Null: { 'kms:EncryptionContext:tenant': 'true' } },
  { Null: { 'aws:MultiFactorAuthPresent': 'false' } },
  { 'ForAllValues:StringEquals': { 'kms:EncryptionContextKeys': ['tenant'] } },
  { 'ForAnyValue:StringEquals': { 'kms:EncryptionContextKeys': ['file'] } },
)
const actions = fc.oneof(
  { weight: 3, arbitrary: fc.subarray([...ACTIONS], { minLength: 1 }) },
  { weight: 1, arbitrary: fc.constantFrom(['kms:Generate*'], ['kms:*crypt', 'kms:GENERATEDATAKEY']) },
)
const effects = fc.constantFrom('Allow' as const, 'Allow' as const, 'Allow' as const, 'Deny' as const)

/** @param keyArns that `Resource` may name */
export function scenarios(keyArns: readonly string[]): fc.Arbitrary<Scenario> {
  const resources = fc.oneof(fc.constant(['*']), fc.subarray([...keyArns], { minLength: 1 }))
  const base = { Effect: effects, Action: actions, Condition: conditions }
  const identity = fc.record({ ...base, Resource: resources }).map(withoutUndefined)
  const names = fc.oneof(
    fc.constant({ Principal: '*' }),
    fc.constant({ Principal: { AWS: rootArn } }),
    fc.subarray(USERS.map(userArn), { minLength: 1 }).map((AWS) => ({ Principal: { AWS } })),
  )
  const spared = fc
    .subarray([...USERS.map(userArn), rootArn], { minLength: 1 })
    .map((AWS) => ({ Effect: 'Deny' as const, NotPrincipal: { AWS } }))
  const resource = fc
    .tuple(fc.record(base), fc.oneof({ weight: 6, arbitrary: names }, { weight: 1, arbitrary: spared }))
    .map(([statement, who]) => withoutUndefined({ ...statement, ...who, Resource: '*' }))
  const some = <T>(arbitrary: fc.Arbitrary<T>, maxLength = 3) => fc.array(arbitrary, { maxLength })
  const exactly = <T>(arbitrary: fc.Arbitrary<T>, length: number) =>
    fc.array(arbitrary, { minLength: length, maxLength: length })
  return fc.record({
    inline: exactly(some(identity), USERS.length),
    groups: exactly(some(identity, 2), GROUPS.length),
    members: exactly(exactly(fc.boolean(), GROUPS.length), USERS.length),
    boundaries: exactly(fc.option(some(identity), { nil: undefined, freq: 2 }), USERS.length),
    keyPolicies: exactly(some(resource), KEYS),
  })
}

function withoutUndefined(statement: object): PlainStatement {
  const members = Object.entries(statement).filter(([, value]) => value !== undefined)
  return Object.fromEntries(members) as PlainStatement
}

/** A server whose users, groups and keys are there once, and take on one scenario after another. */
export interface Stage {
  readonly keyArns: readonly string[]
  readonly users: readonly { readonly name: string; readonly arn: string; readonly kms: KMS }[]
  readonly iam: IAM
  set(scenario: Scenario): Promise<void>
  keyPolicy(scenario: Scenario, key: number): string
  /** What the server does: `user key action` of what it allows. */
  allowed(context: Readonly<Record<string, string>>): Promise<ReadonlySet<string>>
}

export async function openStage(server: ServerProcess): Promise<Stage> {
  const iam = iamClient(server)
  const root = kmsClient(server)
  const keys = await Promise.all(Array.from({ length: KEYS }, () => newKey(root)))
  const keyArns = keys.map(({ arn }) => arn)
  for (const GroupName of GROUPS) await iam.createGroup({ GroupName })
  const users: { name: string; arn: string; kms: KMS }[] = []
  for (const [i, name] of USERS.entries()) {
    const kms = kmsClient(server, { credentials: await newUser(iam, name) })
    await iam.tagUser({ UserName: name, Tags: [{ Key: 'team', Value: ['blue', 'green', 'red'][i] }] })
    await iam.createPolicy({ PolicyName: `boundary-of-${name}`, PolicyDocument: document([]) })
    users.push({ name, arn: userArn(name), kms })
  }
  const boundaryArn = (name: string) => `arn:aws:iam::${ACCOUNT}:policy/boundary-of-${name}`

  async function setBoundary(name: string, statements: readonly PlainStatement[] | undefined): Promise<void> {
    if (statements === undefined) {
      await iam.deleteUserPermissionsBoundary({ UserName: name }).catch(() => {})
      return
    }
    const PolicyArn = boundaryArn(name)
    const { Versions = [] } = await iam.listPolicyVersions({ PolicyArn })
    for (const { VersionId, IsDefaultVersion } of Versions)
      if (IsDefaultVersion !== true) await iam.deletePolicyVersion({ PolicyArn, VersionId })
    await iam.createPolicyVersion({ PolicyArn, PolicyDocument: document(statements), SetAsDefault: true })
    await iam.putUserPermissionsBoundary({ UserName: name, PermissionsBoundary: PolicyArn })
  }

  const keyPolicy = (scenario: Scenario, key: number) =>
    JSON.stringify(
      policyOf(
        {
          Sid: 'administration',
          Effect: 'Allow',
          Principal: { AWS: rootArn },
          Action: 'kms:PutKeyPolicy',
          Resource: '*',
        },
        ...(scenario.keyPolicies[key] ?? []),
      ),
    )

  return {
    keyArns,
    users,
    iam,
    keyPolicy,
    async set(scenario) {
      const PolicyName = 'inline'
      await Promise.all([
        ...users.map(async ({ name: UserName }, i) => {
          await iam.putUserPolicy({ UserName, PolicyName, PolicyDocument: document(scenario.inline[i]) })
          await setBoundary(UserName, scenario.boundaries[i])
          for (const [group, GroupName] of GROUPS.entries()) {
            const isMember = scenario.members[i]?.[group] === true
            await (isMember
              ? iam.addUserToGroup({ GroupName, UserName })
              : iam.removeUserFromGroup({ GroupName, UserName }).catch(() => {}))
          }
        }),
        ...GROUPS.map((GroupName, i) =>
          iam.putGroupPolicy({ GroupName, PolicyName, PolicyDocument: document(scenario.groups[i]) }),
        ),
        ...keys.map(({ id: KeyId }, i) => root.putKeyPolicy({ KeyId, Policy: keyPolicy(scenario, i) })),
      ])
    },
    async allowed(EncryptionContext) {
      const found = new Set<string>()
      const Plaintext = Buffer.from('x')
      const calls: Record<(typeof ACTIONS)[number], (kms: KMS, KeyId: string) => Promise<unknown>> = {
        'kms:Encrypt': (kms, KeyId) => kms.encrypt({ KeyId, Plaintext, EncryptionContext }),
        'kms:GenerateDataKey': (kms, KeyId) =>
          kms.generateDataKey({ KeyId, KeySpec: 'AES_256', EncryptionContext }),
        'kms:GenerateDataKeyWithoutPlaintext': (kms, KeyId) =>
          kms.generateDataKeyWithoutPlaintext({ KeyId, KeySpec: 'AES_256', EncryptionContext }),
      }
      await Promise.all(
        users.flatMap(({ name, kms }) =>
          keyArns.flatMap((arn) =>
            ACTIONS.map(async (action) => {
              const answered = await calls[action](kms, arn).then(
                () => true,
                (error: Error) => {
                  assert.equal(error.name, 'AccessDeniedException', error.message)
                  return false
                },
              )
              if (answered) found.add(`${name} ${arn} ${action}`)
            }),
          ),
        ),
      )
      return found
    },
  }
}

/** A policy needs a statement: without one it gets one that is about nothing here. */
function document(statements: readonly PlainStatement[] = []): string {
  const nothing = { Effect: 'Allow', Action: 'kms:ListKeys', Resource: '*' }
  return JSON.stringify(policyOf(...(statements.length === 0 ? [nothing] : statements)))
}
