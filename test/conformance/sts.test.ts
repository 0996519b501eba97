import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import {
  assertRefusedWith,
  iamClient,
  newUser,
  policyOf,
  sessionCredentials,
  stsClient,
} from '../identity-clients.ts'
import { journalOf } from '../journal-of.ts'
import { kmsClient } from '../kms-client.ts'
import { startServer, type Credentials, type ServerProcess } from '../server-process.ts'

const ACCOUNT = '111122223333'
const RoleArn = `arn:aws:iam::${ACCOUNT}:role/app/worker`
const invalidToken = 'The security token included in the request is invalid.'

let server: ServerProcess
let alice: Credentials

before(async () => {
  server = await startServer({ env: { KEYWRIGHT_ACCOUNT_ID: ACCOUNT } })
  const iam = iamClient(server)
  alice = await newUser(iam, 'alice')
  await iam.createRole({
    RoleName: 'worker',
    Path: '/app/',
    MaxSessionDuration: 7200,
    AssumeRolePolicyDocument: JSON.stringify(
      policyOf({
        Effect: 'Allow',
        Principal: { AWS: `arn:aws:iam::${ACCOUNT}:user/alice` },
        Action: ['sts:AssumeRole', 'sts:TagSession'],
      }),
    ),
  })
  const PolicyDocument = JSON.stringify(
    policyOf({ Effect: 'Allow', Action: ['kms:CreateKey', 'kms:GenerateRandom'], Resource: '*' }),
  )
  await iam.putRolePolicy({ RoleName: 'worker', PolicyName: 'inline', PolicyDocument })
})
after(() => server.stop())

test('GetCallerIdentity says who asks: the root user, a user, a session of either, a role session', async () => {
  const root = await stsClient(server).getCallerIdentity({})
  assert.equal(root.Arn, `arn:aws:iam::${ACCOUNT}:root`)
  assert.equal(root.UserId, ACCOUNT)

  const sts = stsClient(server, alice)
  const user = await sts.getCallerIdentity({})
  assert.equal(user.Arn, `arn:aws:iam::${ACCOUNT}:user/alice`)
  assert.match(user.UserId ?? '', /^AIDA[A-Z2-7]{17}$/)
  assert.equal(user.Account, ACCOUNT)

  const session = await sts.getSessionToken({ DurationSeconds: 900 })
  const inSession = await stsClient(server, sessionCredentials(session.Credentials)).getCallerIdentity({})
  assert.deepEqual([inSession.Arn, inSession.UserId], [user.Arn, user.UserId])

  const assumed = await sts.assumeRole({ RoleArn, RoleSessionName: 'build-7' })
  const role = await stsClient(server, sessionCredentials(assumed.Credentials)).getCallerIdentity({})
  assert.equal(role.Arn, `arn:aws:sts::${ACCOUNT}:assumed-role/worker/build-7`)
  assert.equal(role.Arn, assumed.AssumedRoleUser?.Arn)
  assert.equal(role.UserId, assumed.AssumedRoleUser?.AssumedRoleId)
  assert.match(role.UserId ?? '', /^AROA[A-Z2-7]{17}:build-7$/)
})

test('no policy can deny GetCallerIdentity', async () => {
  const iam = iamClient(server)
  const denied = await newUser(iam, 'denied', policyOf({ Effect: 'Deny', Action: '*', Resource: '*' }))
  const { Arn } = await stsClient(server, denied).getCallerIdentity({})
  assert.equal(Arn, `arn:aws:iam::${ACCOUNT}:user/denied`)
})

test('temporary credentials may what their role may, less what the session policy leaves out', async () => {
  const sts = stsClient(server, alice)
  const assumed = await sts.assumeRole({ RoleArn, RoleSessionName: 'build', DurationSeconds: 7200 })
  assert.ok((assumed.Credentials?.Expiration?.getTime() ?? 0) > Date.now() + 7_100_000)
  const kms = kmsClient(server, { credentials: sessionCredentials(assumed.Credentials) })
  assert.equal((await kms.generateRandom({ NumberOfBytes: 8 })).Plaintext?.length, 8)
  await assert.rejects(kms.listKeys({}), { name: 'AccessDeniedException' })

  const Policy = JSON.stringify(policyOf({ Effect: 'Allow', Action: 'kms:CreateKey', Resource: '*' }))
  const limited = await sts.assumeRole({ RoleArn, RoleSessionName: 'build', Policy })
  assert.ok(limited.PackedPolicySize)
  const less = kmsClient(server, { credentials: sessionCredentials(limited.Credentials) })
  assert.ok(await less.createKey({}))
  await assert.rejects(less.generateRandom({ NumberOfBytes: 8 }), { name: 'AccessDeniedException' })
})

