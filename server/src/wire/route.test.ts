import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AwsError } from '../aws-error.ts'
import type { Service, ServiceOperation } from '../services/call.ts'
import { readHeaders } from './canonical-request.ts'
import { CredentialsExpired } from './errors.ts'
import type { WireRequest } from './http-message.ts'
import { createRouter } from './route.ts'

function operation(name: string, more: Partial<ServiceOperation> = {}): ServiceOperation {
  return {
    name,
    input: { Name: { type: 'string' }, Limit: { type: 'integer', in: 'querystring' } },
    output: { Text: { type: 'string' } },
    readOnly: true,
    run: async () => undefined,
    ...more,
  }
}

function service(
  signingName: string,
  protocol: Service['protocol'],
  operations: readonly ServiceOperation[],
): Service {
  return {
    signingName,
    protocol,
    eventSource: `${signingName}.amazonaws.com`,
    operations: new Map(operations.map((each) => [each.name, each])),
    operationNames: new Set([...operations.map(({ name }) => name), 'Later']),
  }
}

const sts = { type: 'query', version: '2011-06-15', xmlNamespace: 'https://sts.example/' } as const
const route = createRouter([
  service('kms', { type: 'json', targetPrefix: 'TrentService' }, [operation('Encrypt')]),
  service('sts', sts, [operation('GetCallerIdentity'), operation('Nothing', { output: null })]),
  service('access-analyzer', { type: 'rest-json' }, [
    operation('GetAnalyzer', { http: { method: 'GET', uri: '/analyzer/{Name}' } }),
    operation('ListAnalyzers', { http: { method: 'GET', uri: '/analyzer' } }),
    operation('ValidatePolicy', { http: { method: 'POST', uri: '/policy/validation' } }),
  ]),
])

function exchangeOf(request: Partial<WireRequest> & { headers?: Record<string, string> }) {
  const rawHeaders = Object.entries(request.headers ?? {}).flat()
  const whole = { method: 'POST', target: '/', body: Buffer.alloc(0), sourceIp: '', ...request, rawHeaders }
  return route(whole, readHeaders(rawHeaders))
}

