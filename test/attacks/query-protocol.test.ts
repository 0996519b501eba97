import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { iamClient, newUser, policyOf, sessionCredentials, stsClient } from '../identity-clients.ts'
import { kmsClient, newKey } from '../kms-client.ts'
import { startServer, type Credentials, type ServerProcess } from '../server-process.ts'
import { queryRequest, send, type RawAnswer, type RawRequest } from '../signed-request.ts'
import { amzDateOf, exchange, signedBytes, statuses } from './raw-socket.ts'

const ACCOUNT = '111122223333'
const FORM = 'application/x-www-form-urlencoded'

let server: ServerProcess
let reader: Credentials
before(async () => {
  server = await startServer({ env: { KEYWRIGHT_ACCOUNT_ID: ACCOUNT } })
  reader = await newUser(
    iamClient(server),
    'reader',
    policyOf({ Effect: 'Allow', Action: ['iam:ListUsers', 'kms:ListKeys'], Resource: '*' }),
  )
})
after(() => server.stop())

/** A form as it stands, signed by the root user unless somebody else is named. */
function form(body: string, raw: Partial<RawRequest> = {}): Promise<RawAnswer> {
  return send(server, {
    service: 'iam',
    target: null,
    ...raw,
    body,
    headers: { 'content-type': FORM, ...raw.headers },
  })
}

/** AWS answers what is no query with 404, and a value that a member may not have with 400. */
function assertMalformed({ status, error, body }: RawAnswer, what: string): void {
  assert.match(
    `${status} ${error}`,
    /^(404 MalformedQueryString|400 ValidationError)$/,
    `${what}: ${body.slice(0, 300)}`,
  )
}

const users = async () =>
  ((await iamClient(server).listUsers({})).Users ?? []).map(({ UserName }) => UserName)
const head = 'Action=CreateUser&Version=2010-05-08&UserName='

test('a parameter that is given twice is refused, however it is written', async () => {
  for (const body of [
    'Action=ListUsers&Action=CreateUser&Version=2010-05-08&UserName=twice',
    'Action=ListUsers&%41ction=CreateUser&Version=2010-05-08&UserName=twice',
    'Action=CreateUser&Version=2010-05-08&Version=2010-05-08&UserName=twice',
    `${head}one&UserName=two`,
    `${head}one&User%4eame=two`,
    'Action=ListUsers&Version=2010-05-08&action=CreateUser&UserName=twice&Action=CreateUser',
  ]) {
    const answer = await form(body)
    assertMalformed(answer, body)
  }
  assert.deepEqual(await users(), ['reader'])
})

test('a parameter in the body and one in the query string are not two requests', async () => {
  for (const path of ['/?Action=ListUsers', '/?Action=CreateUser&UserName=query', '/?UserName=query']) {
    const answer = await form('Action=CreateUser&Version=2010-05-08&UserName=body', { path })
    assert.ok(answer.status === 400 || answer.status === 404, `${path}: ${answer.status}`)
  }
  assert.deepEqual(await users(), ['reader'])
})

test('broken encodings, NUL and ill-formed UTF-8 are refused and make nothing', async () => {
  for (const name of [
    '%',
    '%1',
    '%zz',
    '%00',
    'a%00b',
    '%ff',
    '%c0%80',
    '%ed%a0%80',
    '%f5%80%80%80',
    'a%',
    'a%u0041',
  ]) {
    const answer = await form(head + name)
    assertMalformed(answer, name)
    assert.equal((await form(`${name}=x&Action=ListUsers&Version=2010-05-08`)).status === 500, false, name)
  }
  assert.deepEqual(await users(), ['reader'])
})

