import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { journalOf } from '../journal-of.ts'
import { kmsClient, newKey } from '../kms-client.ts'
import { assertRefused } from '../refusal.ts'
import { runKeywright, startServer, type Credentials } from '../server-process.ts'
import {
  newCertificate,
  postAs,
  serviceClient,
  shownRequest,
  type Certificate,
  type Issued,
} from '../service-client.ts'
import { queryRequest, send, type RawRequest } from '../signed-request.ts'

const accountId = '111122223333'
const server = await startServer({
  args: ['--tls-self-signed', '--services-listen', '127.0.0.1:0', '--account-id', accountId],
})
after(() => server.stop())
const printed = (pattern: RegExp) => pattern.exec(server.stdout())?.[1] ?? ''
const ca = readFileSync(printed(/^Certificate authority to trust: (\S+)/m), 'utf8')
const servicesUrl = printed(/^Registered services: (\S+)$/m)
const kms = kmsClient(server, { ca })
const S3 = 's3.us-east-1.amazonaws.com'
const Plaintext = Buffer.from('an object')

async function keywright(...args: string[]) {
  const finished = await runKeywright(args, { dataDir: server.dataDir })
  assert.equal(finished.code, 0, finished.stderr)
  return finished.stdout
}

const s3 = await newCertificate()
const ebs = await newCertificate()
const stranger = await newCertificate()
await keywright('service', 'register', S3, '--certificate', s3.file)
await keywright('service', 'register', 'ebs.amazonaws.com', '--certificate', ebs.file)

const userRequest = (raw?: Partial<RawRequest>) => shownRequest(server, raw)
const post = (path: string, body: object | string, as: Certificate | undefined = s3) =>
  postAs(new URL(path, servicesUrl), body, { ca, as })
const forward = (body: object | string, as?: Certificate) => post('/-/forward-access', body, as)

async function forwarded(as?: Certificate, raw?: Parameters<typeof userRequest>[0]): Promise<Issued> {
  const answer = await forward(userRequest(raw), as)
  assert.equal(answer.status, 200, JSON.stringify(answer.body))
  return answer.body
}

const serviceKms = (issued: Credentials & { sessionToken?: string }, as: Certificate = s3, region?: string) =>
  serviceClient(servicesUrl, issued, { ca, as, ...(region !== undefined && { region }) })

/** A key whose policy holds this statement beside the account's. */
async function keyWith(...statements: object[]): Promise<string> {
  const { id: KeyId } = await newKey(kms)
  const root = {
    Effect: 'Allow',
    Principal: { AWS: `arn:aws:iam::${accountId}:root` },
    Action: 'kms:*',
    Resource: '*',
  }
  const Policy = JSON.stringify({ Version: '2012-10-17', Statement: [root, ...statements] })
  await kms.putKeyPolicy({ KeyId, Policy })
  return KeyId
}

const denyUnless = (condition: object) => ({
  Effect: 'Deny',
  Principal: { AWS: '*' },
  Action: 'kms:Encrypt',
  Resource: '*',
  Condition: condition,
})

test('a user’s request becomes a session with its permissions, and sets what only a service can', async () => {
  const session = serviceKms(await forwarded())
  for (const condition of [
    { StringNotEquals: { 'kms:ViaService': S3 } },
    { Bool: { 'aws:ViaAWSService': 'false' } },
    { 'ForAllValues:StringNotEquals': { 'aws:CalledVia': ['s3.amazonaws.com'] } },
    { StringNotEquals: { 'kms:CallerAccount': accountId } },
  ]) {
    const KeyId = await keyWith(denyUnless(condition))
    await session.encrypt({ KeyId, Plaintext })
    if (!('StringNotEquals' in condition && 'kms:CallerAccount' in condition.StringNotEquals)) {
      await assertRefused(kms.encrypt({ KeyId, Plaintext }), 'AccessDeniedException', /explicit deny/)
    }
  }
})

