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
import { kmsClient, newKey } from '../kms-client.ts'
import { runKeywright, startServer, type Credentials, type ServerProcess } from '../server-process.ts'
import { send } from '../signed-request.ts'

const ACCOUNT = '111122223333'
const S3 = 's3.us-east-1.amazonaws.com'
const Plaintext = Buffer.from('x')

let server: ServerProcess
let mallory: Credentials
before(async () => {
  server = await startServer({ env: { KEYWRIGHT_ACCOUNT_ID: ACCOUNT } })
  mallory = await newUser(iamClient(server), 'mallory')
})
after(() => server.stop())

const userArn = (name: string) => `arn:aws:iam::${ACCOUNT}:user/${name}`
const roleArn = (name: string) => `arn:aws:iam::${ACCOUNT}:role/${name}`
const administration = {
  Effect: 'Allow',
  Principal: { AWS: `arn:aws:iam::${ACCOUNT}:root` },
  Action: ['kms:PutKeyPolicy', 'kms:CreateGrant', 'kms:DescribeKey'],
  Resource: '*',
}

/** What Mallory would like to be believed: it is all that keeps her from the key. */
const claims: Readonly<Record<string, object>> = {
  'kms:ViaService': { StringEquals: { 'kms:ViaService': S3 } },
  'kms:GrantIsForAWSResource': { Bool: { 'kms:GrantIsForAWSResource': 'true' } },
  'kms:CallerAccount': { StringEquals: { 'kms:CallerAccount': '444455556666' } },
  'aws:SourceAccount': { StringEquals: { 'aws:SourceAccount': ACCOUNT } },
  'aws:SourceArn': { ArnLike: { 'aws:SourceArn': 'arn:aws:s3:::bucket' } },
  'aws:ViaAWSService': { Bool: { 'aws:ViaAWSService': 'true' } },
  'aws:CalledVia': { 'ForAnyValue:StringEquals': { 'aws:CalledVia': 's3.amazonaws.com' } },
  'aws:CalledViaFirst': { StringEquals: { 'aws:CalledViaFirst': 's3.amazonaws.com' } },
  'aws:PrincipalIsAWSService': { Bool: { 'aws:PrincipalIsAWSService': 'true' } },
  'aws:PrincipalServiceName': { StringEquals: { 'aws:PrincipalServiceName': 's3.amazonaws.com' } },
  'aws:SourceIp': { IpAddress: { 'aws:SourceIp': '10.1.2.3/32' } },
  'aws:VpcSourceIp': { IpAddress: { 'aws:VpcSourceIp': '10.1.2.3/32' } },
  'aws:SourceVpc': { StringEquals: { 'aws:SourceVpc': 'vpc-0123456789abcdef0' } },
  'aws:SourceVpce': { StringEquals: { 'aws:SourceVpce': 'vpce-0123456789abcdef0' } },
  'aws:SecureTransport': { Bool: { 'aws:SecureTransport': 'true' } },
  'aws:MultiFactorAuthPresent': { Bool: { 'aws:MultiFactorAuthPresent': 'true' } },
  'aws:MultiFactorAuthAge': { NumericLessThan: { 'aws:MultiFactorAuthAge': '300' } },
  'aws:TokenIssueTime': { DateGreaterThan: { 'aws:TokenIssueTime': '2000-01-01T00:00:00Z' } },
  'aws:SourceIdentity': { StringEquals: { 'aws:SourceIdentity': 'administrator' } },
  'aws:PrincipalTag/role': { StringEquals: { 'aws:PrincipalTag/role': 'administrator' } },
  'aws:ResourceTag/open': { StringEquals: { 'aws:ResourceTag/open': 'true' } },
  'aws:PrincipalArn': { ArnEquals: { 'aws:PrincipalArn': userArn('administrator') } },
  'aws:username': { StringEquals: { 'aws:username': 'administrator' } },
  'aws:PrincipalOrgID': { StringEquals: { 'aws:PrincipalOrgID': 'o-a1b2c3d4e5' } },
  'aws:CurrentTime': { DateGreaterThan: { 'aws:CurrentTime': '2200-01-01T00:00:00Z' } },
}

/** The value that a condition asks for. */
function valueOf(condition: object): string {
  const [[, value] = ['', '']] = Object.entries(Object.values(condition)[0] as Record<string, string>)
  return value.replace('/32', '')
}