test('lists with huge, negative, repeated or foreign indexes cost nothing and are refused', async () => {
  const cpu = async () => {
    const text = await (await fetch(`${server.url}/-/metrics`)).text()
    return Number(/^process_cpu_seconds_total (\S+)$/m.exec(text)?.[1])
  }
  const start = await cpu()
  for (const parameters of [
    'Tags.member.999999999.Key=a&Tags.member.999999999.Value=b',
    'Tags.member.99999999999999999999.Key=a&Tags.member.99999999999999999999.Value=b',
    'Tags.member.-1.Key=a',
    'Tags.member.0.Key=a&Tags.member.0.Value=b',
    'Tags.member.01.Key=a&Tags.member.1.Key=b',
    'Tags.member.1e9.Key=a',
    'Tags.member.__proto__.Key=a',
    'Tags.member.1.__proto__.Key=a&Tags.member.1.constructor=x',
    'Tags.member.length=5',
    'Tags=x&Tags.member.1.Key=a',
    'Tags.member.1=x&Tags.member.1.Key=a',
    `Tags.${'member.1.'.repeat(400)}Key=a`,
    `${'.'.repeat(4000)}=a`,
    Array.from({ length: 4090 }, (_, i) => `Tags.member.${i * 7919}.Key=a`).join('&'),
    Array.from({ length: 20_000 }, (_, i) => `a${i}=b`).join('&'),
    '&'.repeat(900_000),
  ]) {
    const answer = await form(`${head}listed&${parameters}`)
    assertMalformed(answer, parameters.slice(0, 60))
    assert.ok(answer.body.length < 8000)
  }
  const spent = (await cpu()) - start
  assert.ok(spent < 3, `${spent} s`)
  assert.deepEqual(await users(), ['reader'])
})