test('nobody else can claim to be a service', async () => {
  const KeyId = await keyWith(denyUnless({ StringNotEquals: { 'kms:ViaService': S3 } }))
  const body = JSON.stringify({ KeyId, Plaintext: Plaintext.toString('base64') })
  for (const headers of [
    { 'x-amz-via-service': S3 },
    { 'kms:viaservice': S3 },
    { 'x-amz-source-account': accountId },
    { 'x-amz-source-arn': 'arn:aws:s3:::bucket' },
  ] as Record<string, string>[]) {
    const [name = ''] = Object.keys(headers)
    if (name.includes(':')) continue
    const answer = await send(server, { operation: 'Encrypt', body, headers, tls: { ca } })
    assert.equal(answer.error, 'AccessDeniedException', name)
  }
  for (const condition of [{ StringNotEquals: { 'aws:SourceAccount': accountId } }]) {
    const key = await keyWith(denyUnless(condition))
    const answer = await send(server, {
      operation: 'Encrypt',
      body: JSON.stringify({ KeyId: key, Plaintext: 'eA==' }),
      headers: { 'x-amz-source-account': accountId },
      tls: { ca },
    })
    assert.equal(answer.error, 'AccessDeniedException')
  }
})

test('each request is good for one session', async () => {
  const request = userRequest()
  assert.equal((await forward(request)).status, 200)
  for (const again of [
    request,
    { ...request, headers: [...request.headers, { name: 'x-more', value: '1' }] },
  ]) {
    const { status, body } = await forward(again)
    assert.equal(status, 409)
    assert.equal(body.code, 'RequestReplayed')
  }
  const many = userRequest({ headers: { 'x-amz-meta-race': '1' } })
  const answers = await Promise.all(Array.from({ length: 8 }, () => forward(many)))
  assert.equal(answers.filter(({ status }) => status === 200).length, 1)
})

test('only a request that the user signed for this service, lately, and as it is, is taken', async () => {
  const minutes = (count: number) => new Date(Date.now() + count * 60_000)
  const good = userRequest()
  const cases: [string, object, RegExp][] = [
    ['for another service', userRequest({ service: 'ebs' }), /correct service: 's3'/],
    ['for KMS', userRequest({ service: 'kms' }), /correct service: 's3'/],
    ['of another Region', userRequest({ region: 'eu-west-1' }), /valid region/],
    ['six minutes old', userRequest({ at: minutes(-6) }), /^Signature expired/],
    ['of the future', userRequest({ at: minutes(6) }), /^Signature not yet current/],
    [
      'of an unknown key',
      userRequest({ credentials: { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'x' } }),
      /invalid/,
    ],
    [
      'with a wrong secret',
      userRequest({ credentials: { ...server.credentials, secretAccessKey: 'x' } }),
      /does not match/,
    ],
    ['to another path', { ...good, target: '/other' }, /does not match/],
    ['by another method', { ...good, method: 'GET' }, /does not match/],
    ['with another body', { ...good, bodySha256: '0'.repeat(64) }, /does not match/],
    [
      'with another host',
      {
        ...good,
        headers: good.headers.map((each) => (each.name === 'host' ? { ...each, value: 'evil' } : each)),
      },
      /does not match/,
    ],
    [
      'without a signature',
      { ...good, headers: good.headers.filter(({ name }) => name !== 'authorization') },
      /Missing Authentication Token/,
    ],
  ]
  for (const [name, body, message] of cases) {
    const answer = await forward(body)
    assert.equal(answer.status, 403, `${name}: ${JSON.stringify(answer.body)}`)
    assert.match(answer.body.message ?? '', message, name)
  }
  for (const body of [
    '',
    '[]',
    '{}',
    '{"method":"GET"}',
    { ...good, target: 'no path' },
    { ...good, headers: [{ name: 'a', value: 'b\nc' }] },
  ]) {
    assert.equal((await forward(body)).status, 400, JSON.stringify(body))
  }
})