/** Headers by which proxies, clouds and services state such things elsewhere. */
function headersFor(key: string, value: string): Record<string, string>[] {
  const name = key.replace(/^(aws|kms):/, '').replaceAll(/[^A-Za-z0-9]/g, '-')
  const dashed = name.replaceAll(/(?<=[a-z])(?=[A-Z])/g, '-').toLowerCase()
  return [
    ...[
      `x-amz-${dashed}`,
      `x-aws-${dashed}`,
      dashed,
      `x-amzn-${dashed}`,
      `x-amz-meta-${dashed}`,
      `x-${dashed}`,
    ].map((header) => ({ [header]: value })),
    { 'x-amz-context': `${key}=${value}` },
    { 'x-amz-forwarded-for': value, 'x-forwarded-for': value, 'x-real-ip': value, forwarded: `for=${value}` },
    { 'x-forwarded-proto': 'https', 'x-forwarded-ssl': 'on', 'front-end-https': 'on', via: `1.1 ${S3}` },
    { 'x-amz-via-service': S3, 'x-amz-called-via': 's3.amazonaws.com', 'x-amz-source-vpce': value },
    { host: S3 },
    { 'user-agent': `${S3} ${value}` },
  ]
}

for (const [key, condition] of Object.entries(claims)) {
  test(`${key} cannot be claimed by a header, a member of the request or an encryption context`, async () => {
    const { id: KeyId } = await newKey(kmsClient(server), {
      Policy: JSON.stringify(
        policyOf(administration, {
          Effect: 'Allow',
          Principal: { AWS: userArn('mallory') },
          Action: 'kms:Encrypt',
          Resource: '*',
          Condition: condition,
        }),
      ),
    })
    const value = valueOf(condition)
    const body = { KeyId, Plaintext: Plaintext.toString('base64') }
    const short = key.replace(/^(aws|kms):/, '')
    const bodies: object[] = [
      body,
      { ...body, [key]: value },
      { ...body, [short]: value, Context: { [key]: value }, ConditionKeys: { [key]: value } },
      { ...body, EncryptionContext: { [key]: value, [key.toLowerCase()]: value } },
      { ...body, EncryptionContext: { [`kms:EncryptionContext:${key}`]: value } },
      { ...body, __proto__: null, constructor: { [key]: value } },
    ]
    const attempts = [
      ...bodies.map((each) => ({ body: each })),
      ...headersFor(key, value).map((headers) => ({ body, headers })),
      { body, path: `/?${encodeURIComponent(key)}=${encodeURIComponent(value)}` },
    ]
    for (const attempt of attempts) {
      const answer = await send(server, { operation: 'Encrypt', credentials: mallory, ...attempt })
      assert.ok(answer.status >= 400, JSON.stringify(attempt))
    }
    assert.equal(
      (await send(server, { operation: 'Encrypt', credentials: mallory, body })).error,
      'AccessDeniedException',
    )
  })
}

test('tags of a session cannot take names that AWS gives, and are nothing but tags', async () => {
  const iam = iamClient(server)
  await iam.createRole({
    RoleName: 'tagged',
    AssumeRolePolicyDocument: JSON.stringify(
      policyOf({
        Effect: 'Allow',
        Principal: { AWS: userArn('mallory') },
        Action: ['sts:AssumeRole', 'sts:TagSession'],
      }),
    ),
  })
  const sts = stsClient(server, mallory)
  const assume = (Key: string, Value: string) =>
    sts.assumeRole({ RoleArn: roleArn('tagged'), RoleSessionName: 'mallory', Tags: [{ Key, Value }] })
  await assertRefusedWith(assume('aws:SourceAccount', ACCOUNT), 'InvalidParameterValue', 400, /aws:/i)
  await assertRefusedWith(assume('AWS:PrincipalOrgID', 'o-a1'), 'InvalidParameterValue', 400)
  const session = sessionCredentials((await assume('SourceAccount', ACCOUNT)).Credentials)
  const { id: KeyId } = await newKey(kmsClient(server), {
    Policy: JSON.stringify(
      policyOf(administration, {
        Effect: 'Allow',
        Principal: { AWS: roleArn('tagged') },
        Action: 'kms:Encrypt',
        Resource: '*',
        Condition: claims['aws:SourceAccount'] as object,
      }),
    ),
  })
  await assert.rejects(kmsClient(server, { credentials: session }).encrypt({ KeyId, Plaintext }), {
    name: 'AccessDeniedException',
  })
})