const scoped = (name: string) => ({
  authorization: `AWS4-HMAC-SHA256 Credential=AKIA/20261122/us-east-1/${name}/aws4_request, SignedHeaders=host, Signature=0`,
})
const form = { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' }
const named = 'Action=GetCallerIdentity&Version=2011-06-15'

test('the target decides, then the scope, then the version of an unsigned form', () => {
  assert.equal(
    exchangeOf({ headers: { 'x-amz-target': 'TrentService.Encrypt', ...scoped('sts') } }).service.signingName,
    'kms',
  )
  assert.equal(
    exchangeOf({ headers: { 'x-amz-target': 'Other.Encrypt', ...scoped('sts') } }).service.signingName,
    'kms',
  )
  assert.equal(exchangeOf({ headers: scoped('sts') }).service.signingName, 'sts')
  assert.equal(exchangeOf({ headers: scoped('access-analyzer') }).service.signingName, 'access-analyzer')
  assert.equal(exchangeOf({ headers: scoped('s3') }).service.signingName, 'kms')
  assert.equal(exchangeOf({ headers: form, body: Buffer.from(named) }).service.signingName, 'sts')
  assert.equal(exchangeOf({ target: `/?${named}` }).service.signingName, 'sts')
  assert.equal(
    exchangeOf({ target: `/?${named}&X-Amz-Credential=AKIA%2F20261122%2Fus-east-1%2Fsts%2Faws4_request` })
      .service.signingName,
    'sts',
  )
  for (const body of ['', 'Version=2011-06-15x', 'Version=2010-01-01', 'xVersion=2011-06-15']) {
    assert.equal(exchangeOf({ headers: form, body: Buffer.from(body) }).service.signingName, 'kms', body)
  }
})

test('a credential in a query string is read in time that grows with its length, whatever stands there', () => {
  for (const part of ['/%3', '/%', '%2F%3', '/a', '&X-Amz-Credential=a/']) {
    const target = `/?X-Amz-Credential=${part.repeat(4096)}`.slice(0, 4096)
    const startedAt = performance.now()
    exchangeOf({ target })
    // Microseconds; trying all combinations of slashes takes seconds.
    assert.ok(performance.now() - startedAt < 100, part)
  }
})

test('a query with an X-Amz-Target is a request in JSON, and the target alone says what it asks', () => {
  const exchange = exchangeOf({
    headers: { 'x-amz-target': 'TrentService.Encrypt', ...form, ...scoped('sts') },
    body: Buffer.from(named),
  })
  assert.equal(exchange.operation().name, 'Encrypt')
  assert.throws(() => exchange.input(exchange.operation()), { code: 'SerializationException' })
})

test('AWS Query: action and version name the operation', () => {
  const ask = (text: string) =>
    exchangeOf({ headers: { ...scoped('sts'), ...form }, body: Buffer.from(text) })
  const exchange = ask(`${named}&Name=a+b`)
  assert.equal(exchange.operation().name, 'GetCallerIdentity')
  assert.deepEqual(exchange.input(exchange.operation()), { Name: 'a b' })
  assert.throws(() => ask('Version=2011-06-15').operation(), { code: 'MissingAction' })
  assert.throws(() => ask('Action=Nope&Version=2011-06-15').operation(), {
    code: 'InvalidAction',
    message: 'Could not find operation Nope for version 2011-06-15',
  })
  assert.throws(() => ask('Action=GetCallerIdentity&Version=2010-05-08').operation(), {
    code: 'InvalidAction',
  })
  assert.throws(() => ask('Action=Later&Version=2011-06-15').operation(), { code: 'UnsupportedOperation' })
  assert.throws(() => ask(`${named}&Action=Nothing`).operation(), { code: 'MalformedQueryString' })
})

test('AWS Query: a body that is no form, and a request of another path or method, are refused', () => {
  for (const request of [
    { headers: scoped('sts'), body: Buffer.from(named) },
    { headers: { ...scoped('sts'), 'content-type': 'text/plain' }, body: Buffer.from(named) },
    { headers: { ...scoped('sts'), 'content-type': 'application/json' }, body: Buffer.from('{}') },
    {
      headers: { ...scoped('sts'), 'content-type': 'application/x-www-form-urlencodedx' },
      body: Buffer.from(named),
    },
    {
      headers: { ...scoped('sts'), ...form },
      method: 'GET',
      target: `/?${named}`,
      body: Buffer.from('Name=x'),
    },
    { headers: { ...scoped('sts'), ...form }, method: 'PUT', body: Buffer.from(named) },
    { headers: { ...scoped('sts'), ...form }, target: '/x', body: Buffer.from(named) },
    { headers: { ...scoped('sts'), ...form }, target: `/?${named}`, body: Buffer.from(named) },
  ]) {
    assert.throws(() => exchangeOf(request).operation(), AwsError, JSON.stringify(request))
  }
})

test('AWS Query: answers and errors are XML with AWS’s envelope', () => {
  const exchange = exchangeOf({ headers: { ...scoped('sts'), ...form }, body: Buffer.from(named) })
  const answer = exchange.answer(exchange.operation(), { Text: '<&>' }, 'id')
  assert.equal(answer.contentType, 'text/xml')
  assert.equal(
    answer.body,
    '<GetCallerIdentityResponse xmlns="https://sts.example/"><GetCallerIdentityResult><Text>&lt;&amp;&gt;</Text>' +
      '</GetCallerIdentityResult><ResponseMetadata><RequestId>id</RequestId></ResponseMetadata></GetCallerIdentityResponse>\n',
  )
  assert.equal(
    exchange.answer(operation('Nothing', { output: null }), undefined, 'id').body,
    '<NothingResponse xmlns="https://sts.example/"><ResponseMetadata><RequestId>id</RequestId></ResponseMetadata></NothingResponse>\n',
  )
  const failure = exchange.failure(new AwsError('AccessDeniedException', 'User: <x> is not authorized'), 'id')
  assert.equal(failure.status, 403)
  assert.equal(
    failure.body,
    '<ErrorResponse xmlns="https://sts.example/"><Error><Type>Sender</Type><Code>AccessDenied</Code>' +
      '<Message>User: &lt;x&gt; is not authorized</Message></Error><RequestId>id</RequestId></ErrorResponse>\n',
  )
})

test('AWS Query: the codes of credentials are those of the older services', () => {
  const exchange = exchangeOf({ headers: scoped('sts') })
  for (const [code, shown, status] of [
    ['ValidationException', 'ValidationError', 400],
    ['UnrecognizedClientException', 'InvalidClientTokenId', 403],
    ['InvalidSignatureException', 'SignatureDoesNotMatch', 403],
    ['MissingAuthenticationTokenException', 'MissingAuthenticationToken', 403],
    ['IncompleteSignatureException', 'IncompleteSignature', 400],
    ['NoSuchEntity', 'NoSuchEntity', 404],
    ['ExpiredTokenException', 'ExpiredTokenException', 400],
  ] as const) {
    const failure = exchange.failure(new AwsError(code, '', status === 404 ? 404 : 400), 'id')
    assert.equal(failure.status, status, code)
    assert.ok(failure.body.includes(`<Code>${shown}</Code>`), code)
  }
  const expired = exchange.failure(new CredentialsExpired(), 'id')
  assert.equal(expired.status, 403)
  assert.ok(expired.body.includes('<Code>ExpiredToken</Code>'))
  assert.ok(
    exchange
      .failure(new AwsError('KMSInternalException', '', 500), 'id')
      .body.includes('<Type>Receiver</Type>'),
  )
})

test('AWS Query: a client that accepts JSON gets JSON', () => {
  const exchange = exchangeOf({
    headers: { ...scoped('sts'), ...form, accept: 'application/json' },
    body: Buffer.from(named),
  })
  assert.deepEqual(JSON.parse(exchange.answer(exchange.operation(), { Text: 'x' }, 'id').body), {
    GetCallerIdentityResponse: {
      GetCallerIdentityResult: { Text: 'x' },
      ResponseMetadata: { RequestId: 'id' },
    },
  })
  assert.deepEqual(JSON.parse(exchange.failure(new AwsError('AccessDeniedException', 'no'), 'id').body), {
    Error: { Code: 'AccessDenied', Message: 'no', Type: 'Sender' },
    RequestId: 'id',
  })
})

test('REST-JSON: method and path name the operation, members stand in path, query and body', () => {
  const ask = (method: string, target: string, body = '') =>
    exchangeOf({ method, target, headers: scoped('access-analyzer'), body: Buffer.from(body) })
  const get = ask('GET', '/analyzer/a%2Fb?Limit=5&Name=ignored')
  assert.equal(get.operation().name, 'GetAnalyzer')
  assert.deepEqual(get.input(get.operation()), { Name: 'a/b', Limit: 5 })
  const post = ask('POST', '/policy/validation?Limit=7', '{"Name":"x","Limit":9}')
  assert.equal(post.operation().name, 'ValidatePolicy')
  assert.deepEqual(post.input(post.operation()), { Name: 'x', Limit: 7 })
  assert.equal(ask('GET', '/analyzer').operation().name, 'ListAnalyzers')
  for (const [method, target] of [
    ['POST', '/analyzer'],
    ['GET', '/analyzer/'],
    ['GET', '/analyzer/%zz'],
    ['GET', '/analyzer/a/b'],
    ['GET', '/'],
  ] as const) {
    assert.throws(() => ask(method, target).operation(), { code: 'UnknownOperationException' }, target)
  }
})

test('REST-JSON: the name of an error stands in a header, and front-end refusals are 403', () => {
  const exchange = exchangeOf({ headers: scoped('access-analyzer') })
  const failure = exchange.failure(new AwsError('AccessDeniedException', 'no'), 'id')
  assert.equal(failure.status, 403)
  assert.equal(failure.errorType, 'AccessDeniedException')
  assert.equal(failure.body, '{"message":"no"}')
  assert.equal(exchange.failure(new AwsError('ResourceNotFoundException', '', 404), 'id').status, 404)
})
