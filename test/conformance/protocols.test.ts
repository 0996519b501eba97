import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { amzDateOf, exchange, signedBytes, statuses, type Parts } from '../attacks/raw-socket.ts'
import { journalOf } from '../journal-of.ts'
import { clockAhead, startServer, temporaryFolder, type Credentials } from '../server-process.ts'
import {
  presigned,
  queryRequest,
  send,
  sendPresigned,
  type RawAnswer,
  type RawRequest,
} from '../signed-request.ts'

const server = await startServer({
  args: ['--regions', 'eu-central-1,eu-west-1', '--account-id', '111122223333'],
})
after(() => server.stop())

const rootArn = 'arn:aws:iam::111122223333:root'
const caller = { Action: 'GetCallerIdentity' }

const element = (answer: RawAnswer, name: string) =>
  new RegExp(`<${name}>([^<]*)</${name}>`).exec(answer.body)?.[1] ?? ''

async function session(): Promise<{ credentials: Credentials; sessionToken: string }> {
  const answer = await send(server, queryRequest('sts', { Action: 'GetSessionToken' }))
  assert.equal(answer.status, 200, answer.body)
  return {
    credentials: {
      accessKeyId: element(answer, 'AccessKeyId'),
      secretAccessKey: element(answer, 'SecretAccessKey'),
    },
    sessionToken: element(answer, 'SessionToken'),
  }
}

async function refused(
  raw: RawRequest,
  status: number,
  code: string,
  message: string | RegExp,
): Promise<RawAnswer> {
  const answer = await send(server, raw)
  assert.equal(answer.error, code, answer.body)
  assert.equal(answer.status, status)
  if (typeof message === 'string') assert.equal(answer.message, message)
  else assert.match(answer.message, message)
  return answer
}

test('GetCallerIdentity is answered in XML with AWS’s envelope', async () => {
  const answer = await send(server, queryRequest('sts', caller))
  assert.equal(answer.status, 200)
  assert.equal(answer.headers['content-type'], 'text/xml')
  assert.equal(
    answer.body,
    '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>' +
      `<UserId>111122223333</UserId><Account>111122223333</Account><Arn>${rootArn}</Arn></GetCallerIdentityResult>` +
      `<ResponseMetadata><RequestId>${answer.requestId}</RequestId></ResponseMetadata></GetCallerIdentityResponse>\n`,
  )
})

test('the parameters may stand in the query string of a GET or POST, too', async () => {
  for (const method of ['GET', 'POST']) {
    const raw = {
      method,
      path: '/?Action=GetCallerIdentity&Version=2011-06-15',
      target: null,
      service: 'sts',
      body: '',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    }
    assert.equal(element(await send(server, raw), 'Arn'), rootArn, method)
  }
})

test('global services take us-east-1 and the configured Regions; KMS takes the configured ones only', async () => {
  for (const region of ['us-east-1', 'eu-central-1', 'eu-west-1']) {
    assert.equal((await send(server, queryRequest('sts', caller, { region }))).status, 200, region)
  }
  await refused(
    queryRequest('sts', caller, { region: 'us-west-2' }),
    403,
    'SignatureDoesNotMatch',
    /^Credential should be scoped to a valid region/,
  )
  await refused(
    { operation: 'ListKeys', body: '{}', region: 'us-east-1' },
    400,
    'InvalidSignatureException',
    /^Credential should be scoped to a valid region/,
  )
})

test('an unknown operation is told with its version', async () => {
  await refused(
    queryRequest('sts', { Action: 'Nope' }),
    400,
    'InvalidAction',
    'Could not find operation Nope for version 2011-06-15',
  )
  await refused(queryRequest('sts', {}), 400, 'MissingAction', /Action/)
})

test('violations of the shape are told as ValidationError', async () => {
  await refused(
    queryRequest('sts', { Action: 'AssumeRole', RoleSessionName: 'a b' }),
    400,
    'ValidationError',
    /^\d validation errors detected: .*Value null at 'roleArn' failed to satisfy constraint: Member must not be null/,
  )
  await refused(
    queryRequest('sts', { Action: 'GetSessionToken', DurationSeconds: 'soon' }),
    400,
    'MalformedInput',
    /Integer/,
  )
})