test('AssumeRole is refused in the words of AWS', async () => {
  const sts = stsClient(server, alice)
  const assume = (more: object, by = sts) => by.assumeRole({ RoleArn, RoleSessionName: 'build', ...more })
  await assertRefusedWith(
    assume({}, stsClient(server)),
    'AccessDenied',
    403,
    'Roles may not be assumed by root accounts.',
  )
  const nobody = `arn:aws:iam::${ACCOUNT}:role/nobody`
  await assertRefusedWith(
    assume({ RoleArn: nobody }),
    'AccessDenied',
    403,
    new RegExp(
      `^User: arn:aws:iam::${ACCOUNT}:user/alice is not authorized to perform: sts:AssumeRole on resource: ${nobody}`,
    ),
  )
  await assertRefusedWith(
    assume({ DurationSeconds: 7201 }),
    'ValidationError',
    400,
    'The requested DurationSeconds exceeds the MaxSessionDuration set for this role.',
  )
  await assertRefusedWith(
    assume({ DurationSeconds: 899 }),
    'ValidationError',
    400,
    /greater than or equal to 900$/,
  )
  await assertRefusedWith(assume({ Policy: '{' }), 'MalformedPolicyDocument', 400)
  await assertRefusedWith(
    assume({ RoleSessionName: 'a b' }),
    'ValidationError',
    400,
    /^1 validation error detected: Value 'a b' at 'roleSessionName' failed to satisfy constraint/,
  )
  await assertRefusedWith(assume({ SourceIdentity: 'alice' }), 'AccessDenied', 403, /sts:SetSourceIdentity/)
  await assertRefusedWith(
    assume({ SerialNumber: `arn:aws:iam::${ACCOUNT}:mfa/alice` }),
    'AccessDenied',
    403,
    'MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code.',
  )
})

test('session tags in any language arrive', async () => {
  const Tags = [{ Key: 'Größe/größer', Value: 'ファイル 1' }]
  const { PackedPolicySize } = await stsClient(server, alice).assumeRole({
    RoleArn,
    RoleSessionName: 'build',
    Tags,
  })
  assert.ok(PackedPolicySize)
})

test('temporary credentials work only whole, unchanged and together', async () => {
  const sts = stsClient(server, alice)
  const [one, two] = await Promise.all(
    ['one', 'two'].map(async (RoleSessionName) =>
      sessionCredentials((await sts.assumeRole({ RoleArn, RoleSessionName })).Credentials),
    ),
  )
  assert.ok(one && two)
  const { sessionToken, ...withoutToken } = one
  const flipped = Buffer.from(sessionToken, 'base64')
  flipped.writeUInt8(flipped.readUInt8(60) ^ 1, 60)
  const forgeries = [
    withoutToken,
    { ...one, sessionToken: two.sessionToken },
    { ...one, accessKeyId: two.accessKeyId },
    { ...one, sessionToken: flipped.toString('base64') },
    { ...one, sessionToken: sessionToken.slice(0, -4) },
    { ...one, sessionToken: 'AQoDYXdzEJr...' },
    { ...alice, sessionToken },
  ]
  for (const credentials of forgeries) {
    await assertRefusedWith(
      stsClient(server, credentials).getCallerIdentity({}),
      'InvalidClientTokenId',
      403,
      invalidToken,
    )
    await assert.rejects(kmsClient(server, { credentials }).listKeys({}), {
      name: 'UnrecognizedClientException',
    })
  }
  const wrongSecret = { ...one, secretAccessKey: two.secretAccessKey }
  await assertRefusedWith(stsClient(server, wrongSecret).getCallerIdentity({}), 'SignatureDoesNotMatch', 403)
})

