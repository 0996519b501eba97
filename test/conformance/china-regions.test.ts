import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, test } from 'node:test'
import { IAM } from '@aws-sdk/client-iam'
import { STS } from '@aws-sdk/client-sts'
import { newUser, policyOf, sessionCredentials, type AnyCredentials } from '../identity-clients.ts'
import { journalOf } from '../journal-of.ts'
import { kmsClient, newKey } from '../kms-client.ts'
import { assertRefused } from '../refusal.ts'
import { runKeywright, startServer } from '../server-process.ts'
import { newCertificate, postAs, serviceClient, shownRequest } from '../service-client.ts'

// IAM is global: its clients in China sign for Beijing, whichever Region there is.
const region = 'cn-northwest-1'
const globalRegion = 'cn-north-1'
const accountId = '111122223333'
const env = { KEYWRIGHT_REGIONS: region, KEYWRIGHT_ACCOUNT_ID: accountId }
const server = await startServer({
  args: ['--tls-self-signed', '--services-listen', '127.0.0.1:0'],
  env,
})
after(() => server.stop())
const printed = (pattern: RegExp) => pattern.exec(server.stdout())?.[1] ?? ''
const ca = readFileSync(printed(/^Certificate authority to trust: (\S+)/m), 'utf8')
const servicesUrl = printed(/^Registered services: (\S+)$/m)

const kmsAs = (credentials: AnyCredentials = server.credentials) =>
  kmsClient(server, { region, credentials, ca })
const kms = kmsAs()
const client = { endpoint: server.url, credentials: server.credentials, maxAttempts: 1 }
const trusting = { requestHandler: { httpsAgent: { ca } } }
const iam = new IAM({ ...client, ...trusting, region: globalRegion })
const sts = new STS({ ...client, ...trusting, region })

const arnOf = (resource: string) => `arn:aws-cn:kms:${region}:${accountId}:${resource}`
const principalArn = (resource: string) => `arn:aws-cn:iam::${accountId}:${resource}`
const Plaintext = Buffer.from('a plaintext')
const allowedToRoot = {
  Effect: 'Allow',
  Principal: { AWS: principalArn('root') },
  Action: 'kms:*',
  Resource: '*',
}

async function keywright(...args: string[]) {
  const finished = await runKeywright(args, { dataDir: server.dataDir, env })
  assert.equal(finished.code, 0, finished.stderr)
  return finished.stdout
}

test('keys and aliases have ARNs of the partition, and are found by them', async () => {
  const { id, arn } = await newKey(kms)
  assert.equal(arn, arnOf(`key/${id}`))
  await kms.createAlias({ AliasName: 'alias/there', TargetKeyId: id })
  const { Aliases } = await kms.listAliases({ KeyId: id })
  assert.deepEqual(
    Aliases?.map(({ AliasArn }) => AliasArn),
    [arnOf('alias/there')],
  )
  for (const KeyId of [id, arn, 'alias/there', arnOf('alias/there')]) {
    const { CiphertextBlob, KeyId: used } = await kms.encrypt({ KeyId, Plaintext })
    assert.equal(used, arn)
    const opened = await kms.decrypt({ KeyId, CiphertextBlob })
    assert.deepEqual(Buffer.from(opened.Plaintext ?? []), Plaintext)
  }
  await assertRefused(
    kms.encrypt({ KeyId: arn.replace('aws-cn', 'aws'), Plaintext }),
    'NotFoundException',
    `Invalid arn ${region}`,
  )
})

test('the default key policy and the caller are of the partition', async () => {
  const { id: KeyId } = await newKey(kms)
  const { Policy } = await kms.getKeyPolicy({ KeyId, PolicyName: 'default' })
  assert.deepEqual(
    (JSON.parse(Policy ?? '') as { Statement: [{ Principal: object }] }).Statement[0].Principal,
    {
      AWS: principalArn('root'),
    },
  )
  assert.equal((await sts.getCallerIdentity({})).Arn, principalArn('root'))
})