test('what is sent in XML’s own signs comes back as text', async () => {
  const answer = await send(server, queryRequest('sts', { Action: '</Message><Code>&"' }))
  assert.equal(answer.message, 'Could not find operation </Message><Code>&" for version 2011-06-15')
  assert.equal(answer.body.match(/<Code>/g)?.length, 1)
})

test('refused credentials are told in the protocol of the request', async () => {
  const unknown = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'x'.repeat(40) }
  await refused(
    queryRequest('sts', caller, { credentials: unknown }),
    403,
    'InvalidClientTokenId',
    'The security token included in the request is invalid.',
  )
  await refused(
    queryRequest('sts', caller, { credentials: { ...server.credentials, secretAccessKey: 'x'.repeat(40) } }),
    403,
    'SignatureDoesNotMatch',
    /^The request signature we calculated does not match the signature you provided\./,
  )
  await refused(
    queryRequest('sts', caller, { authorization: (value) => value.replace(/, Signature=.*/, '') }),
    400,
    'IncompleteSignature',
    /Signature/,
  )
  await refused(
    queryRequest('sts', caller, { authorization: () => undefined }),
    403,
    'MissingAuthenticationToken',
    'Missing Authentication Token',
  )
  const json = { operation: 'ListKeys', body: '{}', region: 'eu-central-1' }
  await refused({ ...json, credentials: unknown }, 400, 'UnrecognizedClientException', /invalid/)
})

test('STS takes a signature for a quarter of an hour, and says so', async () => {
  const at = (minutes: number) => queryRequest('sts', caller, { at: new Date(Date.now() + minutes * 60_000) })
  for (const minutes of [-14, 14]) assert.equal((await send(server, at(minutes))).status, 200)
  await refused(at(-16), 403, 'SignatureDoesNotMatch', /^Signature expired: .*\(\d{8}T\d{6}Z - 15 min\.\)$/)
  await refused(at(16), 403, 'SignatureDoesNotMatch', /^Signature not yet current: .*\+ 15 min\.\)$/)
})

test('temporary credentials work with their token, and not without it or with another', async () => {
  const one = await session()
  const other = await session()
  const listKeys = { operation: 'ListKeys', body: '{}', region: 'eu-central-1' }
  assert.equal((await send(server, { ...listKeys, ...one })).status, 200)
  assert.equal(element(await send(server, queryRequest('sts', caller, one)), 'Arn'), rootArn)

  const invalid = 'The security token included in the request is invalid.'
  const { credentials } = one
  for (const wrong of [
    { credentials },
    { credentials, sessionToken: other.sessionToken },
    { credentials, sessionToken: `${one.sessionToken.slice(0, -4)}AAAA` },
    { credentials, sessionToken: '' },
    { credentials: server.credentials, sessionToken: one.sessionToken },
    {
      credentials: { ...credentials, accessKeyId: other.credentials.accessKeyId },
      sessionToken: one.sessionToken,
    },
  ]) {
    await refused({ ...listKeys, ...wrong }, 400, 'UnrecognizedClientException', invalid)
    await refused(queryRequest('sts', caller, wrong), 403, 'InvalidClientTokenId', invalid)
  }
  await refused(
    {
      ...listKeys,
      credentials: { ...credentials, secretAccessKey: 'x'.repeat(40) },
      sessionToken: one.sessionToken,
    },
    400,
    'InvalidSignatureException',
    /^The request signature/,
  )
  await refused(
    { ...listKeys, ...one, unsigned: ['x-amz-security-token'] },
    400,
    'InvalidSignatureException',
    /must be a 'SignedHeader'/,
  )
})

