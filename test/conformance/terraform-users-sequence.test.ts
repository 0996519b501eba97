import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { paginateListAccessKeys, type IAM } from '@aws-sdk/client-iam'
import { assertRefusedWith, decodedDocument, iamClient, policyOf } from '../identity-clients.ts'
import { startServer, type ServerProcess } from '../server-process.ts'

/** What Terraform's AWS provider calls for users and groups, in its order; see terraform-sequence.test.ts. */

const ACCOUNT = '123456789012'
const arn = (resource: string) => `arn:aws:iam::${ACCOUNT}:${resource}`
const text = (policy: object) => JSON.stringify(policy, null, 2)
const allow = (...Action: string[]) => policyOf({ Effect: 'Allow', Action, Resource: '*' })

let server: ServerProcess
let iam: IAM
before(async () => {
  server = await startServer({ env: { KEYWRIGHT_ACCOUNT_ID: ACCOUNT } })
  iam = iamClient(server)
})
after(() => server.stop())

const gone = (call: Promise<unknown>) => assertRefusedWith(call, 'NoSuchEntity', 404)

describe('aws_iam_user, aws_iam_access_key, aws_iam_group and memberships', () => {
  const UserName = 'deployer'

  test('a user with everything on it is created, read, renamed and read again', async () => {
    await iam.createUser({ UserName: 'deploy', Path: '/ci/', Tags: [{ Key: 'Name', Value: 'deploy' }] })
    const read = async (name: string) => (await iam.getUser({ UserName: name })).User
    const first = await read('deploy')
    assert.deepEqual(first?.Tags, [{ Key: 'Name', Value: 'deploy' }])
    assert.deepEqual(await read('deploy'), first)
    await iam.updateUser({ UserName: 'deploy', NewUserName: UserName, NewPath: '/' })
    await gone(iam.getUser({ UserName: 'deploy' }))
    assert.deepEqual(
      [(await read(UserName))?.Arn, (await read(UserName))?.UserId],
      [arn('user/deployer'), first?.UserId],
    )

    await iam.putUserPolicy({ UserName, PolicyName: 'keys', PolicyDocument: text(allow('kms:Decrypt')) })
    assert.deepEqual(
      decodedDocument((await iam.getUserPolicy({ UserName, PolicyName: 'keys' })).PolicyDocument),
      allow('kms:Decrypt'),
    )
    await iam.attachUserPolicy({ UserName, PolicyArn: 'arn:aws:iam::aws:policy/ReadOnlyAccess' })
    const { AttachedPolicies } = await iam.listAttachedUserPolicies({ UserName })
    assert.equal(AttachedPolicies?.[0]?.PolicyArn, 'arn:aws:iam::aws:policy/ReadOnlyAccess')
  })

  test('an access key is created, found in the list, deactivated and activated', async () => {
    const { AccessKey } = await iam.createAccessKey({ UserName })
    const AccessKeyId = AccessKey?.AccessKeyId
    const status = async () => {
      for await (const page of paginateListAccessKeys({ client: iam }, { UserName })) {
        const found = page.AccessKeyMetadata?.find((key) => key.AccessKeyId === AccessKeyId)
        if (found !== undefined) return found.Status
      }
      return undefined
    }
    assert.equal(await status(), 'Active')
    await iam.updateAccessKey({ UserName, AccessKeyId, Status: 'Inactive' })
    assert.equal(await status(), 'Inactive')
    await iam.updateAccessKey({ UserName, AccessKeyId, Status: 'Active' })
    assert.equal(await status(), 'Active')
  })

  test('a group has its policy and its members', async () => {
    const GroupName = 'developers'
    await iam.createGroup({ GroupName, Path: '/teams/' })
    await iam.putGroupPolicy({ GroupName, PolicyName: 'p', PolicyDocument: text(allow('kms:ListKeys')) })
    await iam.attachGroupPolicy({ GroupName, PolicyArn: 'arn:aws:iam::aws:policy/ReadOnlyAccess' })
    await iam.addUserToGroup({ GroupName, UserName })
    const { Group, Users } = await iam.getGroup({ GroupName })
    assert.deepEqual(
      [Group?.Arn, Users?.map((user) => user.UserName)],
      [arn('group/teams/developers'), [UserName]],
    )
    assert.deepEqual(
      decodedDocument((await iam.getGroupPolicy({ GroupName, PolicyName: 'p' })).PolicyDocument),
      allow('kms:ListKeys'),
    )
    const { Groups } = await iam.listGroupsForUser({ UserName })
    assert.equal(Groups?.[0]?.GroupName, GroupName)
    const attached = await iam.listAttachedGroupPolicies({ GroupName })
    assert.equal(attached.AttachedPolicies?.length, 1)
    await iam.updateGroup({ GroupName, NewGroupName: 'engineers' })
    assert.equal((await iam.getGroup({ GroupName: 'engineers' })).Group?.GroupId, Group?.GroupId)
    await gone(iam.getGroup({ GroupName }))
  })

  test('force_destroy asks for all that a user can have, takes it away and deletes the user', async () => {
    const { VirtualMFADevice } = await iam.createVirtualMFADevice({ VirtualMFADeviceName: 'unused' })
    for (const { GroupName } of (await iam.listGroupsForUser({ UserName })).Groups ?? []) {
      await iam.removeUserFromGroup({ UserName, GroupName })
    }
    for (const { AccessKeyId } of (await iam.listAccessKeys({ UserName })).AccessKeyMetadata ?? []) {
      await iam.deleteAccessKey({ UserName, AccessKeyId })
    }
    assert.deepEqual((await iam.listSSHPublicKeys({ UserName })).SSHPublicKeys, [])
    const { VirtualMFADevices } = await iam.listVirtualMFADevices({ AssignmentStatus: 'Any' })
    assert.deepEqual(
      VirtualMFADevices?.map(({ SerialNumber, User }) => [SerialNumber, User]),
      [[VirtualMFADevice?.SerialNumber, undefined]],
    )
    assert.deepEqual((await iam.listMFADevices({ UserName })).MFADevices, [])
    await gone(iam.deleteLoginProfile({ UserName }))
    assert.deepEqual((await iam.listSigningCertificates({ UserName })).Certificates, [])
    assert.deepEqual((await iam.listServiceSpecificCredentials({ UserName })).ServiceSpecificCredentials, [])
    for (const PolicyName of (await iam.listUserPolicies({ UserName })).PolicyNames ?? []) {
      await iam.deleteUserPolicy({ UserName, PolicyName })
    }
    for (const { PolicyArn } of (await iam.listAttachedUserPolicies({ UserName })).AttachedPolicies ?? []) {
      await iam.detachUserPolicy({ UserName, PolicyArn })
    }
    await iam.deleteUser({ UserName })
    await gone(iam.getUser({ UserName }))
    await gone(iam.deleteUser({ UserName }))
    await gone(iam.listAccessKeys({ UserName }))
  })
})
