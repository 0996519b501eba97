import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { IAM } from '@aws-sdk/client-iam'
import { startServer, type ServerProcess } from '../server-process.ts'

const ACCOUNT = '111122223333'
const allow = (Action: string) =>
  JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action, Resource: '*' }] })
const trustPolicy = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { AWS: ACCOUNT }, Action: 'sts:AssumeRole' }],
})

/** The calls that Terraform's AWS provider makes for `aws_iam_*` resources, in its order: make, read, change, destroy. */
describe('Terraform’s life of IAM resources', () => {
  let server: ServerProcess
  let iam: IAM

  before(async () => {
    server = await startServer({ env: { KEYWRIGHT_ACCOUNT_ID: ACCOUNT } })
    const { url: endpoint, credentials } = server
    iam = new IAM({ endpoint, region: 'us-east-1', credentials, maxAttempts: 1 })
  })
  after(() => server.stop())

  /** A read after a destroy must say that it is gone; the provider waits for that. */
  const isGone = (read: Promise<unknown>) => assert.rejects(read, { name: 'NoSuchEntityException' })

  test('a policy: five versions stay, and the oldest makes room', async () => {
    const { Policy } = await iam.createPolicy({
      PolicyName: 'tf-policy',
      Description: 'by Terraform',
      PolicyDocument: allow('kms:Version0'),
      Tags: [{ Key: 'Name', Value: 'x' }],
    })
    const PolicyArn = Policy?.Arn
    const read = async () => {
      const { Policy: found } = await iam.getPolicy({ PolicyArn })
      assert.deepEqual([found?.Description, found?.Tags], ['by Terraform', [{ Key: 'Name', Value: 'x' }]])
      const VersionId = found?.DefaultVersionId
      const { PolicyVersion } = await iam.getPolicyVersion({ PolicyArn, VersionId })
      return decodeURIComponent(PolicyVersion?.Document ?? '')
    }
    assert.equal(await read(), allow('kms:Version0'))
    for (let version = 1; version <= 7; version++) {
      const { Versions = [] } = await iam.listPolicyVersions({ PolicyArn })
      if (Versions.length >= 5) {
        const oldest = Versions.filter(({ IsDefaultVersion }) => !IsDefaultVersion).at(-1)
        await iam.deletePolicyVersion({ PolicyArn, VersionId: oldest?.VersionId })
      }
      const PolicyDocument = allow(`kms:Version${version}`)
      await iam.createPolicyVersion({ PolicyArn, PolicyDocument, SetAsDefault: true })
      assert.equal(await read(), PolicyDocument)
    }
    const { Versions = [] } = await iam.listPolicyVersions({ PolicyArn })
    for (const { VersionId, IsDefaultVersion } of Versions) {
      if (!IsDefaultVersion) await iam.deletePolicyVersion({ PolicyArn, VersionId })
    }
    await iam.deletePolicy({ PolicyArn })
    await isGone(iam.getPolicy({ PolicyArn }))
  })

  test('a role with an inline policy, an attachment and an instance profile, destroyed by force', async () => {
    const RoleName = 'tf-role'
    const PolicyArn = 'arn:aws:iam::aws:policy/ReadOnlyAccess'
    await iam.createRole({
      RoleName,
      Path: '/',
      AssumeRolePolicyDocument: trustPolicy,
      MaxSessionDuration: 3600,
      Tags: [{ Key: 'Name', Value: 'x' }],
    })
    await iam.putRolePolicy({ RoleName, PolicyName: 'inline', PolicyDocument: allow('kms:Encrypt') })
    await iam.attachRolePolicy({ RoleName, PolicyArn })
    const InstanceProfileName = 'tf-profile'
    await iam.createInstanceProfile({ InstanceProfileName, Path: '/' })
    await iam.addRoleToInstanceProfile({ InstanceProfileName, RoleName })

    const { Role } = await iam.getRole({ RoleName })
    assert.equal(decodeURIComponent(Role?.AssumeRolePolicyDocument ?? ''), trustPolicy)
    assert.deepEqual(Role?.Tags, [{ Key: 'Name', Value: 'x' }])
    assert.equal(Role?.Description, undefined)
    assert.deepEqual((await iam.listRolePolicies({ RoleName })).PolicyNames, ['inline'])
    const { PolicyDocument } = await iam.getRolePolicy({ RoleName, PolicyName: 'inline' })
    assert.equal(decodeURIComponent(PolicyDocument ?? ''), allow('kms:Encrypt'))
    assert.deepEqual((await iam.listAttachedRolePolicies({ RoleName })).AttachedPolicies, [
      { PolicyName: 'ReadOnlyAccess', PolicyArn },
    ])

    await iam.updateAssumeRolePolicy({ RoleName, PolicyDocument: trustPolicy })
    await iam.updateRoleDescription({ RoleName, Description: 'changed' })
    await iam.updateRole({ RoleName, MaxSessionDuration: 7200, Description: 'changed' })
    await iam.putRolePermissionsBoundary({ RoleName, PermissionsBoundary: PolicyArn })
    await iam.untagRole({ RoleName, TagKeys: ['Name'] })
    await iam.tagRole({ RoleName, Tags: [{ Key: 'name', Value: 'y' }] })
    const changed = (await iam.getRole({ RoleName })).Role
    assert.deepEqual(
      [
        changed?.Description,
        changed?.MaxSessionDuration,
        changed?.PermissionsBoundary?.PermissionsBoundaryArn,
      ],
      ['changed', 7200, PolicyArn],
    )
    await iam.deleteRolePermissionsBoundary({ RoleName })

    for (const profile of (await iam.listInstanceProfilesForRole({ RoleName })).InstanceProfiles ?? []) {
      const { InstanceProfileName: name } = profile
      await iam.removeRoleFromInstanceProfile({ InstanceProfileName: name, RoleName })
    }
    for (const policy of (await iam.listAttachedRolePolicies({ RoleName })).AttachedPolicies ?? []) {
      await iam.detachRolePolicy({ RoleName, PolicyArn: policy.PolicyArn })
    }
    for (const PolicyName of (await iam.listRolePolicies({ RoleName })).PolicyNames ?? []) {
      await iam.deleteRolePolicy({ RoleName, PolicyName })
    }
    await iam.deleteRole({ RoleName })
    await isGone(iam.getRole({ RoleName }))
    await iam.deleteInstanceProfile({ InstanceProfileName })
    await isGone(iam.getInstanceProfile({ InstanceProfileName }))
  })

  test('a user with memberships, policies and an access key, destroyed by force', async () => {
    const UserName = 'tf-user'
    const GroupName = 'tf-group'
    await iam.createGroup({ GroupName, Path: '/' })
    await iam.createUser({ UserName, Path: '/' })
    await iam.addUserToGroup({ UserName, GroupName })
    assert.deepEqual(
      (await iam.getGroup({ GroupName })).Users?.map((user) => user.UserName),
      [UserName],
    )
    await iam.putUserPolicy({ UserName, PolicyName: 'inline', PolicyDocument: allow('kms:Encrypt') })
    await iam.putGroupPolicy({ GroupName, PolicyName: 'inline', PolicyDocument: allow('kms:Decrypt') })
    const { AccessKey } = await iam.createAccessKey({ UserName })
    await iam.updateAccessKey({ UserName, AccessKeyId: AccessKey?.AccessKeyId, Status: 'Inactive' })
    const { AccessKeyMetadata } = await iam.listAccessKeys({ UserName })
    assert.deepEqual(
      AccessKeyMetadata?.map(({ Status }) => Status),
      ['Inactive'],
    )
    await iam.updateUser({ UserName, NewUserName: 'tf-renamed', NewPath: '/team/' })
    await isGone(iam.getUser({ UserName }))
    const renamed = { UserName: 'tf-renamed' }
    assert.equal((await iam.getUser(renamed)).User?.Path, '/team/')

    for (const group of (await iam.listGroupsForUser(renamed)).Groups ?? []) {
      await iam.removeUserFromGroup({ ...renamed, GroupName: group.GroupName })
    }
    for (const policy of (await iam.listAttachedUserPolicies(renamed)).AttachedPolicies ?? []) {
      await iam.detachUserPolicy({ ...renamed, PolicyArn: policy.PolicyArn })
    }
    for (const PolicyName of (await iam.listUserPolicies(renamed)).PolicyNames ?? []) {
      await iam.deleteUserPolicy({ ...renamed, PolicyName })
    }
    for (const { AccessKeyId } of (await iam.listAccessKeys(renamed)).AccessKeyMetadata ?? []) {
      await iam.deleteAccessKey({ ...renamed, AccessKeyId })
    }
    await iam.listSSHPublicKeys(renamed)
    await iam.listVirtualMFADevices({ AssignmentStatus: 'Assigned' })
    await iam.listMFADevices(renamed)
    await isGone(iam.deleteLoginProfile(renamed))
    await iam.listSigningCertificates(renamed)
    await iam.listServiceSpecificCredentials(renamed)
    await iam.deleteUser(renamed)
    await isGone(iam.getUser(renamed))
    await iam.deleteGroupPolicy({ GroupName, PolicyName: 'inline' })
    await iam.deleteGroup({ GroupName })
    await isGone(iam.getGroup({ GroupName }))
  })
})
