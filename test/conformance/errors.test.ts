import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { after, test } from 'node:test'
import { kmsClient, newKey } from '../kms-client.ts'
import { startServer } from '../server-process.ts'
import { send } from '../signed-request.ts'
import type { RawAnswer, RawRequest } from '../signed-request.ts'

const server = await startServer()
const { id: KeyId } = await newKey(kmsClient(server))
after(() => server.stop())

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

async function refused(raw: RawRequest, error: string, message: string | RegExp): Promise<RawAnswer> {
  const answer = await send(server, raw)
  assert.equal(answer.error, error, answer.body)
  assert.equal(answer.status, 400)
  assert.equal(answer.headers['content-type'], 'application/x-amz-json-1.1')
  assert.match(answer.requestId, uuid)
  if (typeof message === 'string') assert.equal(answer.message, message)
  else assert.match(answer.message, message)
  return answer
}

const listKeys: RawRequest = { operation: 'ListKeys', body: '{}' }

test('a well signed request is answered, with headers of any kind signed along', async () => {
  for (const raw of [
    listKeys,
    { ...listKeys, headers: { 'x-custom': 'a  b', 'content-type': 'application/x-amz-json-1.1' } },
    { ...listKeys, headers: { 'x-amz-content-sha256': createHash('sha256').update('{}').digest('hex') } },
    { ...listKeys, headers: { 'x-unsigned': '1' }, unsigned: ['x-unsigned'] },
    { ...listKeys, region: 'eu-central-1' },
  ] satisfies RawRequest[]) {
    // Inner blanks are one in the canonical form; the signer of this test does not fold them.
    const sent =
      'headers' in raw && 'x-custom' in raw.headers ? { ...raw, headers: { 'x-custom': 'a b' } } : raw
    const answer = await send(server, sent)
    assert.equal(answer.status, 200, answer.body)
    assert.equal(answer.headers['content-type'], 'application/x-amz-json-1.1')
    assert.match(answer.requestId, uuid)
  }
})

test('an operation without an answer of its own answers with an empty body', async () => {
  const answer = await send(server, { operation: 'EnableKey', body: { KeyId } })
  assert.deepEqual([answer.status, answer.body], [200, ''])
  assert.match(answer.requestId, uuid)
})

test('two answers never have one request id', async () => {
  const answers = await Promise.all(Array.from({ length: 10 }, () => send(server, listKeys)))
  assert.equal(new Set(answers.map((answer) => answer.requestId)).size, 10)
})

test('an unknown target is an unknown operation', async () => {
  for (const target of [
    'TrentService.NoSuchOperation',
    'TrentService.',
    'TrentService',
    'TrentService.ListKeys.More',
    'TrentService.listKeys',
    'TrentService.__proto__',
    'TrentService.constructor',
    'OtherService.ListKeys',
    'nonsense',
    null,
  ]) {
    await refused({ target, body: '{}' }, 'UnknownOperationException', '')
  }
})

test('an operation of AWS KMS that this release does not have is unsupported, not unknown', async () => {
  await refused(
    { operation: 'ConnectCustomKeyStore', body: '{}' },
    'UnsupportedOperationException',
    /ConnectCustomKeyStore/,
  )
})

test('another method or path is no operation, and has a request id all the same', async () => {
  for (const raw of [
    { ...listKeys, method: 'GET', body: '' },
    { ...listKeys, method: 'PUT' },
    { ...listKeys, method: 'DELETE', body: '' },
    { ...listKeys, path: '/other' },
    { ...listKeys, path: '/-/other' },
  ] satisfies RawRequest[]) {
    const answer = await send(server, raw)
    assert.ok(answer.status >= 400 && answer.status < 500, `${answer.status} ${answer.body}`)
    assert.match(answer.requestId, uuid)
  }
})

