import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import {
  paginateListAttachedRolePolicies,
  paginateListInstanceProfilesForRole,
  paginateListRolePolicies,
  type IAM,
} from '@aws-sdk/client-iam'
import { assertRefusedWith, decodedDocument, iamClient, policyOf } from '../identity-clients.ts'
import { startServer, type ServerProcess } from '../server-process.ts'

/** What Terraform's AWS provider calls for roles and policies, in its order; see terraform-sequence.test.ts. */

const ACCOUNT = '123456789012'
const arn = (resource: string) => `arn:aws:iam::${ACCOUNT}:${resource}`
const text = (policy: object) => JSON.stringify(policy, null, 2)
const allow = (...Action: string[]) => policyOf({ Effect: 'Allow', Action, Resource: '*' })
const trust = (Principal: object) => policyOf({ Effect: 'Allow', Principal, Action: 'sts:AssumeRole' })

let server: ServerProcess
let iam: IAM
before(async () => {
  server = await startServer({ env: { KEYWRIGHT_ACCOUNT_ID: ACCOUNT } })
  iam = iamClient(server)
})
after(() => server.stop())

const gone = (call: Promise<unknown>) => assertRefusedWith(call, 'NoSuchEntity', 404)

describe('aws_iam_role, aws_iam_role_policy and aws_iam_role_policy_attachment', () => {
  const RoleName = 'my-app'
  const read = async () => {
    const { Role } = await iam.getRole({ RoleName })
    const inline: Record<string, unknown> = {}
    for await (const { PolicyNames = [] } of paginateListRolePolicies({ client: iam }, { RoleName })) {
      for (const PolicyName of PolicyNames) {
        inline[PolicyName] = decodedDocument(
          (await iam.getRolePolicy({ RoleName, PolicyName })).PolicyDocument,
        )
      }
    }
    const attached: unknown[] = []
    for await (const page of paginateListAttachedRolePolicies({ client: iam }, { RoleName })) {
      attached.push(...(page.AttachedPolicies ?? []).map(({ PolicyArn }) => PolicyArn))
    }
    return { Role, trust: decodedDocument(Role?.AssumeRolePolicyDocument), inline, attached }
  }

  test('a role is created with tags and a boundary, and its plan is empty', async () => {
    await gone(iam.getRole({ RoleName }))
    // Whom the trust policy names may be newer than what IAM knows: the provider tries again on this error.
    await assertRefusedWith(
      iam.createRole({ RoleName, AssumeRolePolicyDocument: text(trust({ AWS: arn('user/not-yet') })) }),
      'MalformedPolicyDocument',
      400,
      /principal/i,
    )
    const { Role } = await iam.createRole({
      RoleName,
      Path: '/apps/',
      Description: 'My application',
      MaxSessionDuration: 3600,
      PermissionsBoundary: 'arn:aws:iam::aws:policy/AdministratorAccess',
      AssumeRolePolicyDocument: text(trust({ Service: 'ec2.amazonaws.com' })),
      Tags: [{ Key: 'Name', Value: 'my-app' }],
    })
    assert.equal(Role?.Arn, arn('role/apps/my-app'))
    const first = await read()
    assert.deepEqual(first.trust, trust({ Service: 'ec2.amazonaws.com' }))
    assert.deepEqual(
      [first.Role?.Tags, first.Role?.PermissionsBoundary?.PermissionsBoundaryArn, first.attached],
      [[{ Key: 'Name', Value: 'my-app' }], 'arn:aws:iam::aws:policy/AdministratorAccess', []],
    )
    assert.deepEqual(await read(), first)
  })

  test('policies are put and attached, and everything that can change is changed', async () => {
    await iam.putRolePolicy({ RoleName, PolicyName: 'keys', PolicyDocument: text(allow('kms:Decrypt')) })
    await iam.attachRolePolicy({ RoleName, PolicyArn: 'arn:aws:iam::aws:policy/ReadOnlyAccess' })
    await iam.updateAssumeRolePolicy({ RoleName, PolicyDocument: text(trust({ AWS: arn('root') })) })
    await iam.updateRole({ RoleName, Description: 'Changed', MaxSessionDuration: 7200 })
    await iam.deleteRolePermissionsBoundary({ RoleName })
    await iam.untagRole({ RoleName, TagKeys: ['Name'] })
    await iam.tagRole({ RoleName, Tags: [{ Key: 'Stage', Value: 'test' }] })
    const first = await read()
    assert.deepEqual(
      [first.trust, first.inline, first.attached],
      [
        trust({ AWS: arn('root') }),
        { keys: allow('kms:Decrypt') },
        ['arn:aws:iam::aws:policy/ReadOnlyAccess'],
      ],
    )
    assert.deepEqual(
      [
        first.Role?.Description,
        first.Role?.MaxSessionDuration,
        first.Role?.PermissionsBoundary,
        first.Role?.Tags,
      ],
      ['Changed', 7200, undefined, [{ Key: 'Stage', Value: 'test' }]],
    )
    assert.deepEqual(await read(), first)
  })

  test('force_detach_policies lists what hangs on a role, takes it off and deletes the role', async () => {
    await iam.createInstanceProfile({ InstanceProfileName: RoleName })
    await iam.addRoleToInstanceProfile({ InstanceProfileName: RoleName, RoleName })
    const profiles: (string | undefined)[] = []
    for await (const page of paginateListInstanceProfilesForRole({ client: iam }, { RoleName })) {
      profiles.push(...(page.InstanceProfiles ?? []).map((profile) => profile.InstanceProfileName))
    }
    assert.deepEqual(profiles, [RoleName])
    for (const InstanceProfileName of profiles) {
      await iam.removeRoleFromInstanceProfile({ InstanceProfileName, RoleName })
    }
    const { inline, attached } = await read()
    for (const PolicyArn of attached) await iam.detachRolePolicy({ RoleName, PolicyArn: String(PolicyArn) })
    for (const PolicyName of Object.keys(inline)) await iam.deleteRolePolicy({ RoleName, PolicyName })
    await iam.deleteRole({ RoleName })
    await iam.deleteInstanceProfile({ InstanceProfileName: RoleName })
    for (const refused of [
      () => iam.getRole({ RoleName }),
      () => iam.deleteRole({ RoleName }),
      () => iam.getRolePolicy({ RoleName, PolicyName: 'keys' }),
      () => iam.listAttachedRolePolicies({ RoleName }),
      () => iam.detachRolePolicy({ RoleName, PolicyArn: 'arn:aws:iam::aws:policy/ReadOnlyAccess' }),
      () => iam.getInstanceProfile({ InstanceProfileName: RoleName }),
    ]) {
      await gone(refused())
    }
  })
})