test('a session ends with its role, and with the access key that asked for it', async () => {
  const iam = iamClient(server)
  const bob = await newUser(iam, 'bob')
  const RoleName = 'passing'
  const AssumeRolePolicyDocument = JSON.stringify(
    policyOf({
      Effect: 'Allow',
      Principal: { AWS: `arn:aws:iam::${ACCOUNT}:user/bob` },
      Action: 'sts:AssumeRole',
    }),
  )
  await iam.createRole({ RoleName, AssumeRolePolicyDocument })
  const sts = stsClient(server, bob)
  const assumed = await sts.assumeRole({
    RoleArn: `arn:aws:iam::${ACCOUNT}:role/passing`,
    RoleSessionName: 'x-1',
  })
  const ofRole = stsClient(server, sessionCredentials(assumed.Credentials))
  const ofUser = stsClient(server, sessionCredentials((await sts.getSessionToken({})).Credentials))
  assert.ok(await ofRole.getCallerIdentity({}))
  assert.ok(await ofUser.getCallerIdentity({}))

  await iam.deleteRole({ RoleName })
  await assertRefusedWith(ofRole.getCallerIdentity({}), 'InvalidClientTokenId', 403)
  await iam.createRole({ RoleName, AssumeRolePolicyDocument })
  await assertRefusedWith(ofRole.getCallerIdentity({}), 'InvalidClientTokenId', 403)

  await iam.updateAccessKey({ UserName: 'bob', AccessKeyId: bob.accessKeyId, Status: 'Inactive' })
  await assertRefusedWith(ofUser.getCallerIdentity({}), 'InvalidClientTokenId', 403)
})

test('a policy that denies sessions of before ends them', async () => {
  const iam = iamClient(server)
  const { Credentials: issued } = await stsClient(server, alice).assumeRole({
    RoleArn,
    RoleSessionName: 'old',
  })
  const kms = kmsClient(server, { credentials: sessionCredentials(issued) })
  assert.ok(await kms.generateRandom({ NumberOfBytes: 8 }))
  const revoke = async (at: Date) =>
    iam.putRolePolicy({
      RoleName: 'worker',
      PolicyName: 'AWSRevokeOlderSessions',
      PolicyDocument: JSON.stringify(
        policyOf({
          Effect: 'Deny',
          Action: '*',
          Resource: '*',
          Condition: { DateLessThan: { 'aws:TokenIssueTime': at.toISOString() } },
        }),
      ),
    })
  await revoke(new Date(Date.now() + 60_000))
  await assert.rejects(kms.generateRandom({ NumberOfBytes: 8 }), { name: 'AccessDeniedException' })
  await revoke(new Date(Date.now() - 60_000))
  assert.ok(await kms.generateRandom({ NumberOfBytes: 8 }))
})

test('a session of GetSessionToken calls no IAM without a second factor, and two operations of STS', async () => {
  const { Credentials: issued } = await stsClient(server, alice).getSessionToken({})
  const credentials = sessionCredentials(issued)
  await assertRefusedWith(iamClient(server, credentials).getUser({}), 'InvalidClientTokenId', 403)
  await assertRefusedWith(
    stsClient(server, credentials).getSessionToken({}),
    'AccessDenied',
    403,
    'Cannot call GetSessionToken with session credentials',
  )
  assert.ok(await stsClient(server, credentials).assumeRole({ RoleArn, RoleSessionName: 'build' }))
})

test('GetAccessKeyInfo names the account of an access key', async () => {
  const sts = stsClient(server)
  assert.equal((await sts.getAccessKeyInfo({ AccessKeyId: alice.accessKeyId })).Account, ACCOUNT)
  const { Credentials: issued } = await sts.getSessionToken({})
  const { accessKeyId } = sessionCredentials(issued)
  assert.equal((await sts.getAccessKeyInfo({ AccessKeyId: accessKeyId })).Account, ACCOUNT)
  await assertRefusedWith(
    sts.getAccessKeyInfo({ AccessKeyId: 'AKIANOBODYNOBODYNOBO' }),
    'ValidationError',
    400,
  )
})

test('the journal says to whom credentials were given, and never the credentials', async () => {
  const { Credentials: issued } = await stsClient(server, alice).assumeRole({
    RoleArn,
    RoleSessionName: 'recorded',
  })
  const { accessKeyId, secretAccessKey, sessionToken } = sessionCredentials(issued)
  const { text, records } = await journalOf(server)
  const record = records.findLast(({ eventName }) => eventName === 'AssumeRole')
  assert.ok(record)
  assert.equal(record.requestParameters?.['roleSessionName'], 'recorded')
  assert.ok(JSON.stringify(record.responseElements).includes(accessKeyId))
  for (const secret of [secretAccessKey, sessionToken]) assert.ok(!text.includes(secret))
})