test('a refused signature never repeats a session token', async () => {
  const { credentials, sessionToken } = await session()
  const wrong = { credentials: { ...credentials, secretAccessKey: 'x'.repeat(40) }, sessionToken }
  const byHeader = await send(server, queryRequest('sts', caller, wrong))
  const byQuery = await sendPresigned(presigned(server, { parameters, ...wrong }))
  for (const answer of [byHeader, byQuery]) {
    assert.equal(answer.error, 'SignatureDoesNotMatch')
    assert.ok(!answer.body.includes(sessionToken) && !answer.body.includes(encodeURIComponent(sessionToken)))
  }
})

const parameters = { Action: 'GetCallerIdentity', Version: '2011-06-15' }

test('a presigned GetCallerIdentity is answered to whoever sends it, with its signed headers', async () => {
  const url = presigned(server, { parameters, expires: '60', headers: { 'x-k8s-aws-id': 'cluster' } })
  assert.equal(element(await sendPresigned(url), 'Arn'), rootArn)
  // It is no secret that is used up: the authenticator may ask again.
  assert.equal((await sendPresigned(url)).status, 200)
  const json = await sendPresigned(url, { headers: { accept: 'application/json' } })
  assert.deepEqual(JSON.parse(json.body), {
    GetCallerIdentityResponse: {
      GetCallerIdentityResult: { UserId: '111122223333', Account: '111122223333', Arn: rootArn },
      ResponseMetadata: { RequestId: json.requestId },
    },
  })
  const { credentials, sessionToken } = await session()
  const temporary = await sendPresigned(presigned(server, { parameters, credentials, sessionToken }))
  assert.equal(element(temporary, 'Arn'), rootArn)
})

test('a signed POST is answered when another party sends it, as Vault does', async () => {
  const raw = queryRequest('sts', caller, { headers: { 'x-vault-aws-iam-server-id': 'vault.example.com' } })
  assert.equal(element(await send(server, raw), 'Arn'), rootArn)
  assert.equal(element(await send(server, raw), 'Arn'), rootArn)
})

test('a presigned URL holds exactly as it was signed', async () => {
  const signed = presigned(server, { parameters, headers: { 'x-k8s-aws-id': 'cluster' } })
  const changed = (edit: (url: URL) => void) => {
    const url = new URL(signed.url)
    edit(url)
    return { ...signed, url }
  }
  const mismatch = /^The request signature we calculated/
  const cases: [string, Parameters<typeof sendPresigned>, string, RegExp][] = [
    ['another header', [signed, { headers: { 'x-k8s-aws-id': 'other' } }], 'SignatureDoesNotMatch', mismatch],
    ['another method', [signed, { method: 'POST' }], 'SignatureDoesNotMatch', mismatch],
    [
      'a body',
      [
        changed((url) => {
          url.searchParams.delete('Action')
        }),
        {
          method: 'POST',
          body: 'Action=GetSessionToken',
          headers: { 'content-type': 'application/x-www-form-urlencoded' },
        },
      ],
      'SignatureDoesNotMatch',
      mismatch,
    ],
    [
      'another action',
      [changed((url) => url.searchParams.set('Action', 'GetSessionToken'))],
      'SignatureDoesNotMatch',
      mismatch,
    ],
    [
      'a further parameter',
      [changed((url) => url.searchParams.append('DurationSeconds', '900'))],
      'SignatureDoesNotMatch',
      mismatch,
    ],
    [
      'a second action',
      [changed((url) => url.searchParams.append('Action', 'GetSessionToken'))],
      'MalformedQueryString',
      /more than once/,
    ],
    [
      'a second signature',
      [changed((url) => url.searchParams.append('X-Amz-Signature', '0'.repeat(64)))],
      'MalformedQueryString',
      /more than once/,
    ],
    [
      'a second signature, in disguise',
      [{ ...signed, url: new URL(`${signed.url.href}&X-Amz%2DSignature=0`) }],
      'MalformedQueryString',
      /more than once/,
    ],
    [
      'a session token',
      [changed((url) => url.searchParams.append('X-Amz-Security-Token', 'AAAA'))],
      'InvalidClientTokenId',
      /invalid/,
    ],
    [
      'a later date',
      [changed((url) => url.searchParams.set('X-Amz-Date', '20990101T000000Z'))],
      'SignatureDoesNotMatch',
      /./,
    ],
    [
      'a token in a header',
      [signed, { headers: { 'x-amz-security-token': 'AAAA' } }],
      'SignatureDoesNotMatch',
      /presigned/,
    ],
    [
      'without its signed header',
      [{ url: signed.url, headers: { host: signed.headers['host'] ?? '' } }],
      'IncompleteSignature',
      /x-k8s-aws-id/,
    ],
  ]
  for (const [name, args, code, message] of cases) {
    const answer = await sendPresigned(...args)
    assert.equal(answer.error, code, `${name}: ${answer.body}`)
    assert.match(answer.message, message, name)
  }
})