describe('aws_iam_policy', () => {
  const PolicyArn = arn('policy/apps/keys')
  const read = async () => {
    const { Policy } = await iam.getPolicy({ PolicyArn })
    const { PolicyVersion } = await iam.getPolicyVersion({ PolicyArn, VersionId: Policy?.DefaultVersionId })
    return { Policy, document: decodedDocument(PolicyVersion?.Document) }
  }

  test('a policy is created, read, and updated by versions of which the oldest is pruned', async () => {
    const { Policy } = await iam.createPolicy({
      PolicyName: 'keys',
      Path: '/apps/',
      Description: 'Keys',
      PolicyDocument: text(allow('kms:Decrypt')),
      Tags: [{ Key: 'Name', Value: 'keys' }],
    })
    assert.equal(Policy?.Arn, PolicyArn)
    const first = await read()
    assert.deepEqual(first.document, allow('kms:Decrypt'))
    assert.deepEqual(first.Policy?.Tags, [{ Key: 'Name', Value: 'keys' }])
    assert.deepEqual(await read(), first)

    for (const action of ['kms:Encrypt', 'kms:Sign', 'kms:Verify', 'kms:ListKeys', 'kms:DescribeKey']) {
      const { Versions = [] } = await iam.listPolicyVersions({ PolicyArn })
      if (Versions.length >= 5) {
        const oldest = Versions.filter(({ IsDefaultVersion }) => IsDefaultVersion !== true).toSorted(
          (a, b) => Number(a.VersionId?.slice(1)) - Number(b.VersionId?.slice(1)),
        )[0]
        assert.equal(oldest?.VersionId, 'v1')
        await iam.deletePolicyVersion({ PolicyArn, VersionId: oldest.VersionId })
      }
      await iam.createPolicyVersion({ PolicyArn, PolicyDocument: text(allow(action)), SetAsDefault: true })
      assert.deepEqual((await read()).document, allow(action))
    }
    assert.equal((await read()).Policy?.DefaultVersionId, 'v6')
  })

  test('a policy is deleted after its other versions', async () => {
    const { Versions = [] } = await iam.listPolicyVersions({ PolicyArn })
    for (const { VersionId, IsDefaultVersion } of Versions) {
      if (IsDefaultVersion !== true) await iam.deletePolicyVersion({ PolicyArn, VersionId })
    }
    await iam.deletePolicy({ PolicyArn })
    await gone(iam.getPolicy({ PolicyArn }))
    await gone(iam.listPolicyVersions({ PolicyArn }))
  })
})