test('what is not HTTP, or too long, is refused with a request id', async () => {
  for (const bytes of [
    'nonsense\r\n\r\n',
    `POST / HTTP/1.1\r\nHost: x\r\nX-Long: ${'x'.repeat(20_000)}\r\n\r\n`,
  ]) {
    const { hostname, port } = new URL(server.url)
    const socket = connect(Number(port), hostname)
    socket.write(bytes)
    assert.match(await text(socket), /^HTTP\/1\.1 4\d\d .*\r\n(.*\r\n)*x-amzn-requestid: [0-9a-f-]{36}\r\n/i)
  }
  const answer = await send(server, { ...listKeys, body: `{"Marker":"${'x'.repeat(2 ** 20)}"}` })
  assert.ok([400, 413].includes(answer.status), answer.body)
  assert.match(answer.requestId, uuid)
})

test('a body that is no JSON object is a SerializationException', async () => {
  // Nothing at all is an empty structure.
  assert.equal((await send(server, { operation: 'ListKeys', body: '' })).status, 200)
  for (const body of [
    '{',
    '{}{}',
    'nonsense',
    "{'Limit':1}",
    '{"Limit":1,}',
    '{"Limit":01}',
    '{"Limit":NaN}',
    '[]',
    '"text"',
    '1',
    '\ufeff{}',
    Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]),
    `${'{"a":'.repeat(1000)}1${'}'.repeat(1000)}`,
    '['.repeat(100_000),
  ]) {
    const answer = await send(server, { operation: 'ListKeys', body })
    assert.equal(answer.error, 'SerializationException', `${String(body).slice(0, 40)}: ${answer.body}`)
    assert.equal(answer.status, 400)
  }
})

test('a name that occurs twice is refused, however it is written', async () => {
  for (const body of [
    '{"Limit":1,"Limit":1}',
    '{"Limit":1,"\\u004cimit":2}',
    '{"unknown":1,"unknown":1}',
    `{"KeyId":"${KeyId}","Plaintext":"eA==","EncryptionContext":{"a":"1","a":"1"}}`,
    `{"KeyId":"${KeyId}","Plaintext":"eA==","EncryptionContext":{"__proto__":"1","__proto__":"2"}}`,
  ]) {
    await refused(
      { operation: body.includes('KeyId') ? 'Encrypt' : 'ListKeys', body },
      'SerializationException',
      /.*/,
    )
  }
})

test('a member of the wrong JSON type is a SerializationException', async () => {
  const cases: [string, object][] = [
    ['ListKeys', { Limit: '10' }],
    ['ListKeys', { Limit: [] }],
    ['ListKeys', { Limit: true }],
    ['ListKeys', { Limit: {} }],
    ['ListKeys', { Marker: {} }],
    ['ListKeys', { Marker: [] }],
    ['DescribeKey', { KeyId: {} }],
    ['DescribeKey', { KeyId: [KeyId] }],
    ['DescribeKey', { KeyId, GrantTokens: 'token' }],
    ['DescribeKey', { KeyId, GrantTokens: { a: 'b' } }],
    ['Encrypt', { KeyId, Plaintext: 'not base64!' }],
    ['Encrypt', { KeyId, Plaintext: ['eA=='] }],
    ['Encrypt', { KeyId, Plaintext: 'eA==', EncryptionContext: [] }],
    ['Encrypt', { KeyId, Plaintext: 'eA==', EncryptionContext: { a: {} } }],
    ['Encrypt', { KeyId, Plaintext: 'eA==', DryRun: 'yes' }],
    ['TagResource', { KeyId, Tags: {} }],
    ['TagResource', { KeyId, Tags: ['a'] }],
    ['CreateKey', { Tags: [{ TagKey: 'a', TagValue: {} }] }],
  ]
  for (const [operation, body] of cases) {
    const answer = await send(server, { operation, body })
    assert.equal(
      answer.error,
      'SerializationException',
      `${operation} ${JSON.stringify(body)}: ${answer.body}`,
    )
    assert.equal(answer.status, 400)
  }
})

test('unknown members are ignored, and null is as good as nothing', async () => {
  for (const body of [
    '{"Unknown":1,"__proto__":{"Limit":0},"constructor":[]}',
    '{"Limit":null,"Marker":null}',
  ]) {
    assert.equal((await send(server, { operation: 'ListKeys', body })).status, 200)
  }
})