test('policies go by the ARNs of the partition, and not by those of another', async () => {
  const { id: KeyId, arn } = await newKey(kms)
  const allow = (Resource: string) => policyOf({ Effect: 'Allow', Action: 'kms:Encrypt', Resource })
  const here = kmsAs(await newUser(iam, 'here', allow(arn)))
  const elsewhere = kmsAs(await newUser(iam, 'elsewhere', allow(arn.replace('aws-cn', 'aws'))))
  await here.encrypt({ KeyId, Plaintext })
  await assertRefused(
    elsewhere.encrypt({ KeyId, Plaintext }),
    'AccessDeniedException',
    `User: ${principalArn('user/elsewhere')} is not authorized to perform: kms:Encrypt on resource: ${arn} because no identity-based policy allows the kms:Encrypt action`,
  )
  const PolicyArn = 'arn:aws-cn:iam::aws:policy/AdministratorAccess'
  await iam.attachUserPolicy({ UserName: 'elsewhere', PolicyArn })
  await elsewhere.encrypt({ KeyId, Plaintext })
})

test('a key policy and a grant name principals of the partition, and no others', async () => {
  const credentials = await newUser(iam, 'named')
  const named = principalArn('user/named')
  const { id: KeyId } = await newKey(kms)
  const policy = (AWS: string) =>
    JSON.stringify(
      policyOf(allowedToRoot, { Effect: 'Allow', Principal: { AWS }, Action: 'kms:Encrypt', Resource: '*' }),
    )
  await kms.putKeyPolicy({ KeyId, Policy: policy(named) })
  const user = kmsAs(credentials)
  await user.encrypt({ KeyId, Plaintext })
  const granted = await kms.createGrant({ KeyId, GranteePrincipal: named, Operations: ['GenerateDataKey'] })
  await user.generateDataKey({ KeyId, KeySpec: 'AES_256', GrantTokens: [granted.GrantToken ?? ''] })

  const foreign = named.replace('aws-cn', 'aws')
  await assertRefused(
    kms.putKeyPolicy({ KeyId, Policy: policy(foreign) }),
    'MalformedPolicyDocumentException',
    'Policy contains a statement with one or more invalid principals.',
  )
  await assertRefused(
    kms.createGrant({ KeyId, GranteePrincipal: foreign, Operations: ['Encrypt'] }),
    'InvalidArnException',
    /./,
  )
})

test('a role of the partition is assumed, and its session is named by it', async () => {
  const { Role } = await iam.createRole({
    RoleName: 'worker',
    AssumeRolePolicyDocument: JSON.stringify(
      policyOf({ Effect: 'Allow', Principal: { AWS: principalArn('root') }, Action: 'sts:AssumeRole' }),
    ),
  })
  assert.equal(Role?.Arn, principalArn('role/worker'))
  await iam.putRolePolicy({
    RoleName: 'worker',
    PolicyName: 'own',
    PolicyDocument: JSON.stringify(policyOf({ Effect: 'Allow', Action: 'kms:*', Resource: arnOf('key/*') })),
  })
  const manager = await newUser(
    iam,
    'manager',
    policyOf({ Effect: 'Allow', Action: 'sts:AssumeRole', Resource: Role.Arn }),
  )
  const asManager = new STS({ ...client, ...trusting, region, credentials: manager })
  const issued = await asManager.assumeRole({ RoleArn: Role.Arn, RoleSessionName: 'shift' })
  const session = `arn:aws-cn:sts::${accountId}:assumed-role/worker/shift`
  assert.equal(issued.AssumedRoleUser?.Arn, session)
  const credentials = sessionCredentials(issued.Credentials)
  const asRole = new STS({ ...client, ...trusting, region, credentials })
  assert.equal((await asRole.getCallerIdentity({})).Arn, session)
  const { id: KeyId } = await newKey(kms)
  await kmsAs(credentials).encrypt({ KeyId, Plaintext })
})

