import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { IAM, type GetAccountAuthorizationDetailsCommandOutput } from '@aws-sdk/client-iam'
import { STS } from '@aws-sdk/client-sts'
import { kmsClient, newKey } from '../kms-client.ts'
import { startServer, type Credentials, type ServerProcess } from '../server-process.ts'

const ACCOUNT = '111122223333'

/** What the SDK makes of a refused call. */
async function refusalOf(
  call: Promise<unknown>,
): Promise<{ name: string; message: string; httpStatus: unknown }> {
  const answered = Symbol('answered')
  const outcome: unknown = await call.then(
    () => answered,
    (error: unknown) => error,
  )
  assert.ok(outcome instanceof Error, 'answered, where a refusal was expected')
  const { $metadata } = outcome as { $metadata?: { httpStatusCode?: number } }
  return { name: outcome.name, message: outcome.message, httpStatus: $metadata?.httpStatusCode }
}

const arnOf = (resource: string) => `arn:aws:iam::${ACCOUNT}:${resource}`
const policyOf = (...statements: object[]) => JSON.stringify({ Version: '2012-10-17', Statement: statements })
const allow = (Action: string | string[], Resource = '*') => policyOf({ Effect: 'Allow', Action, Resource })
const trust = (AWS: string) => policyOf({ Effect: 'Allow', Principal: { AWS }, Action: 'sts:AssumeRole' })

