import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { IAM } from '@aws-sdk/client-iam'
import {
  assertRefusedWith,
  iamClient,
  newUser,
  policyOf,
  sessionCredentials,
  stsClient,
} from '../identity-clients.ts'
import { kmsClient, newKey } from '../kms-client.ts'
import { startServer, type Credentials, type ServerProcess } from '../server-process.ts'

const ACCOUNT = '111122223333'
const Plaintext = Buffer.from('x')
const everything = policyOf({ Effect: 'Allow', Action: '*', Resource: '*' })
const anything = JSON.stringify(everything)
const iamArn = (what: string) => `arn:aws:iam::${ACCOUNT}:${what}`
const allow = (Action: string | string[], Resource: string | string[] = '*', Condition?: object) => ({
  Effect: 'Allow',
  Action,
  Resource,
  ...(Condition && { Condition }),
})

let server: ServerProcess
let iam: IAM
let keyId: string
before(async () => {
  server = await startServer({ env: { KEYWRIGHT_ACCOUNT_ID: ACCOUNT } })
  iam = iamClient(server)
  keyId = (await newKey(kmsClient(server))).id
})
after(() => server.stop())

const mayEncrypt = (credentials: Credentials & { sessionToken?: string }) =>
  kmsClient(server, { credentials })
    .encrypt({ KeyId: keyId, Plaintext })
    .then(
      () => true,
      (error: Error) => {
        assert.equal(error.name, 'AccessDeniedException')
        return false
      },
    )
const denied = (call: Promise<unknown>, text?: RegExp) => assertRefusedWith(call, 'AccessDenied', 403, text)

async function boundedBy(name: string, ...statements: object[]): Promise<string> {
  const { Policy } = await iam.createPolicy({
    PolicyName: name,
    PolicyDocument: JSON.stringify(policyOf(...statements)),
  })
  return Policy?.Arn ?? ''
}

describe('a user that may write its own policies', () => {
  test('stays within its boundary, whatever it writes, and cannot take it off', async () => {
    const boundary = await boundedBy('limit', allow(['iam:*', 'kms:ListKeys']))
    const credentials = await newUser(
      iam,
      'bounded',
      policyOf(allow(['iam:PutUserPolicy', 'iam:AttachUserPolicy', 'iam:CreatePolicy', 'kms:*'])),
    )
    await iam.putUserPermissionsBoundary({ UserName: 'bounded', PermissionsBoundary: boundary })
    const own = iamClient(server, credentials)
    await own.putUserPolicy({ UserName: 'bounded', PolicyName: 'more', PolicyDocument: anything })
    await own.attachUserPolicy({
      UserName: 'bounded',
      PolicyArn: 'arn:aws:iam::aws:policy/AdministratorAccess',
    })
    assert.equal(await mayEncrypt(credentials), false)
    // By now its policies allow everything of IAM, and the boundary all of it: an administrator must leave that out.
    const narrow = await boundedBy('narrow', allow(['iam:PutUserPolicy', 'iam:AttachUserPolicy']))
    await iam.putUserPermissionsBoundary({ UserName: 'bounded', PermissionsBoundary: narrow })
    await denied(own.deleteUserPermissionsBoundary({ UserName: 'bounded' }), /permissions boundary/)
    await denied(
      own.putUserPermissionsBoundary({
        UserName: 'bounded',
        PermissionsBoundary: 'arn:aws:iam::aws:policy/AdministratorAccess',
      }),
    )
    await denied(own.createPolicyVersion({ PolicyArn: narrow, PolicyDocument: anything, SetAsDefault: true }))
    await denied(own.deletePolicy({ PolicyArn: narrow }))
    await denied(own.createUser({ UserName: 'bounded-friend' }))
    await denied(own.createAccessKey({ UserName: 'bounded' }))
    assert.equal(await mayEncrypt(credentials), false)
  })

  test('that must give others its boundary cannot make any without', async () => {
    const boundary = await boundedBy('handed-on', allow(['kms:ListKeys']))
    const credentials = await newUser(
      iam,
      'delegate',
      policyOf(
        allow(['iam:CreateUser', 'iam:PutUserPermissionsBoundary', 'iam:PutUserPolicy'], '*', {
          StringEquals: { 'iam:PermissionsBoundary': boundary },
        }),
        allow('iam:CreateAccessKey'),
      ),
    )
    const delegate = iamClient(server, credentials)
    await denied(delegate.createUser({ UserName: 'free' }))
    await denied(
      delegate.createUser({
        UserName: 'free',
        PermissionsBoundary: 'arn:aws:iam::aws:policy/AdministratorAccess',
      }),
    )
    await delegate.createUser({ UserName: 'held', PermissionsBoundary: boundary })
    await delegate.putUserPolicy({ UserName: 'held', PolicyName: 'all', PolicyDocument: anything })
    const { AccessKey } = await delegate.createAccessKey({ UserName: 'held' })
    assert.ok(AccessKey?.AccessKeyId && AccessKey.SecretAccessKey)
    const held = { accessKeyId: AccessKey.AccessKeyId, secretAccessKey: AccessKey.SecretAccessKey }
    assert.equal(await mayEncrypt(held), false)
    // One that has no boundary is not its to write to.
    await newUser(iam, 'unbounded')
    await denied(
      delegate.putUserPolicy({ UserName: 'unbounded', PolicyName: 'all', PolicyDocument: anything }),
    )
  })
})