test('a service of a China Region has a name of its own there, which policies and its managed key go by', async () => {
  const name = `s3.${region}.amazonaws.com.cn`
  const certificate = await newCertificate()
  const wrong = await runKeywright(
    ['service', 'register', `s3.${region}.amazonaws.com`, '--certificate', certificate.file],
    { dataDir: server.dataDir, env },
  )
  assert.notEqual(wrong.code, 0)
  assert.match(wrong.stderr, /the name of a service in cn-northwest-1 ends with amazonaws\.com\.cn/)
  await keywright('service', 'register', name, '--certificate', certificate.file)

  const forwarded = await postAs(
    new URL('/-/forward-access', servicesUrl),
    shownRequest(server, { region }),
    {
      ca,
      as: certificate,
    },
  )
  assert.equal(forwarded.status, 200, JSON.stringify(forwarded.body))
  const asService = serviceClient(servicesUrl, forwarded.body, { ca, as: certificate, region })
  const { id: KeyId } = await newKey(kms)
  const unless = (via: string) => ({
    Effect: 'Deny',
    Principal: { AWS: '*' },
    Action: 'kms:Encrypt',
    Resource: '*',
    Condition: { StringNotEquals: { 'kms:ViaService': via } },
  })
  const put = (via: string) =>
    kms.putKeyPolicy({ KeyId, Policy: JSON.stringify(policyOf(allowedToRoot, unless(via))) })
  await put(name)
  await asService.encrypt({ KeyId, Plaintext })
  await assertRefused(kms.encrypt({ KeyId, Plaintext }), 'AccessDeniedException', /explicit deny/)
  await put(`s3.${region}.amazonaws.com`)
  await assertRefused(asService.encrypt({ KeyId, Plaintext }), 'AccessDeniedException', /explicit deny/)

  const managed = await asService.encrypt({ KeyId: 'alias/aws/s3', Plaintext })
  assert.ok(managed.KeyId?.startsWith(arnOf('key/')))
  await assertRefused(
    kms.encrypt({ KeyId: 'alias/aws/s3', Plaintext }),
    'AccessDeniedException',
    /no resource-based policy allows/,
  )
})

test('an operator is told the ARNs of the partition', async () => {
  const { arn } = await newKey(kms)
  await newUser(iam, 'suspect', policyOf({ Effect: 'Allow', Action: 'kms:Decrypt', Resource: '*' }))
  const { User } = await iam.getUser({ UserName: 'suspect' })
  const whoCan = JSON.parse(await keywright('policy', 'who-can', 'kms:Decrypt', arn, '--json')) as {
    principals: { principal: string }[]
  }
  const names = whoCan.principals.map(({ principal }) => principal)
  assert.ok(names.includes(principalArn('root')), names.join())
  assert.ok(names.includes(principalArn('user/suspect')), names.join())

  for (const [id, told] of [
    [User?.UserId ?? '', principalArn('user/suspect')],
    [principalArn('user/suspect'), principalArn('user/suspect')],
  ] as const) {
    const done = JSON.parse(
      await keywright('quarantine', 'principal', id, '--reason', 'a test', '--json'),
    ) as { arn: string }
    assert.equal(done.arn, told)
    const released = JSON.parse(await keywright('release', 'principal', id, '--json')) as { arn: string }
    assert.equal(released.arn, told)
  }
})

test('the journal has the Region of each request, and for IAM the one that is global in the partition', async () => {
  await iam.listUsers({})
  await kms.listKeys({})
  const { text } = await journalOf(server)
  const regions = (eventName: string) =>
    new Set(
      text
        .split('\n')
        .filter((line) => line.includes(`"eventName":"${eventName}"`))
        .map((line) => (JSON.parse(line) as { awsRegion: string }).awsRegion),
    )
  assert.deepEqual([...regions('ListUsers')], [globalRegion])
  assert.deepEqual([...regions('ListKeys')], [region])
  assert.ok(!text.includes('arn:aws:iam::111122223333:root'), 'no ARN of another partition')
})