test('a deputy that is asked for another customer’s role is held by the external id', async () => {
  const iam = iamClient(server)
  const deputy = stsClient(
    server,
    await newUser(iam, 'deputy', policyOf({ Effect: 'Allow', Action: 'sts:AssumeRole', Resource: '*' })),
  )
  for (const customer of ['one', 'two']) {
    await iam.createRole({
      RoleName: `customer-${customer}`,
      AssumeRolePolicyDocument: JSON.stringify(
        policyOf({
          Effect: 'Allow',
          Principal: { AWS: userArn('deputy') },
          Action: 'sts:AssumeRole',
          Condition: { StringEquals: { 'sts:ExternalId': `id-of-${customer}` } },
        }),
      ),
    })
  }
  const assume = (customer: string, ExternalId?: string) =>
    deputy.assumeRole({
      RoleArn: roleArn(`customer-${customer}`),
      RoleSessionName: 'deputy',
      ...(ExternalId !== undefined && { ExternalId }),
    })
  assert.ok((await assume('one', 'id-of-one')).Credentials)
  for (const external of ['id-of-one', 'ID-OF-TWO', 'id-of-two/', 'id-of-one=id-of-two', undefined])
    await assertRefusedWith(assume('two', external), 'AccessDenied', 403)
})

test('a service principal in a key policy is no user, role or session of that name', async () => {
  const iam = iamClient(server)
  const named = await newUser(
    iam,
    's3.amazonaws.com',
    policyOf({ Effect: 'Allow', Action: 'kms:*', Resource: '*' }),
  )
  await iam.createRole({
    RoleName: 's3.amazonaws.com',
    AssumeRolePolicyDocument: JSON.stringify(
      policyOf({ Effect: 'Allow', Principal: { AWS: userArn('mallory') }, Action: 'sts:AssumeRole' }),
    ),
  })
  const { Credentials } = await stsClient(server, mallory).assumeRole({
    RoleArn: roleArn('s3.amazonaws.com'),
    RoleSessionName: 's3.amazonaws.com',
  })
  const { id: KeyId } = await newKey(kmsClient(server), {
    Policy: JSON.stringify(
      policyOf(
        { ...administration, Action: ['kms:PutKeyPolicy'] },
        { Effect: 'Allow', Principal: { Service: 's3.amazonaws.com' }, Action: 'kms:*', Resource: '*' },
      ),
    ),
  })
  for (const credentials of [named, sessionCredentials(Credentials), server.credentials]) {
    await assert.rejects(kmsClient(server, { credentials }).encrypt({ KeyId, Plaintext }), {
      name: 'AccessDeniedException',
    })
  }
})

test('a role that trusts a service is assumed by nobody who only says to be one', async () => {
  const iam = iamClient(server)
  await iam.createRole({
    RoleName: 'for-lambda',
    AssumeRolePolicyDocument: JSON.stringify(
      policyOf({ Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' }, Action: 'sts:AssumeRole' }),
    ),
  })
  const lambda = await newUser(
    iam,
    'lambda.amazonaws.com',
    policyOf({ Effect: 'Allow', Action: 'sts:*', Resource: '*' }),
  )
  await assertRefusedWith(
    stsClient(server, lambda).assumeRole({ RoleArn: roleArn('for-lambda'), RoleSessionName: 'lambda' }),
    'AccessDenied',
    403,
  )
})

test('another account that is let in through its root principal is let in no further than its own policies', async () => {
  const other = '444455556666'
  const { dataDir } = server
  assert.equal((await runKeywright(['account', 'create', other], { dataDir })).code, 0)
  const made = await runKeywright(['credentials', 'create', other, '--json'], { dataDir })
  const root = JSON.parse(made.stdout) as Credentials
  const { arn: KeyId } = await newKey(kmsClient(server), {
    Policy: JSON.stringify(
      policyOf(administration, {
        Effect: 'Allow',
        Principal: { AWS: `arn:aws:iam::${other}:root` },
        Action: 'kms:Encrypt',
        Resource: '*',
      }),
    ),
  })
  const guest = await newUser(iamClient(server, root), 'guest')
  await kmsClient(server, { credentials: root }).encrypt({ KeyId, Plaintext })
  await assert.rejects(kmsClient(server, { credentials: guest }).encrypt({ KeyId, Plaintext }), {
    name: 'AccessDeniedException',
    message: /no identity-based policy allows the kms:Encrypt action/,
  })
  // A user of the same name in the key's own account is somebody else.
  const namesake = await newUser(iamClient(server), 'guest')
  await assert.rejects(kmsClient(server, { credentials: namesake }).encrypt({ KeyId, Plaintext }), {
    name: 'AccessDeniedException',
  })
})