/** Each way that is known to more than one has, with exactly the permission before it and without its effect. */
const ways: Readonly<Record<string, (by: IAM, name: string) => Promise<unknown>>> = {
  'iam:PutUserPolicy': (by, UserName) =>
    by.putUserPolicy({ UserName, PolicyName: 'more', PolicyDocument: anything }),
  'iam:AttachUserPolicy': (by, UserName) =>
    by.attachUserPolicy({ UserName, PolicyArn: 'arn:aws:iam::aws:policy/AdministratorAccess' }),
  'iam:AddUserToGroup': (by, UserName) => by.addUserToGroup({ UserName, GroupName: 'administrators' }),
  'iam:PutGroupPolicy': (by) =>
    by.putGroupPolicy({ GroupName: 'everybody', PolicyName: 'more', PolicyDocument: anything }),
  'iam:AttachGroupPolicy': (by) =>
    by.attachGroupPolicy({
      GroupName: 'everybody',
      PolicyArn: 'arn:aws:iam::aws:policy/AdministratorAccess',
    }),
  'iam:CreatePolicyVersion': (by) =>
    by.createPolicyVersion({
      PolicyArn: iamArn('policy/of-everybody'),
      PolicyDocument: anything,
      SetAsDefault: true,
    }),
  'iam:SetDefaultPolicyVersion': (by) =>
    by.setDefaultPolicyVersion({ PolicyArn: iamArn('policy/of-everybody'), VersionId: 'v2' }),
  'iam:CreateAccessKey': (by) => by.createAccessKey({ UserName: 'administrator' }),
  'iam:UpdateAssumeRolePolicy': (by, name) =>
    by.updateAssumeRolePolicy({
      RoleName: 'powerful',
      PolicyDocument: JSON.stringify(
        policyOf({ Effect: 'Allow', Principal: { AWS: iamArn(`user/${name}`) }, Action: 'sts:AssumeRole' }),
      ),
    }),
  'iam:PutRolePolicy': (by) =>
    by.putRolePolicy({ RoleName: 'powerful', PolicyName: 'more', PolicyDocument: anything }),
  'iam:UpdateUser': (by, UserName) => by.updateUser({ UserName, NewUserName: `${UserName}-renamed` }),
  'iam:TagUser': (by, UserName) => by.tagUser({ UserName, Tags: [{ Key: 'role', Value: 'administrator' }] }),
  'iam:UpdateAccessKey': (by) =>
    by.updateAccessKey({ UserName: 'administrator', AccessKeyId: 'AKIAIOSFODNN7EXAMPLE', Status: 'Active' }),
  'iam:CreateOpenIDConnectProvider': (by) =>
    by.createOpenIDConnectProvider({ Url: 'https://issuer.example', ClientIDList: ['a'] }),
  'iam:CreateRole': (by, name) =>
    by.createRole({
      RoleName: `role-of-${name}`,
      AssumeRolePolicyDocument: JSON.stringify(
        policyOf({ Effect: 'Allow', Principal: { AWS: iamArn(`user/${name}`) }, Action: 'sts:AssumeRole' }),
      ),
    }),
}