test('bodies that the user did not sign as a whole, and presigned URLs, are taken as S3 takes them', async () => {
  for (const claimed of ['UNSIGNED-PAYLOAD', 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD']) {
    const { bodySha256: _, ...request } = userRequest({ headers: { 'x-amz-content-sha256': claimed } })
    assert.equal((await forward(request)).status, 200, claimed)
  }
})

test('a session is good over its certificate only, for KMS only, in its Region only, and for a quarter of an hour', async () => {
  const { expiration, ...credentials } = await forwarded()
  const { id: KeyId } = await newKey(kms)
  await serviceKms(credentials).encrypt({ KeyId, Plaintext })
  const lifeMs = new Date(expiration).getTime() - Date.now()
  assert.ok(lifeMs > 14 * 60_000 && lifeMs <= 15 * 60_000, expiration)

  const invalid = [
    /^(UnrecognizedClientException)$/,
    /security token included in the request is invalid/,
  ] as const
  await assertRefused(serviceKms(credentials, ebs).encrypt({ KeyId, Plaintext }), ...invalid)
  await assertRefused(serviceKms(credentials, stranger).encrypt({ KeyId, Plaintext }), ...invalid)
  await assertRefused(kmsClient(server, { ca, credentials }).encrypt({ KeyId, Plaintext }), ...invalid)
  await assertRefused(serviceKms(credentials, s3, 'eu-west-1').listKeys({}), ...invalid)
  const tls = { ca, cert: s3.cert, key: s3.key }
  const { sessionToken } = credentials
  const sts = queryRequest('sts', { Action: 'GetCallerIdentity' }, { credentials, sessionToken, tls })
  assert.equal((await send({ url: servicesUrl, credentials }, sts)).error, 'InvalidClientTokenId')
})

test('a session cannot be forwarded again, and neither can somebody else’s', async () => {
  const { sessionToken, ...credentials } = await forwarded()
  const answer = await forward(userRequest({ credentials, sessionToken }))
  assert.equal(answer.status, 403)
})

test('a certificate that is not registered gets nothing', async () => {
  for (const as of [stranger, undefined]) {
    for (const path of ['/-/forward-access', '/-/service-credentials']) {
      const answer = await postAs(new URL(path, servicesUrl), userRequest(), { ca, as })
      assert.equal(answer.status, 403)
    }
  }
  await assertRefused(
    serviceKms(server.credentials, stranger).listKeys({}),
    'UnrecognizedClientException',
    /./,
  )
  // A user's own credentials are for the main listener.
  await assertRefused(serviceKms(server.credentials).listKeys({}), 'UnrecognizedClientException', /./)
})

test('the main listener knows nothing of the exchanges', async () => {
  for (const path of ['/-/forward-access', '/-/service-credentials']) {
    const answer = await send(server, {
      path,
      target: null,
      body: '{}',
      tls: { ca, cert: s3.cert, key: s3.key },
    })
    assert.equal(answer.status, 404)
  }
})

test('a user’s temporary credentials can be forwarded, and end what was made of them', async () => {
  const made = await send(server, queryRequest('sts', { Action: 'GetSessionToken' }, { tls: { ca } }))
  const value = (name: string) => new RegExp(`<${name}>([^<]*)`).exec(made.body)?.[1] ?? ''
  const credentials = { accessKeyId: value('AccessKeyId'), secretAccessKey: value('SecretAccessKey') }
  const sessionToken = value('SessionToken')
  const { id: KeyId } = await newKey(kms)
  const session = serviceKms(await forwarded(s3, { credentials, sessionToken }))
  await session.encrypt({ KeyId, Plaintext })
})

test('when the user’s access key is disabled, what was forwarded with it ends at once', async () => {
  const { accessKeyId, secretAccessKey } = JSON.parse(
    await keywright('credentials', 'create', accountId, '--json'),
  ) as Credentials
  const session = serviceKms(await forwarded(s3, { credentials: { accessKeyId, secretAccessKey } }))
  await session.listKeys({})
  await keywright('credentials', 'disable', accessKeyId)
  await assertRefused(session.listKeys({}), 'UnrecognizedClientException', /./)
})

/** A user with an access key, and a session of a role that may use every key. */
async function roleSession(name: string): Promise<{ credentials: Credentials; sessionToken: string }> {
  const iam = async (parameters: Record<string, string>) => {
    const answer = await send(server, queryRequest('iam', parameters, { tls: { ca } }))
    assert.equal(answer.status, 200, answer.body)
    return answer.body
  }
  await iam({ Action: 'CreateUser', UserName: name })
  const key = await iam({ Action: 'CreateAccessKey', UserName: name })
  const trust = { Principal: { AWS: `arn:aws:iam::${accountId}:user/${name}` }, Action: 'sts:AssumeRole' }
  const document = (statement: object) =>
    JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', ...statement }] })
  await iam({ Action: 'CreateRole', RoleName: name, AssumeRolePolicyDocument: document(trust) })
  const PolicyDocument = document({ Action: 'kms:*', Resource: '*' })
  await iam({ Action: 'PutRolePolicy', RoleName: name, PolicyName: 'kms', PolicyDocument })
  const value = (body: string, element: string) => new RegExp(`<${element}>([^<]*)`).exec(body)?.[1] ?? ''
  const credentialsIn = (body: string) => ({
    accessKeyId: value(body, 'AccessKeyId'),
    secretAccessKey: value(body, 'SecretAccessKey'),
  })
  const assume = {
    Action: 'AssumeRole',
    RoleArn: `arn:aws:iam::${accountId}:role/${name}`,
    RoleSessionName: 'upload',
  }
  const { body } = await send(
    server,
    queryRequest('sts', assume, { credentials: credentialsIn(key), tls: { ca } }),
  )
  return { credentials: credentialsIn(body), sessionToken: value(body, 'SessionToken') }
}

test('a role session is forwarded as that session, with the role’s permissions as they are', async () => {
  const session = await roleSession('Uploader')
  const service = serviceKms(await forwarded(s3, session))
  const KeyId = await keyWith(
    denyUnless({ ArnNotEquals: { 'aws:PrincipalArn': `arn:aws:iam::${accountId}:role/Uploader` } }),
  )
  await service.encrypt({ KeyId, Plaintext })
  const remove = { Action: 'DeleteRolePolicy', RoleName: 'Uploader', PolicyName: 'kms' }
  await send(server, queryRequest('iam', remove, { tls: { ca } }))
  await assertRefused(
    service.encrypt({ KeyId, Plaintext }),
    'AccessDeniedException',
    new RegExp(
      `^User: arn:aws:sts::${accountId}:assumed-role/Uploader/upload is not authorized to perform: kms:Encrypt`,
    ),
  )
  await send(server, queryRequest('iam', { Action: 'DeleteRole', RoleName: 'Uploader' }, { tls: { ca } }))
  await assertRefused(service.encrypt({ KeyId, Plaintext }), 'UnrecognizedClientException', /./)
})

test('a service’s grant is used by that service, over its certificate', async () => {
  const { id, arn: KeyId } = await newKey(kms)
  const volume = 'arn:aws:ec2:us-east-1:111122223333:volume/v-1'
  await kms.createGrant({
    KeyId: id,
    GranteeServicePrincipal: 'ebs.amazonaws.com',
    RetiringPrincipal: `arn:aws:iam::${accountId}:root`,
    Operations: ['Encrypt'],
    Constraints: { SourceArn: volume },
  })
  const { body: credentials } = await post('/-/service-credentials', {}, ebs)
  const encrypt = (sourceArn: string) =>
    send(
      { url: servicesUrl, credentials },
      {
        operation: 'Encrypt',
        body: JSON.stringify({ KeyId, Plaintext: 'eA==' }),
        sessionToken: credentials.sessionToken,
        headers: { 'x-amz-source-account': accountId, 'x-amz-source-arn': sourceArn },
        tls: { ca, cert: ebs.cert, key: ebs.key },
      },
    )
  const granted = await encrypt(volume)
  assert.equal(granted.status, 200, granted.body)
  assert.equal((await encrypt(`${volume}2`)).error, 'AccessDeniedException')
})

test('a service that calls for itself has what key policies give it, and nothing else', async () => {
  const { status, body: credentials } = await post('/-/service-credentials', {}, ebs)
  assert.equal(status, 200)
  const service = serviceKms(credentials, ebs)
  const KeyId = await keyWith({
    Effect: 'Allow',
    Principal: { Service: 'ebs.amazonaws.com' },
    Action: 'kms:Encrypt',
    Resource: '*',
    Condition: { Bool: { 'aws:PrincipalIsAWSService': 'true' } },
  })
  const arn = (await kms.describeKey({ KeyId })).KeyMetadata?.Arn
  await service.encrypt({ KeyId: arn, Plaintext })
  await assertRefused(service.describeKey({ KeyId: arn }), 'AccessDeniedException', /./)
  await assertRefused(service.listKeys({}), 'AccessDeniedException', /./)
  await assertRefused(service.createKey({}), /^(AccessDenied|MalformedPolicyDocument)Exception$/, /./)
  const { id } = await newKey(kms)
  await assertRefused(
    service.encrypt({ KeyId: id, Plaintext }),
    /NotFoundException|AccessDeniedException/,
    /./,
  )
  // Its credentials are those of one certificate.
  await assertRefused(
    serviceKms(credentials, s3).encrypt({ KeyId: arn, Plaintext }),
    'UnrecognizedClientException',
    /./,
  )
})

test('a service states whom it acts for, and a key policy can insist on it', async () => {
  const { body: credentials } = await post('/-/service-credentials', {}, ebs)
  const key = await keyWith({
    Effect: 'Allow',
    Principal: { Service: 'ebs.amazonaws.com' },
    Action: 'kms:Encrypt',
    Resource: '*',
    Condition: {
      StringEquals: { 'aws:SourceAccount': accountId },
      ArnLike: { 'aws:SourceArn': 'arn:aws:ec2:*:*:volume/*' },
    },
  })
  const KeyId = (await kms.describeKey({ KeyId: key })).KeyMetadata?.Arn
  const ask = (headers: Record<string, string>, unsigned: string[] = []) =>
    send(
      { url: servicesUrl, credentials },
      {
        operation: 'Encrypt',
        body: JSON.stringify({ KeyId, Plaintext: 'eA==' }),
        sessionToken: credentials.sessionToken,
        headers,
        unsigned,
        tls: { ca, cert: ebs.cert, key: ebs.key },
      },
    )
  const stated = {
    'x-amz-source-account': accountId,
    'x-amz-source-arn': 'arn:aws:ec2:us-east-1:111122223333:volume/v-1',
  }
  assert.equal((await ask(stated)).status, 200)
  assert.equal(
    (await ask({ ...stated, 'x-amz-source-account': '444455556666' })).error,
    'AccessDeniedException',
  )
  assert.equal((await ask({})).error, 'AccessDeniedException')
  assert.equal((await ask(stated, ['x-amz-source-account'])).error, 'InvalidSignatureException')
})

test('an AWS managed key appears when its service first uses it, and is for that way only', async () => {
  const alias = { KeyId: 'alias/aws/s3' }
  await assertRefused(kms.describeKey(alias), 'NotFoundException', /alias\/aws\/s3/)
  const session = serviceKms(await forwarded())
  const other = serviceKms(await forwarded(ebs, { service: 'ebs', path: '/' }), ebs)
  await assertRefused(other.encrypt({ ...alias, Plaintext }), 'NotFoundException', /alias\/aws\/s3/)
  const [first, second] = await Promise.all([1, 2].map(() => session.encrypt({ ...alias, Plaintext })))
  assert.equal(first?.KeyId, second?.KeyId)
  const { CiphertextBlob } = first ?? {}
  assert.deepEqual(Buffer.from((await session.decrypt({ CiphertextBlob })).Plaintext ?? []), Plaintext)

  const { KeyMetadata } = await kms.describeKey(alias)
  assert.equal(KeyMetadata?.KeyManager, 'AWS')
  const KeyId = KeyMetadata.KeyId
  const { Policy = '' } = await kms.getKeyPolicy({ KeyId })
  assert.ok(Policy.includes(`"kms:ViaService": "${S3}"`), Policy)
  for (const attempt of [
    () => kms.encrypt({ KeyId, Plaintext }),
    () => kms.decrypt({ CiphertextBlob }),
    () => kms.putKeyPolicy({ KeyId, Policy }),
    () => kms.scheduleKeyDeletion({ KeyId }),
    () => kms.disableKey({ KeyId }),
    () => kms.tagResource({ KeyId, Tags: [{ TagKey: 'a', TagValue: 'b' }] }),
    () => kms.updateKeyDescription({ KeyId, Description: 'mine' }),
    () => other.decrypt({ CiphertextBlob }),
  ]) {
    await assertRefused(attempt(), 'AccessDeniedException', /not authorized/)
  }
  await assertRefused(kms.deleteAlias({ AliasName: 'alias/aws/s3' }), /./, /./)
})

test('the journal names the user and the service, and holds no credentials', async () => {
  const credentials = await forwarded()
  const { id: KeyId } = await newKey(kms)
  await serviceKms(credentials).encrypt({ KeyId, Plaintext })
  const { text, records } = await journalOf(server)
  const encrypt = records.find(
    ({ eventName, resources }) => eventName === 'Encrypt' && JSON.stringify(resources ?? '').includes(KeyId),
  )
  assert.deepEqual(encrypt?.userIdentity, {
    ...(encrypt?.userIdentity as object),
    type: 'Root',
    accountId,
    accessKeyId: credentials.accessKeyId,
    invokedBy: S3,
  })
  const exchanges = records.filter(({ eventName }) => eventName === 'ForwardAccess')
  assert.ok(exchanges.some(({ errorCode }) => errorCode === 'RequestReplayed'))
  assert.ok(exchanges.some(({ errorCode }) => errorCode === undefined))
  assert.ok(records.some(({ eventName }) => eventName === 'RegisterService'))
  assert.ok(records.some(({ eventName }) => eventName === 'ServiceCredentials'))
  for (const secret of [credentials.secretAccessKey, credentials.sessionToken])
    assert.ok(!text.includes(secret))
})

test('services are listed, and what one that is removed was given ends at once', async () => {
  const listed = JSON.parse(await keywright('service', 'list', '--json')) as { name: string }[]
  assert.deepEqual(
    listed.map(({ name }) => name),
    ['ebs.amazonaws.com', S3],
  )
  const session = serviceKms(await forwarded())
  await session.listKeys({})
  await keywright('service', 'remove', S3)
  await assertRefused(session.listKeys({}), 'UnrecognizedClientException', /./)
  assert.equal((await forward(userRequest())).status, 403)
  // Its name may go to another certificate; sessions of the former are not revived.
  await keywright('service', 'register', S3, '--certificate', stranger.file)
  await assertRefused(session.listKeys({}), 'UnrecognizedClientException', /./)
  await forwarded(stranger)
})

test('what is no service or no certificate is not registered', async () => {
  for (const [name, file, message] of [
    ['kms.amazonaws.com', s3.file, /is served here/],
    ['evil.example.com', s3.file, /the name of a service is such as/],
    ['sqs.amazonaws.com', ebs.file, /is registered already/],
    ['sqs.amazonaws.com', join(server.dataDir, 'credentials'), /holds no certificate in PEM form/],
    ['sqs.amazonaws.com', '/absent', /cannot be read \(ENOENT\)/],
  ] as const) {
    const finished = await runKeywright(['service', 'register', name, '--certificate', file], {
      dataDir: server.dataDir,
    })
    assert.equal(finished.code, 1, name)
    assert.match(finished.stderr, message)
  }
})