test('a plus sign in a presigned URL is not a space that was signed as something else', async () => {
  const signed = presigned(server, { parameters: { ...parameters, Note: 'a+b' } })
  assert.equal((await sendPresigned(signed)).status, 200)
  const spaced = { ...signed, url: new URL(signed.url.href.replace('Note=a%2Bb', 'Note=a%20b')) }
  assert.equal((await sendPresigned(spaced)).error, 'SignatureDoesNotMatch')
})

test('a presigned URL is over after a quarter of an hour, whatever it says itself', async () => {
  const made = (minutes: number, expires: string) =>
    sendPresigned(presigned(server, { parameters, expires, at: new Date(Date.now() - minutes * 60_000) }))
  assert.equal((await made(14, '60')).status, 200)
  const old = await made(16, '604800')
  assert.equal(old.error, 'SignatureDoesNotMatch')
  assert.match(old.message, /^Signature expired: .*- 15 min\.\)$/)
  assert.equal((await made(0, '604801')).error, 'IncompleteSignature')
  assert.equal((await made(0, '-1')).error, 'IncompleteSignature')
})

test('no other service takes a presigned URL', async () => {
  const url = presigned(server, { parameters, service: 'kms', region: 'eu-central-1' })
  const answer = await sendPresigned(url)
  assert.equal(answer.error, 'MissingAuthenticationTokenException', answer.body)
})

test('a form with an X-Amz-Target, and a target with a form, are one thing only', async () => {
  const body = 'Action=GetCallerIdentity&Version=2011-06-15'
  const form = { 'content-type': 'application/x-www-form-urlencoded' }
  const eu = { region: 'eu-central-1' }
  await refused(
    { ...eu, target: 'TrentService.ListKeys', service: 'sts', body, headers: form },
    400,
    'InvalidSignatureException',
    "Credential should be scoped to correct service: 'kms'. ",
  )
  await refused(
    { ...eu, target: 'TrentService.ListKeys', body, headers: form },
    400,
    'SerializationException',
    /^$/,
  )
  await refused({ ...eu, target: null, body, headers: form }, 400, 'UnknownOperationException', /^$/)
  // The header of a request that was signed without one decides nothing.
  await refused(
    {
      ...queryRequest('sts', caller),
      headers: { ...form, 'x-amz-target': 'TrentService.ListKeys' },
      unsigned: ['x-amz-target'],
    },
    400,
    'InvalidSignatureException',
    /./,
  )
})

test('a body is read as a form only when it says that it is one', async () => {
  for (const type of [
    'text/plain',
    'application/json',
    'multipart/form-data; boundary=x',
    'application/x-www-form-urlencoded, text/plain',
  ]) {
    await refused(
      queryRequest('sts', caller, { headers: { 'content-type': type } }),
      400,
      'MalformedInput',
      /form-urlencoded/,
    )
  }
})

const DAY_MS = 86_400_000