describe('who has every permission of IAM but one', () => {
  before(async () => {
    await newUser(iam, 'administrator', everything)
    for (const GroupName of ['administrators', 'everybody']) await iam.createGroup({ GroupName })
    await iam.putGroupPolicy({
      GroupName: 'administrators',
      PolicyName: 'all',
      PolicyDocument: anything,
    })
    await boundedBy('of-everybody', allow('kms:ListKeys'))
    await iam.createPolicyVersion({ PolicyArn: iamArn('policy/of-everybody'), PolicyDocument: anything })
    await iam.createRole({
      RoleName: 'powerful',
      AssumeRolePolicyDocument: JSON.stringify(
        policyOf({
          Effect: 'Allow',
          Principal: { AWS: iamArn('user/administrator') },
          Action: 'sts:AssumeRole',
        }),
      ),
    })
    await iam.putRolePolicy({ RoleName: 'powerful', PolicyName: 'all', PolicyDocument: anything })
  })

  for (const [action, way] of Object.entries(ways)) {
    test(`cannot go the way of ${action}`, async () => {
      const name = `without-${action.slice(4)}`
      const credentials = await newUser(
        iam,
        name,
        policyOf({ Effect: 'Allow', NotAction: [action, 'kms:*'], Resource: '*' }),
      )
      await iam.addUserToGroup({ UserName: name, GroupName: 'everybody' })
      await iam.attachUserPolicy({ UserName: name, PolicyArn: iamArn('policy/of-everybody') })
      await denied(
        way(iamClient(server, credentials), name),
        new RegExp(`is not authorized to perform: ${action} on resource: `),
      )
      assert.equal(await mayEncrypt(credentials), false)
    })
  }

  test('cannot act on another resource than the one that its policy names', async () => {
    const credentials = await newUser(
      iam,
      'self-service',
      policyOf(allow('iam:*AccessKey*', iamArn('user/${aws:username}'))),
    )
    const own = iamClient(server, credentials)
    assert.equal((await own.listAccessKeys({ UserName: 'self-service' })).AccessKeyMetadata?.length, 1)
    for (const UserName of ['administrator', 'Administrator', 'self-service2']) {
      await denied(own.createAccessKey({ UserName }))
      await denied(own.listAccessKeys({ UserName }))
    }
    await denied(
      own.updateAccessKey({
        UserName: 'administrator',
        AccessKeyId: 'AKIAIOSFODNN7EXAMPLE',
        Status: 'Inactive',
      }),
    )
  })

  test('is denied a name in whatever case it writes it', async () => {
    const credentials = await newUser(
      iam,
      'all-but-one',
      policyOf(allow('iam:*'), { Effect: 'Deny', Action: 'iam:*', Resource: iamArn('user/administrator') }),
    )
    const own = iamClient(server, credentials)
    for (const UserName of ['administrator', 'Administrator', 'ADMINISTRATOR'])
      await denied(own.createAccessKey({ UserName }))
  })

  test('gains nothing by a name that holds what policies take for a variable or a wildcard', async () => {
    const { accessKeyId, secretAccessKey } = await newUser(
      iam,
      'a+b=c,d.e@f-g_h',
      policyOf(allow('iam:GetUser', iamArn('user/${aws:username}'))),
    )
    const own = iamClient(server, { accessKeyId, secretAccessKey })
    assert.equal((await own.getUser({ UserName: 'a+b=c,d.e@f-g_h' })).User?.UserName, 'a+b=c,d.e@f-g_h')
    for (const UserName of ['*', 'user?', '${aws:username}', 'a/b']) {
      await assert.rejects(iam.createUser({ UserName }), { name: /ValidationError|ServiceException|Error/ })
    }
    await denied(own.getUser({ UserName: 'administrator' }))
  })
})

describe('a session', () => {
  test('does what its session policy leaves of the role, also by way of other roles and of grants', async () => {
    const worker = await newUser(iam, 'session-maker')
    const trust = (Principal: object) =>
      JSON.stringify(policyOf({ Effect: 'Allow', Principal, Action: 'sts:AssumeRole' }))
    await iam.createRole({
      RoleName: 'first',
      AssumeRolePolicyDocument: trust({ AWS: iamArn('user/session-maker') }),
    })
    await iam.putRolePolicy({ RoleName: 'first', PolicyName: 'all', PolicyDocument: anything })
    await iam.createRole({
      RoleName: 'second',
      AssumeRolePolicyDocument: trust({ AWS: `arn:aws:iam::${ACCOUNT}:root` }),
    })
    await iam.putRolePolicy({ RoleName: 'second', PolicyName: 'all', PolicyDocument: anything })
    const { Credentials } = await stsClient(server, worker).assumeRole({
      RoleArn: iamArn('role/first'),
      RoleSessionName: 'less',
      Policy: JSON.stringify(policyOf(allow('kms:ListKeys'))),
    })
    const less = sessionCredentials(Credentials)
    await kmsClient(server, { credentials: less }).listKeys({})
    assert.equal(await mayEncrypt(less), false)
    await denied(
      stsClient(server, less).assumeRole({ RoleArn: iamArn('role/second'), RoleSessionName: 'more' }),
      /session policy/,
    )
    await denied(
      iamClient(server, less).putRolePolicy({ RoleName: 'first', PolicyName: 'x', PolicyDocument: anything }),
    )
    await kmsClient(server).createGrant({
      KeyId: keyId,
      GranteePrincipal: iamArn('role/first'),
      Operations: ['Encrypt'],
    })
    assert.equal(await mayEncrypt(less), false)
  })

  test('of GetSessionToken without a second factor calls nothing of IAM', async () => {
    const credentials = await newUser(iam, 'all-of-it', everything)
    const { Credentials } = await stsClient(server, credentials).getSessionToken({})
    const session = iamClient(server, sessionCredentials(Credentials))
    await assert.rejects(session.createUser({ UserName: 'by-session' }))
    await assert.rejects(session.createAccessKey({ UserName: 'administrator' }))
    await assert.rejects(iam.getUser({ UserName: 'by-session' }), { name: 'NoSuchEntityException' })
  })
})