test('what a request says comes back as text, never as XML', async () => {
  const hostile = [
    '</Message><Code>Success</Code>',
    '<!--',
    ']]><x/>',
    '&lt;&#60;&amp;',
    '"\'>',
    '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>&b;',
    '\u2028<a>\ufffe',
  ]
  for (const text of hostile) {
    for (const [name, parameters] of Object.entries({
      action: { Action: text },
      version: { Action: 'ListUsers', Version: text },
      name: { Action: 'GetUser', UserName: text },
      path: { Action: 'ListUsers', PathPrefix: text },
      marker: { Action: 'ListUsers', Marker: text },
      policy: { Action: 'CreatePolicy', PolicyName: 'p', PolicyDocument: text },
      arn: { Action: 'GetPolicy', PolicyArn: `arn:aws:iam::${ACCOUNT}:policy/${text}` },
    })) {
      const answer = await send(server, queryRequest('iam', parameters))
      assert.ok(answer.status >= 400, `${name} ${text}`)
      const elements = [...answer.body.matchAll(/<([/A-Za-z!?][^\s>/]*)/g)].map(([, element]) => element)
      const known = new Set(['ErrorResponse', 'Error', 'Type', 'Code', 'Message', 'RequestId', '?xml'])
      for (const element of elements)
        assert.ok(known.has(element?.replace(/^\//, '') ?? ''), `${name}: ${answer.body}`)
      assert.equal(answer.body.match(/<Code>/g)?.length, 1)
    }
  }
  const iam = iamClient(server)
  const Value = 'a b=c/d+e@f:_-.'
  await iam.createUser({ UserName: 'tagged', Tags: [{ Key: 'k', Value }] })
  assert.deepEqual((await iam.getUser({ UserName: 'tagged' })).User?.Tags, [{ Key: 'k', Value }])
  await iam.deleteUser({ UserName: 'tagged' })
})

test('a form with an X-Amz-Target is never a request of two services', async () => {
  const { id } = await newKey(kmsClient(server))
  const attempts: Partial<RawRequest>[] = [
    { target: 'TrentService.ListKeys' },
    { target: 'TrentService.ListKeys', service: 'kms' },
    { target: 'TrentService.DisableKey', service: 'kms', headers: { 'content-type': FORM } },
    { target: 'AWSIAM.CreateUser' },
    { service: 'kms' },
    { service: 'sts' },
    { headers: { 'content-type': 'application/x-amz-json-1.1' } },
    { headers: { 'content-type': 'application/json' } },
    { headers: { 'content-type': 'text/plain' } },
    { headers: { 'content-type': `${FORM}, application/json` } },
    { headers: { 'content-type': 'multipart/form-data; boundary=x' } },
    { headers: { 'content-encoding': 'gzip' } },
    { method: 'PUT' },
    { method: 'DELETE' },
    { path: '/iam' },
  ]
  for (const attempt of attempts) {
    const answer = await form(`${head}smuggled`, { ...attempt, credentials: reader })
    const what = JSON.stringify(attempt)
    assert.ok(answer.status >= 400, `${what}: ${answer.body}`)
    assert.ok(answer.status < 500, `${what}: ${answer.body}`)
  }
  assert.deepEqual(await users(), ['reader'])
  assert.equal((await kmsClient(server).describeKey({ KeyId: id })).KeyMetadata?.KeyState, 'Enabled')
})

test('the scope of a signature is the service, whatever the body asks', async () => {
  // Credentials that may only ask KMS do not become good for IAM by another body, nor the other way round.
  for (const [service, body] of [
    ['kms', 'Action=ListUsers&Version=2010-05-08'],
    ['sts', 'Action=ListUsers&Version=2010-05-08'],
    ['iam', 'Action=GetSessionToken&Version=2011-06-15'],
    ['access-analyzer', 'Action=ListUsers&Version=2010-05-08'],
    ['s3', 'Action=ListUsers&Version=2010-05-08'],
  ] as const) {
    const answer = await form(body, { service })
    assert.ok(answer.status >= 400 && answer.status < 500, `${service}: ${answer.status} ${answer.body}`)
  }
})

/** A request byte by byte, so that each header can be sent as no client would. */
function raw(headers: readonly (readonly [string, string])[], more: object = {}): Promise<string> {
  const amzDate = amzDateOf(Date.now())
  return exchange(
    server.url,
    signedBytes({
      headers: [['Host', new URL(server.url).host], ['X-Amz-Date', amzDate], ...headers],
      amzDate,
      credentials: reader,
      ...more,
    }),
  )
}

test('headers that decide something are one each, and are not folded, doubled or hidden', async () => {
  const target = ['X-Amz-Target', 'TrentService.ListKeys'] as const
  assert.deepEqual(statuses(await raw([target])), [200])
  const smuggled: readonly (readonly (readonly [string, string])[])[] = [
    [target, ['X-Amz-Target', 'TrentService.CreateKey']],
    [['X-Amz-Target', 'TrentService.ListKeys, TrentService.CreateKey']],
    [['X-Amz-Target', 'TrentService.ListKeys\r\n TrentService.CreateKey']],
    [['X-Amz-Target ', 'TrentService.CreateKey'], target],
    [['X-Amz-Target\t', 'TrentService.CreateKey'], target],
    [['X_Amz_Target', 'TrentService.CreateKey']],
    [target, ['X-Amz-Date', amzDateOf(Date.now())]],
    [target, ['Host', 'elsewhere.example']],
    [target, ['Authorization', 'AWS4-HMAC-SHA256 Credential=x']],
    [target, ['Transfer-Encoding', 'chunked']],
    [target, ['Content-Length', '5']],
    [target, ['X-Amz-Security-Token', '']],
    [target, ['X-Amz-Content-Sha256', 'UNSIGNED-PAYLOAD']],
    [target, ['X-Amz-Content-Sha256', 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD']],
  ]
  for (const headers of smuggled) {
    const answer = statuses(await raw(headers))
    assert.ok(
      answer.length <= 1 && answer.every((status) => status >= 400 && status < 500),
      `${JSON.stringify(headers)}: ${answer.join()}`,
    )
  }
  assert.deepEqual((await kmsClient(server).listKeys({})).Keys?.length, 1)
})

test('a session token that is added, taken away or sent unsigned does not change who asks', async () => {
  const { Credentials: issued } = await stsClient(server, reader).getSessionToken({})
  const session = sessionCredentials(issued)
  const target = ['X-Amz-Target', 'TrentService.ListKeys'] as const
  const token = ['X-Amz-Security-Token', session.sessionToken] as const
  assert.deepEqual(statuses(await raw([target, token], { credentials: session })), [200])
  for (const [headers, more] of [
    [[target], { credentials: session }],
    [[target, token, token], { credentials: session }],
    [[target, token], { credentials: session, signedHeaders: ['host', 'x-amz-date', 'x-amz-target'] }],
    [
      [target, ['X-Amz-Security-Token', `${session.sessionToken},${session.sessionToken}`]],
      { credentials: session },
    ],
    [[target, token], { credentials: reader }],
  ] as const) {
    const answer = statuses(await raw(headers, more))
    assert.deepEqual(answer, [400], JSON.stringify(headers).slice(0, 80))
  }
})