describe('aws_iam_openid_connect_provider and aws_iam_instance_profile', () => {
  test('a provider is created, read, changed and deleted', async () => {
    const thumbprint = 'c'.repeat(40)
    const { OpenIDConnectProviderArn } = await iam.createOpenIDConnectProvider({
      Url: 'https://oidc.example.com/id/1',
      ClientIDList: ['sts.amazonaws.com'],
      ThumbprintList: [thumbprint],
      Tags: [{ Key: 'Name', Value: 'one' }],
    })
    const read = async () => {
      const { $metadata, ...provider } = await iam.getOpenIDConnectProvider({ OpenIDConnectProviderArn })
      assert.equal($metadata.httpStatusCode, 200)
      return provider
    }
    const first = await read()
    assert.deepEqual(
      [first.Url, first.ClientIDList, first.ThumbprintList, first.Tags],
      ['oidc.example.com/id/1', ['sts.amazonaws.com'], [thumbprint], [{ Key: 'Name', Value: 'one' }]],
    )
    assert.deepEqual(await read(), first)
    await iam.updateOpenIDConnectProviderThumbprint({
      OpenIDConnectProviderArn,
      ThumbprintList: ['d'.repeat(40)],
    })
    await iam.addClientIDToOpenIDConnectProvider({ OpenIDConnectProviderArn, ClientID: 'other' })
    await iam.removeClientIDFromOpenIDConnectProvider({
      OpenIDConnectProviderArn,
      ClientID: 'sts.amazonaws.com',
    })
    const second = await read()
    assert.deepEqual([second.ClientIDList, second.ThumbprintList], [['other'], ['d'.repeat(40)]])
    await iam.deleteOpenIDConnectProvider({ OpenIDConnectProviderArn })
    await gone(iam.getOpenIDConnectProvider({ OpenIDConnectProviderArn }))
  })

  test('an instance profile is created with its role, read, tagged and deleted', async () => {
    const InstanceProfileName = 'machine'
    await iam.createRole({
      RoleName: 'machine',
      AssumeRolePolicyDocument: text(trust({ Service: 'ec2.amazonaws.com' })),
    })
    await iam.createInstanceProfile({ InstanceProfileName, Tags: [{ Key: 'Name', Value: 'one' }] })
    await iam.addRoleToInstanceProfile({ InstanceProfileName, RoleName: 'machine' })
    const read = async () => (await iam.getInstanceProfile({ InstanceProfileName })).InstanceProfile
    const first = await read()
    assert.deepEqual([first?.Roles?.[0]?.RoleName, first?.Tags], ['machine', [{ Key: 'Name', Value: 'one' }]])
    assert.deepEqual(await read(), first)
    await iam.removeRoleFromInstanceProfile({ InstanceProfileName, RoleName: 'machine' })
    await iam.deleteInstanceProfile({ InstanceProfileName })
    await iam.deleteRole({ RoleName: 'machine' })
    await gone(iam.getInstanceProfile({ InstanceProfileName }))
  })
})