test('temporary credentials are over at their time, and every protocol has its own word for it', async () => {
  const dataDir = join(temporaryFolder(), 'data')
  const today = await startServer({ dataDir })
  const made = await send(today, queryRequest('sts', { Action: 'GetSessionToken' }))
  await today.stop()
  const credentials = {
    accessKeyId: element(made, 'AccessKeyId'),
    secretAccessKey: element(made, 'SecretAccessKey'),
  }
  const over = {
    credentials,
    sessionToken: element(made, 'SessionToken'),
    at: new Date(Date.now() + 2 * DAY_MS),
  }
  const message = 'The security token included in the request is expired'
  const later = await startServer({ dataDir, nodeArgs: clockAhead(2 * DAY_MS) })
  try {
    const query = await send(later, queryRequest('sts', caller, over))
    assert.deepEqual([query.status, query.error, query.message], [403, 'ExpiredToken', message])
    const json = await send(later, { operation: 'ListKeys', body: '{}', ...over })
    assert.deepEqual([json.status, json.error, json.message], [400, 'ExpiredTokenException', message])
    const url = await sendPresigned(presigned(later, { parameters, ...over }))
    assert.deepEqual([url.status, url.error, url.message], [403, 'ExpiredToken', message])
    // Not told to somebody who has the token alone.
    const other = { ...credentials, accessKeyId: `ASIA${'A'.repeat(16)}` }
    const stolen = await send(later, queryRequest('sts', caller, { ...over, credentials: other }))
    assert.equal(stolen.error, 'InvalidClientTokenId')
  } finally {
    await later.stop()
  }
})

test('a header that decides something counts once, however it is repeated', async () => {
  const { host } = new URL(server.url)
  const amzDate = amzDateOf(Date.now())
  const { credentials, sessionToken } = await session()
  const body = 'Action=GetCallerIdentity&Version=2011-06-15'
  const form = ['Content-Type', 'application/x-www-form-urlencoded'] as const
  const ask = (headers: readonly (readonly [string, string])[], over: Partial<Parts> = {}) =>
    exchange(
      server.url,
      signedBytes({
        headers: [['Host', host], ['X-Amz-Date', amzDate], ...headers],
        body,
        service: 'sts',
        amzDate,
        credentials: server.credentials,
        ...over,
      }),
    )
  assert.deepEqual(statuses(await ask([form])), [200])
  const token = ['X-Amz-Security-Token', sessionToken] as const
  assert.deepEqual(statuses(await ask([form, token], { credentials })), [200])
  for (const [what, answer] of [
    ['two types', ask([form, ['Content-Type', 'text/plain']])],
    ['two tokens', ask([form, token, token], { credentials })],
    [
      'two tokens of which one is signed',
      ask([form, token, ['x-amz-security-token', 'AAAA']], { credentials }),
    ],
    [
      'an unsigned token',
      ask([form, token], { signedHeaders: ['content-type', 'host', 'x-amz-date'], credentials }),
    ],
    ['a target', ask([form, ['X-Amz-Target', 'TrentService.ListKeys']])],
    [
      'two targets',
      ask([
        ['X-Amz-Target', 'TrentService.ListKeys'],
        ['X-Amz-Target', 'TrentService.ListAliases'],
      ]),
    ],
    ['a second date', ask([form, ['X-Amz-Date', amzDate]])],
    ['parameters in the path', ask([form], { target: `/${body}`, canonicalTarget: `/${body}`, body: '' })],
    ['an absolute target', ask([form], { target: `http://${host}/` })],
    ['a body for another account', ask([form], { body: `${body}&Action=GetSessionToken` })],
  ] as const) {
    const [status = 0] = statuses(await answer)
    assert.ok(status >= 400 && status < 500, `${what}: ${await answer}`)
  }
})

test('a request that is unsigned leaves no record, and none of its credentials stands in one', async () => {
  const token = `${'e'.repeat(20)}.${'f'.repeat(20)}.${'g'.repeat(20)}`
  const raw = queryRequest('sts', {
    Action: 'AssumeRoleWithWebIdentity',
    RoleArn: 'arn:aws:iam::111122223333:role/Nobody',
    RoleSessionName: 'session',
    WebIdentityToken: token,
  })
  await refused({ ...raw, authorization: () => undefined }, 400, 'InvalidIdentityToken', /./)
  const { credentials, sessionToken } = await session()
  const { text: journal } = await journalOf(server)
  assert.ok(journal.includes('GetSessionToken'))
  assert.ok(!journal.includes('AssumeRoleWithWebIdentity'))
  for (const secret of [token, sessionToken, credentials.secretAccessKey])
    assert.ok(!journal.includes(secret))
})