const null_ = (member: string) =>
  `Value null at '${member}' failed to satisfy constraint: Member must not be null`

test('missing members are named, all in one text', async () => {
  const cases: Record<string, string[]> = {
    Encrypt: ['keyId', 'plaintext'],
    DescribeKey: ['keyId'],
    CreateAlias: ['aliasName', 'targetKeyId'],
    UpdateAlias: ['aliasName', 'targetKeyId'],
    DeleteAlias: ['aliasName'],
    ReEncrypt: ['destinationKeyId'],
    TagResource: ['keyId', 'tags'],
    UntagResource: ['keyId', 'tagKeys'],
    PutKeyPolicy: ['keyId', 'policy'],
    UpdateKeyDescription: ['keyId', 'description'],
    GenerateDataKey: ['keyId'],
    GenerateDataKeyWithoutPlaintext: ['keyId'],
    EnableKey: ['keyId'],
    DisableKey: ['keyId'],
    ScheduleKeyDeletion: ['keyId'],
    CancelKeyDeletion: ['keyId'],
    GetKeyPolicy: ['keyId'],
    GetKeyRotationStatus: ['keyId'],
    EnableKeyRotation: ['keyId'],
    DisableKeyRotation: ['keyId'],
    ListKeyRotations: ['keyId'],
    RotateKeyOnDemand: ['keyId'],
    ListKeyPolicies: ['keyId'],
    ListResourceTags: ['keyId'],
  }
  for (const [operation, members] of Object.entries(cases)) {
    const { message } = await refused({ operation, body: '{}' }, 'ValidationException', /./)
    const [prefix = '', ...rest] = message.split(/(?<=detected: )/)
    const expected =
      members.length === 1
        ? '1 validation error detected: '
        : `${members.length} validation errors detected: `
    assert.equal(prefix, expected, operation)
    assert.deepEqual(rest.join('').split('; ').toSorted(), members.map(null_).toSorted(), operation)
  }
})