describe('IAM with the AWS SDK', () => {
  let server: ServerProcess
  let iam: IAM

  before(async () => {
    server = await startServer({ env: { KEYWRIGHT_ACCOUNT_ID: ACCOUNT } })
    iam = iamOf(server.credentials)
  })
  after(() => server.stop())

  const iamOf = (credentials: Credentials & { sessionToken?: string }) =>
    new IAM({ endpoint: server.url, region: 'us-east-1', credentials, maxAttempts: 1 })

  /** A new user with one access key. */
  async function newUser(UserName: string, document?: string) {
    const { User } = await iam.createUser({ UserName })
    if (document !== undefined) {
      await iam.putUserPolicy({ UserName, PolicyName: 'inline', PolicyDocument: document })
    }
    const { AccessKey } = await iam.createAccessKey({ UserName })
    assert.ok(User?.UserId && AccessKey?.AccessKeyId && AccessKey.SecretAccessKey)
    const { AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey } = AccessKey
    return { userId: User.UserId, credentials: { accessKeyId, secretAccessKey } }
  }

  const refusal = async (work: Promise<unknown>) => {
    const { name, message, httpStatus } = await refusalOf(work)
    return [name, httpStatus, message]
  }

  test('a user is made, shown, listed, renamed and deleted', async () => {
    const { User } = await iam.createUser({
      UserName: 'Anna',
      Path: '/team/',
      Tags: [{ Key: 'cost', Value: '1' }],
    })
    assert.match(User?.UserId ?? '', /^AIDA[A-Z2-7]{17}$/)
    assert.equal(User?.Arn, arnOf('user/team/Anna'))
    assert.deepEqual(User?.Tags, [{ Key: 'cost', Value: '1' }])
    assert.equal(User?.CreateDate?.getMilliseconds(), 0)

    assert.deepEqual((await iam.getUser({ UserName: 'anna' })).User, User)
    const { Users } = await iam.listUsers({ PathPrefix: '/team/' })
    assert.deepEqual(
      Users?.map(({ Arn, Tags }) => [Arn, Tags]),
      [[User?.Arn, undefined]],
    )

    assert.deepEqual(await refusal(iam.createUser({ UserName: 'ANNA' })), [
      'EntityAlreadyExistsException',
      409,
      'User with name ANNA already exists.',
    ])
    assert.deepEqual(await refusal(iam.createUser({ UserName: 'an na' })), [
      'ValidationError',
      400,
      'The specified value for userName is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-',
    ])
    await iam.updateUser({ UserName: 'Anna', NewUserName: 'Anne', NewPath: '/' })
    assert.equal((await iam.getUser({ UserName: 'Anne' })).User?.UserId, User?.UserId)
    await iam.deleteUser({ UserName: 'Anne' })
    assert.deepEqual(await refusal(iam.getUser({ UserName: 'Anne' })), [
      'NoSuchEntityException',
      404,
      'The user with name Anne cannot be found.',
    ])
  })

  test('a user is not deleted before everything that hangs on it', async () => {
    const UserName = 'hung'
    const { credentials } = await newUser(UserName, allow('kms:*'))
    await iam.attachUserPolicy({ UserName, PolicyArn: 'arn:aws:iam::aws:policy/ReadOnlyAccess' })
    await iam.createGroup({ GroupName: 'crowd' })
    await iam.addUserToGroup({ UserName, GroupName: 'crowd' })
    const conflict = async (work: Promise<unknown>, what: string) => {
      assert.deepEqual(await refusal(work), ['DeleteConflictException', 409, `Cannot delete entity, ${what}`])
    }
    await conflict(iam.deleteUser({ UserName }), 'must delete access keys first.')
    await iam.deleteAccessKey({ UserName, AccessKeyId: credentials.accessKeyId })
    await conflict(iam.deleteUser({ UserName }), 'must remove users from group first.')
    await conflict(iam.deleteGroup({ GroupName: 'crowd' }), 'must remove users from group first.')
    await iam.removeUserFromGroup({ UserName, GroupName: 'crowd' })
    await conflict(iam.deleteUser({ UserName }), 'must delete policies first.')
    await iam.deleteUserPolicy({ UserName, PolicyName: 'inline' })
    await conflict(iam.deleteUser({ UserName }), 'must detach all policies first.')
    await iam.detachUserPolicy({ UserName, PolicyArn: 'arn:aws:iam::aws:policy/ReadOnlyAccess' })
    await iam.deleteUser({ UserName })
    await iam.deleteGroup({ GroupName: 'crowd' })
  })

  test('policy documents come back URL-encoded and otherwise as they were put', async () => {
    const UserName = 'documents'
    const document = `{ "Version": "2012-10-17",\n  "Statement": [{"Effect":"Allow","Action":"kms:*","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalTag/a":"b (c)!*'ü"}}}] }`
    await iam.createUser({ UserName })
    await iam.putUserPolicy({ UserName, PolicyName: 'p', PolicyDocument: document })
    const { PolicyDocument } = await iam.getUserPolicy({ UserName, PolicyName: 'p' })
    assert.match(PolicyDocument ?? '', /^[A-Za-z0-9%._~-]+$/)
    assert.equal(decodeURIComponent(PolicyDocument ?? ''), document)
    assert.deepEqual((await iam.listUserPolicies({ UserName })).PolicyNames, ['p'])
    assert.deepEqual(await refusal(iam.getUserPolicy({ UserName, PolicyName: 'q' })), [
      'NoSuchEntityException',
      404,
      'The user policy with name q cannot be found.',
    ])
    const [name, status] = await refusal(
      iam.putUserPolicy({ UserName, PolicyName: 'q', PolicyDocument: '{"Statement":[{"Effect":"Maybe"}]}' }),
    )
    assert.deepEqual([name, status], ['MalformedPolicyDocumentException', 400])
  })

  test('a user may do what its own, its managed and its groups’ policies allow, at once', async () => {
    const { credentials } = await newUser('worker')
    const kms = kmsClient(server, { credentials })
    const KeyId = (await newKey(kmsClient(server))).id
    const Plaintext = Buffer.from('x')
    const encrypts = () =>
      kms.encrypt({ KeyId, Plaintext }).then(
        () => true,
        () => false,
      )
    assert.equal(await encrypts(), false)

    const { Policy } = await iam.createPolicy({
      PolicyName: 'encrypts',
      PolicyDocument: allow('kms:Encrypt'),
    })
    const PolicyArn = Policy?.Arn ?? ''
    assert.equal(PolicyArn, arnOf('policy/encrypts'))
    await iam.attachUserPolicy({ UserName: 'worker', PolicyArn })
    assert.equal(await encrypts(), true)

    await iam.createPolicyVersion({ PolicyArn, PolicyDocument: allow('kms:Decrypt'), SetAsDefault: true })
    assert.equal(await encrypts(), false)
    await iam.setDefaultPolicyVersion({ PolicyArn, VersionId: 'v1' })
    assert.equal(await encrypts(), true)
    await iam.detachUserPolicy({ UserName: 'worker', PolicyArn })
    assert.equal(await encrypts(), false)

    await iam.createGroup({ GroupName: 'workers' })
    await iam.addUserToGroup({ GroupName: 'workers', UserName: 'worker' })
    await iam.attachGroupPolicy({ GroupName: 'workers', PolicyArn })
    assert.equal(await encrypts(), true)

    await iam.putUserPermissionsBoundary({
      UserName: 'worker',
      PermissionsBoundary: 'arn:aws:iam::aws:policy/IAMFullAccess',
    })
    assert.equal(await encrypts(), false)
    await iam.deleteUserPermissionsBoundary({ UserName: 'worker' })
    assert.equal(await encrypts(), true)
    await iam.removeUserFromGroup({ GroupName: 'workers', UserName: 'worker' })
    assert.equal(await encrypts(), false)
  })

  test('an access key that is disabled or deleted, and a user that is deleted, sign nothing more', async () => {
    const { credentials } = await newUser('leaver', allow('kms:*'))
    const kms = kmsClient(server, { credentials })
    const { accessKeyId: AccessKeyId } = credentials
    await kms.listKeys({})
    await iam.updateAccessKey({ UserName: 'leaver', AccessKeyId, Status: 'Inactive' })
    assert.equal((await refusalOf(kms.listKeys({}))).name, 'UnrecognizedClientException')
    assert.deepEqual(await refusal(iamOf(credentials).getUser({})), [
      'InvalidClientTokenId',
      403,
      'The security token included in the request is invalid.',
    ])
    await iam.updateAccessKey({ UserName: 'leaver', AccessKeyId, Status: 'Active' })
    await kms.listKeys({})
    await iam.deleteAccessKey({ UserName: 'leaver', AccessKeyId })
    assert.equal((await refusalOf(kms.listKeys({}))).name, 'UnrecognizedClientException')
  })

  test('a user has two access keys, and one says when it was last used', async () => {
    const { credentials } = await newUser('keys', allow('*'))
    const own = iamOf(credentials)
    assert.equal((await own.getUser({})).User?.UserName, 'keys')
    await own.createAccessKey({})
    assert.deepEqual(await refusal(own.createAccessKey({})), [
      'LimitExceededException',
      409,
      'Cannot exceed quota for AccessKeysPerUser: 2',
    ])
    const { AccessKeyMetadata } = await own.listAccessKeys({})
    assert.equal(AccessKeyMetadata?.length, 2)
    for (const { AccessKeyId, UserName } of AccessKeyMetadata ?? []) {
      assert.equal(UserName, 'keys')
      const { AccessKeyLastUsed } = await iam.getAccessKeyLastUsed({ AccessKeyId })
      const used = AccessKeyId === credentials.accessKeyId
      assert.equal(AccessKeyLastUsed?.ServiceName, used ? 'iam' : 'N/A')
      assert.equal(AccessKeyLastUsed?.LastUsedDate instanceof Date, used)
    }
  })

  test('a refusal names the caller, the action and the resource', async () => {
    const { credentials } = await newUser('stranger')
    const own = iamOf(credentials)
    assert.deepEqual(await refusal(own.createUser({ UserName: 'x', Path: '/p/' })), [
      'AccessDenied',
      403,
      `User: ${arnOf('user/stranger')} is not authorized to perform: iam:CreateUser on resource: ${arnOf('user/p/x')} ` +
        'because no identity-based policy allows the iam:CreateUser action',
    ])
    await iam.putUserPolicy({
      UserName: 'stranger',
      PolicyName: 'some',
      PolicyDocument: policyOf(
        {
          Effect: 'Allow',
          Action: 'iam:AttachUserPolicy',
          Resource: '*',
          Condition: { ArnEquals: { 'iam:PolicyARN': 'arn:aws:iam::aws:policy/ReadOnlyAccess' } },
        },
        {
          Effect: 'Allow',
          Action: ['iam:CreateUser', 'iam:TagUser'],
          Resource: '*',
          Condition: { StringEquals: { 'aws:RequestTag/team': 'red' } },
        },
      ),
    })
    const UserName = 'stranger'
    await own.attachUserPolicy({ UserName, PolicyArn: 'arn:aws:iam::aws:policy/ReadOnlyAccess' })
    const [name] = await refusal(
      own.attachUserPolicy({ UserName, PolicyArn: 'arn:aws:iam::aws:policy/AdministratorAccess' }),
    )
    assert.equal(name, 'AccessDenied')
    await own.createUser({ UserName: 'red', Tags: [{ Key: 'team', Value: 'red' }] })
    assert.equal((await refusal(own.createUser({ UserName: 'blue' })))[0], 'AccessDenied')
  })

  test('a role is made, changed and deleted, and its trust policy is bound to those who are there', async () => {
    const { userId } = await newUser('trusted')
    const RoleName = 'Operator'
    assert.deepEqual(
      await refusal(iam.createRole({ RoleName, AssumeRolePolicyDocument: trust(arnOf('user/nobody')) })),
      [
        'MalformedPolicyDocumentException',
        400,
        `Invalid principal in policy: "AWS":"${arnOf('user/nobody')}"`,
      ],
    )
    const AssumeRolePolicyDocument = trust(arnOf('user/trusted'))
    const { Role } = await iam.createRole({
      RoleName,
      Path: '/ops/',
      AssumeRolePolicyDocument,
      Description: 'd',
    })
    assert.match(Role?.RoleId ?? '', /^AROA[A-Z2-7]{17}$/)
    assert.equal(Role?.Arn, arnOf('role/ops/Operator'))
    assert.equal(Role?.MaxSessionDuration, 3600)
    const shown = async () =>
      decodeURIComponent((await iam.getRole({ RoleName })).Role?.AssumeRolePolicyDocument ?? '')
    assert.equal(await shown(), AssumeRolePolicyDocument)

    await iam.updateRole({ RoleName, Description: '', MaxSessionDuration: 7200 })
    const read = (await iam.getRole({ RoleName })).Role
    assert.deepEqual([read?.Description, read?.MaxSessionDuration], ['', 7200])
    await iam.updateRole({ RoleName, Description: 'an hour again' })
    assert.equal((await iam.getRole({ RoleName })).Role?.MaxSessionDuration, 3600)

    // One who comes back under the same name is somebody else.
    const { AccessKeyMetadata = [] } = await iam.listAccessKeys({ UserName: 'trusted' })
    for (const { AccessKeyId } of AccessKeyMetadata)
      await iam.deleteAccessKey({ UserName: 'trusted', AccessKeyId })
    await iam.deleteUser({ UserName: 'trusted' })
    await iam.createUser({ UserName: 'trusted' })
    assert.equal(await shown(), AssumeRolePolicyDocument.replace(arnOf('user/trusted'), userId))
    await iam.updateAssumeRolePolicy({ RoleName, PolicyDocument: AssumeRolePolicyDocument })
    assert.equal(await shown(), AssumeRolePolicyDocument)
    await iam.deleteRole({ RoleName })
  })

  test('a deleted role ends its sessions at once', async () => {
    const RoleName = 'brief'
    const { credentials } = await newUser('assumes', allow('sts:AssumeRole'))
    await iam.createRole({ RoleName, AssumeRolePolicyDocument: trust(ACCOUNT) })
    await iam.putRolePolicy({ RoleName, PolicyName: 'p', PolicyDocument: allow('kms:*') })
    const sts = new STS({ endpoint: server.url, region: 'us-east-1', credentials, maxAttempts: 1 })
    const { Credentials: session } = await sts.assumeRole({
      RoleArn: arnOf('role/brief'),
      RoleSessionName: 'session',
    })
    assert.ok(session?.AccessKeyId && session.SecretAccessKey && session.SessionToken)
    const kms = kmsClient(server, {
      credentials: {
        accessKeyId: session.AccessKeyId,
        secretAccessKey: session.SecretAccessKey,
        sessionToken: session.SessionToken,
      },
    })
    await kms.listKeys({})
    await iam.deleteRolePolicy({ RoleName, PolicyName: 'p' })
    assert.equal((await refusalOf(kms.listKeys({}))).name, 'AccessDeniedException')
    await iam.deleteRole({ RoleName })
    assert.equal((await refusalOf(kms.listKeys({}))).name, 'UnrecognizedClientException')
  })

  test('a managed policy has five versions, of which the one in force stays', async () => {
    const { Policy } = await iam.createPolicy({
      PolicyName: 'Versions',
      Path: '/p/',
      Description: 'words',
      PolicyDocument: allow('kms:List*'),
    })
    const PolicyArn = Policy?.Arn ?? ''
    assert.match(Policy?.PolicyId ?? '', /^ANPA[A-Z2-7]{17}$/)
    for (let made = 1; made < 5; made++) {
      await iam.createPolicyVersion({ PolicyArn, PolicyDocument: allow(`kms:List${made}`) })
    }
    assert.equal(
      (await refusal(iam.createPolicyVersion({ PolicyArn, PolicyDocument: allow('kms:List') })))[0],
      'LimitExceededException',
    )
    await iam.deletePolicyVersion({ PolicyArn, VersionId: 'v2' })
    await iam.createPolicyVersion({ PolicyArn, PolicyDocument: allow('kms:Get*'), SetAsDefault: true })
    const { Versions } = await iam.listPolicyVersions({ PolicyArn })
    assert.deepEqual(
      Versions?.map(({ VersionId, IsDefaultVersion }) => [VersionId, IsDefaultVersion]),
      [
        ['v6', true],
        ['v5', false],
        ['v4', false],
        ['v3', false],
        ['v1', false],
      ],
    )
    const { PolicyVersion } = await iam.getPolicyVersion({ PolicyArn, VersionId: 'v6' })
    assert.equal(decodeURIComponent(PolicyVersion?.Document ?? ''), allow('kms:Get*'))
    assert.deepEqual(await refusal(iam.deletePolicyVersion({ PolicyArn, VersionId: 'v6' })), [
      'DeleteConflictException',
      409,
      'Cannot delete the default version of a policy.',
    ])
    const read = (await iam.getPolicy({ PolicyArn })).Policy
    assert.deepEqual(
      [read?.DefaultVersionId, read?.Description, read?.AttachmentCount, read?.IsAttachable],
      ['v6', 'words', 0, true],
    )
    assert.equal((await refusal(iam.deletePolicy({ PolicyArn })))[0], 'DeleteConflictException')
    for (const VersionId of ['v1', 'v3', 'v4', 'v5']) await iam.deletePolicyVersion({ PolicyArn, VersionId })
    await iam.createGroup({ GroupName: 'holders' })
    await iam.attachGroupPolicy({ GroupName: 'holders', PolicyArn })
    const entities = await iam.listEntitiesForPolicy({ PolicyArn })
    assert.deepEqual(
      [entities.PolicyGroups?.map(({ GroupName }) => GroupName), entities.PolicyUsers, entities.PolicyRoles],
      [['holders'], [], []],
    )
    assert.deepEqual(await refusal(iam.deletePolicy({ PolicyArn })), [
      'DeleteConflictException',
      409,
      'Cannot delete a policy attached to entities.',
    ])
    await iam.detachGroupPolicy({ GroupName: 'holders', PolicyArn })
    await iam.deletePolicy({ PolicyArn })
    assert.deepEqual(await refusal(iam.getPolicy({ PolicyArn })), [
      'NoSuchEntityException',
      404,
      `Policy ${PolicyArn} was not found.`,
    ])
  })

  test('AWS’s managed policies are there to be attached, and nobody changes them', async () => {
    const { Policies = [] } = await iam.listPolicies({ Scope: 'AWS' })
    assert.ok(Policies.some(({ PolicyName }) => PolicyName === 'AdministratorAccess'))
    const PolicyArn = 'arn:aws:iam::aws:policy/AdministratorAccess'
    const { PolicyVersion } = await iam.getPolicyVersion({ PolicyArn, VersionId: 'v1' })
    assert.deepEqual(JSON.parse(decodeURIComponent(PolicyVersion?.Document ?? '')), {
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }],
    })
    await assert.rejects(iam.deletePolicy({ PolicyArn }))
  })

  test('what no policy may be is refused with its size or its grammar', async () => {
    const UserName = 'sizes'
    await iam.createUser({ UserName })
    const long = allow(Array.from({ length: 200 }, (_, at) => `kms:Action${at}`))
    assert.deepEqual(await refusal(iam.putUserPolicy({ UserName, PolicyName: 'p', PolicyDocument: long })), [
      'LimitExceededException',
      409,
      'Maximum policy size of 2048 bytes exceeded for user sizes',
    ])
    const longer = allow(Array.from({ length: 500 }, (_, at) => `kms:Action${at}`))
    assert.deepEqual(await refusal(iam.createPolicy({ PolicyName: 'p', PolicyDocument: longer })), [
      'LimitExceededException',
      409,
      'Cannot exceed quota for PolicySize: 6144',
    ])
    // It is not even read, so what else is wrong with it is not told.
    const unread = 'x'.repeat(11_000)
    const AssumeRolePolicyDocument = unread
    for (const call of [
      () => iam.putUserPolicy({ UserName, PolicyName: 'p', PolicyDocument: unread }),
      () => iam.createPolicy({ PolicyName: 'p', PolicyDocument: unread }),
      () => iam.createRole({ RoleName: 'sizes', AssumeRolePolicyDocument }),
    ]) {
      assert.equal((await refusal(call()))[0], 'LimitExceededException')
    }
    assert.deepEqual(await refusal(iam.attachUserPolicy({ UserName, PolicyArn: arnOf('policy/nothing') })), [
      'NoSuchEntityException',
      404,
      `Policy ${arnOf('policy/nothing')} does not exist or is not attachable.`,
    ])
  })

  test('every list is given page by page, each item once', async () => {
    const names = Array.from({ length: 7 }, (_, at) => `paged-${at}`)
    for (const GroupName of names) await iam.createGroup({ GroupName, Path: '/paged/' })
    const found: string[] = []
    let Marker: string | undefined
    do {
      const page = await iam.listGroups({ PathPrefix: '/paged/', MaxItems: 3, Marker })
      assert.ok((page.Groups?.length ?? 0) <= 3)
      found.push(...(page.Groups ?? []).map(({ GroupName }) => GroupName ?? ''))
      assert.equal(page.IsTruncated, page.Marker !== undefined)
      Marker = page.Marker
    } while (Marker !== undefined)
    assert.deepEqual(found, names)
    assert.deepEqual(await refusal(iam.listGroups({ Marker: 'made-up' })), [
      'ValidationError',
      400,
      'Invalid Marker.',
    ])

    const all: (string | undefined)[] = []
    do {
      const page: GetAccountAuthorizationDetailsCommandOutput = await iam.getAccountAuthorizationDetails({
        MaxItems: 2,
        Marker,
      })
      for (const { Arn } of page.UserDetailList ?? []) all.push(Arn)
      for (const { Arn } of page.GroupDetailList ?? []) all.push(Arn)
      for (const { Arn } of page.RoleDetailList ?? []) all.push(Arn)
      for (const { Arn } of page.Policies ?? []) all.push(Arn)
      Marker = page.Marker
    } while (Marker !== undefined)
    assert.equal(new Set(all).size, all.length)
    assert.ok(names.every((name) => all.includes(arnOf(`group/paged/${name}`))))
  })

  test('tags of users, roles, policies and instance profiles are set, replaced and taken away', async () => {
    await iam.createUser({ UserName: 'tagged', Tags: [{ Key: 'A', Value: '1' }] })
    const tagsOf = async () => (await iam.listUserTags({ UserName: 'tagged' })).Tags
    await iam.tagUser({ UserName: 'tagged', Tags: [{ Key: 'a', Value: '2' }, { Key: 'B', Value: '' }] }) // prettier-ignore
    assert.deepEqual(await tagsOf(), [
      { Key: 'a', Value: '2' },
      { Key: 'B', Value: '' },
    ])
    await iam.untagUser({ UserName: 'tagged', TagKeys: ['A'] })
    assert.deepEqual(await tagsOf(), [{ Key: 'B', Value: '' }])
    assert.deepEqual(
      await refusal(
        iam.tagUser({ UserName: 'tagged', Tags: [{ Key: 'x', Value: '' }, { Key: 'X', Value: '' }] }), // prettier-ignore
      ),
      [
        'InvalidInputException',
        400,
        'Duplicate tag keys found. Please note that Tag keys are case insensitive.',
      ],
    )
    const { Policy } = await iam.createPolicy({ PolicyName: 'tagged', PolicyDocument: allow('kms:*') })
    await iam.tagPolicy({ PolicyArn: Policy?.Arn, Tags: [{ Key: 'k', Value: 'v' }] })
    assert.deepEqual((await iam.listPolicyTags({ PolicyArn: Policy?.Arn })).Tags, [{ Key: 'k', Value: 'v' }])
  })

  test('an instance profile holds one role, which the caller must be allowed to pass', async () => {
    const InstanceProfileName = 'machines'
    const RoleName = 'machine'
    await iam.createRole({
      RoleName,
      AssumeRolePolicyDocument: policyOf({
        Effect: 'Allow',
        Principal: { Service: 'ec2.amazonaws.com' },
        Action: 'sts:AssumeRole',
      }),
    })
    const { InstanceProfile } = await iam.createInstanceProfile({ InstanceProfileName })
    assert.match(InstanceProfile?.InstanceProfileId ?? '', /^AIPA/)
    const { credentials } = await newUser('adds', allow('iam:AddRoleToInstanceProfile'))
    assert.match(
      String(
        (await refusal(iamOf(credentials).addRoleToInstanceProfile({ InstanceProfileName, RoleName })))[2],
      ),
      /is not authorized to perform: iam:PassRole on resource: arn:aws:iam::111122223333:role\/machine/,
    )
    await iam.addRoleToInstanceProfile({ InstanceProfileName, RoleName })
    assert.equal(
      (await refusal(iam.addRoleToInstanceProfile({ InstanceProfileName, RoleName })))[0],
      'LimitExceededException',
    )
    const read = await iam.getInstanceProfile({ InstanceProfileName })
    assert.deepEqual(
      read.InstanceProfile?.Roles?.map((role) => role.RoleName),
      [RoleName],
    )
    const { InstanceProfiles } = await iam.listInstanceProfilesForRole({ RoleName })
    assert.equal(InstanceProfiles?.length, 1)
    assert.equal((await refusal(iam.deleteRole({ RoleName })))[0], 'DeleteConflictException')
    assert.equal(
      (await refusal(iam.deleteInstanceProfile({ InstanceProfileName })))[0],
      'DeleteConflictException',
    )
    await iam.removeRoleFromInstanceProfile({ InstanceProfileName, RoleName })
    await iam.deleteInstanceProfile({ InstanceProfileName })
    await iam.deleteRole({ RoleName })
  })

  test('what a client asks before it deletes a user by force is answered', async () => {
    const UserName = 'forced'
    await iam.createUser({ UserName })
    assert.deepEqual((await iam.listSSHPublicKeys({ UserName })).SSHPublicKeys, [])
    assert.deepEqual((await iam.listSigningCertificates({ UserName })).Certificates, [])
    assert.deepEqual((await iam.listServiceSpecificCredentials({ UserName })).ServiceSpecificCredentials, [])
    assert.deepEqual((await iam.listMFADevices({ UserName })).MFADevices, [])
    assert.deepEqual((await iam.listGroupsForUser({ UserName })).Groups, [])
    // Each begins when the one before has ended: a refusal that nobody waits for yet would fail the test.
    for (const ask of [() => iam.getLoginProfile({ UserName }), () => iam.deleteLoginProfile({ UserName })]) {
      assert.deepEqual(await refusal(ask()), [
        'NoSuchEntityException',
        404,
        'Login Profile for User forced cannot be found.',
      ])
    }
  })

  test('an account has one alias', async () => {
    assert.deepEqual((await iam.listAccountAliases({})).AccountAliases, [])
    await iam.createAccountAlias({ AccountAlias: 'example-corp' })
    assert.deepEqual((await iam.listAccountAliases({})).AccountAliases, ['example-corp'])
    assert.equal(
      (await refusal(iam.deleteAccountAlias({ AccountAlias: 'another' })))[0],
      'NoSuchEntityException',
    )
    await iam.deleteAccountAlias({ AccountAlias: 'example-corp' })
    assert.deepEqual((await iam.listAccountAliases({})).AccountAliases, [])
  })

  test('the summary counts', async () => {
    const before = (await iam.getAccountSummary({})).SummaryMap ?? {}
    await iam.createUser({ UserName: 'counted' })
    const { SummaryMap = {} } = await iam.getAccountSummary({})
    assert.equal(SummaryMap['Users'], (before['Users'] ?? 0) + 1)
    assert.equal(SummaryMap['AccessKeysPerUserQuota'], 2)
  })

  test('the root user is told of itself', async () => {
    const { User } = await iam.getUser({})
    assert.deepEqual([User?.UserId, User?.Arn], [ACCOUNT, arnOf('root')])
  })
})