test('every violation of a request is in one text', async () => {
  const { message } = await refused(
    { operation: 'Encrypt', body: { KeyId: '', Plaintext: '', EncryptionAlgorithm: 'ROT13' } },
    'ValidationException',
    /^3 validation errors detected: /,
  )
  assert.match(
    message,
    /Value '' at 'keyId' failed to satisfy constraint: Member must have length greater than or equal to 1/,
  )
  assert.match(
    message,
    /Value at 'plaintext' failed to satisfy constraint: Member must have length greater than or equal to 1/,
  )
  assert.match(
    message,
    /Value 'ROT13' at 'encryptionAlgorithm' failed to satisfy constraint: Member must satisfy enum value set: \[/,
  )
})

test('a request without a signature is told so', async () => {
  await refused(
    { ...listKeys, authorization: () => undefined },
    'MissingAuthenticationTokenException',
    /^Missing Authentication Token$/i,
  )
})

test('an incomplete Authorization header is told what it lacks', async () => {
  const without = (part: RegExp) => (value: string) => value.replace(part, '')
  for (const [part, name] of [
    [/Credential=\S+ /, 'Credential'],
    [/SignedHeaders=\S+ /, 'SignedHeaders'],
    [/, Signature=\S+/, 'Signature'],
  ] as const) {
    const { message } = await refused(
      { ...listKeys, authorization: without(part) },
      'IncompleteSignatureException',
      /./,
    )
    assert.ok(message.includes(`Authorization header requires '${name}' parameter.`), message)
  }
})

test('a wrong signature is answered with the canonical string and the string to sign', async () => {
  const { message } = await refused(
    { ...listKeys, authorization: (value) => value.replace(/.$/, (last) => (last === '0' ? '1' : '0')) },
    'InvalidSignatureException',
    /^The request signature we calculated does not match the signature you provided\. Check your AWS Secret Access Key and signing method\. Consult the service documentation for details\.\n\nThe Canonical String for this request should have been\n'POST\n\/\n\n/,
  )
  assert.match(message, /\nx-amz-target:TrentService\.ListKeys\n/)
  assert.match(
    message,
    /\n\nThe String-to-Sign should have been\n'AWS4-HMAC-SHA256\n\d{8}T\d{6}Z\n\d{8}\/us-east-1\/kms\/aws4_request\n[0-9a-f]{64}'\n?$/,
  )
})

test('whatever is changed after signing makes the signature wrong', async () => {
  const { secretAccessKey } = server.credentials
  for (const raw of [
    {
      ...listKeys,
      credentials: { ...server.credentials, secretAccessKey: `${secretAccessKey.slice(0, -1)}?` },
    },
    { ...listKeys, authorization: (value: string) => value.replace('/us-east-1/', '/us-east-2/') },
    {
      ...listKeys,
      authorization: (value: string) =>
        value.replace(/Signature=\S+/, 'Signature=').replace(/$/, '0'.repeat(64)),
    },
    {
      ...listKeys,
      authorization: (value: string) =>
        value.replace(/Signature=([0-9a-f]+)/, (_, hex: string) => `Signature=${hex.toUpperCase()}`),
    },
  ]) {
    await refused(raw, 'InvalidSignatureException', /^The request signature we calculated does not match/)
  }
})

test('an unknown access key is an invalid token', async () => {
  await refused(
    { ...listKeys, credentials: { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'x'.repeat(40) } },
    'UnrecognizedClientException',
    'The security token included in the request is invalid.',
  )
  await refused(
    { ...listKeys, sessionToken: 'made-up' },
    'UnrecognizedClientException',
    /security token included/,
  )
})

test('a signature is good for five minutes in both directions', async () => {
  const at = (minutes: number) => ({ ...listKeys, at: new Date(Date.now() + minutes * 60_000) })
  for (const minutes of [-4, 4]) assert.equal((await send(server, at(minutes))).status, 200)
  await refused(
    at(-6),
    'InvalidSignatureException',
    /^Signature expired: \d{8}T\d{6}Z is now earlier than \d{8}T\d{6}Z \(\d{8}T\d{6}Z - 5 min\.\)$/,
  )
  await refused(
    at(6),
    'InvalidSignatureException',
    /^Signature not yet current: \d{8}T\d{6}Z is still later than \d{8}T\d{6}Z \(\d{8}T\d{6}Z \+ 5 min\.\)$/,
  )
})

test('a scope of an unknown Region or another service is refused before the signature is looked at', async () => {
  await refused(
    { ...listKeys, region: 'mars-north-1' },
    'InvalidSignatureException',
    /^Credential should be scoped to a valid region/,
  )
  await refused(
    { ...listKeys, service: 's3' },
    'InvalidSignatureException',
    /^Credential should be scoped to correct service: 'kms'\./,
  )
  for (const target of ['OtherService.ListKeys', 'nonsense', null]) {
    await refused(
      { target, body: '{}', service: 's3' },
      'InvalidSignatureException',
      "Credential should be scoped to correct service: 'kms'. ",
    )
  }
  await refused(
    { ...listKeys, authorization: (value) => value.replace('/aws4_request', '/aws3_request') },
    'InvalidSignatureException',
    /valid terminator: 'aws4_request'/,
  )
})

test('host, date, target and session token must be signed', async () => {
  for (const [header, raw] of [
    ['host', listKeys],
    ['x-amz-date', listKeys],
    ['x-amz-target', listKeys],
    ['x-amz-security-token', { ...listKeys, sessionToken: 'token' }],
  ] as const) {
    await refused({ ...raw, unsigned: [header] }, 'InvalidSignatureException', /must be a 'SignedHeader'/)
  }
})

test('a payload hash that is none, or another one, is refused', async () => {
  for (const claimed of ['UNSIGNED-PAYLOAD', 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD', 'f'.repeat(64)]) {
    await refused(
      { ...listKeys, headers: { 'x-amz-content-sha256': claimed } },
      'InvalidSignatureException',
      /x-amz-content-sha256/,
    )
  }
})

test('an error without a text has no message at all', async () => {
  const answer = await send(server, { operation: 'Decrypt', body: { CiphertextBlob: 'eA==' } })
  assert.equal(answer.body, '{"__type":"InvalidCiphertextException"}')
})
