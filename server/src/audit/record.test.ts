import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Members } from '../shape.ts'
import { cloudTrailRecord, MAX_RECORD_BYTES, recordedParameters, recordedResponse } from './record.ts'
import { encryptRecord } from './testing/journal-fixture.ts'

const members = {
  KeyId: { type: 'string', required: true },
  Plaintext: { type: 'blob', sensitive: true },
  CiphertextBlob: { type: 'blob' },
  EncryptionContext: { type: 'map', key: { type: 'string' }, value: { type: 'string' } },
  GrantTokens: { type: 'list', of: { type: 'string' } },
  Password: { type: 'string', sensitive: true },
  Note: { type: 'string', unrecorded: true },
  ValidTo: { type: 'timestamp' },
  Tags: {
    type: 'list',
    of: { type: 'structure', members: { TagKey: { type: 'string' }, Blob: { type: 'blob' } } },
  },
} as const satisfies Members

test('a record of an Encrypt has the members of one of CloudTrail, in its order', () => {
  const { record } = encryptRecord({
    eventId: '11111111-2222-4333-8444-555555555555',
    changePosition: 7,
    tls: { version: 'TLSv1.3', cipherSuite: 'TLS_AES_128_GCM_SHA256', host: 'localhost:5567' },
  })
  assert.equal(
    record,
    '{"eventVersion":"1.11","userIdentity":{"type":"Root","principalId":"111122223333",' +
      '"arn":"arn:aws:iam::111122223333:root","accountId":"111122223333","accessKeyId":"AKIAIOSFODNN7EXAMPLE"},' +
      '"eventTime":"2026-11-20T10:00:00Z","eventSource":"kms.amazonaws.com","eventName":"Encrypt",' +
      '"awsRegion":"us-east-1","sourceIPAddress":"192.0.2.7","userAgent":"aws-cli/2.9.19",' +
      '"requestParameters":{"keyId":"alias/app","encryptionContext":{"purpose":"demo"}},"responseElements":null,' +
      '"additionalEventData":{"changePosition":7},"requestID":"0aa0b0c0-1111-4222-8333-444455556666",' +
      '"eventID":"11111111-2222-4333-8444-555555555555","readOnly":true,"resources":[{"accountId":"111122223333",' +
      '"type":"AWS::KMS::Key","ARN":"arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"}],' +
      '"eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"111122223333",' +
      '"eventCategory":"Management","tlsDetails":{"tlsVersion":"TLSv1.3","cipherSuite":"TLS_AES_128_GCM_SHA256",' +
      '"clientProvidedHostHeader":"localhost:5567"}}',
  )
})

test('an operator command names the user of the operating system', () => {
  const { record } = encryptRecord({
    identity: { type: 'OperatingSystemUser', userName: 'alice' },
    service: 'keywright',
    operation: 'CreateAccount',
    eventType: 'KeywrightOperatorCommand',
    region: undefined,
    userAgent: undefined,
    requestId: undefined,
    readOnly: false,
  })
  const parsed = JSON.parse(record) as Record<string, unknown>
  assert.deepEqual(parsed['userIdentity'], { type: 'OperatingSystemUser', userName: 'alice' })
  assert.equal(parsed['eventSource'], 'keywright')
  assert.equal(parsed['eventType'], 'KeywrightOperatorCommand')
  assert.ok(!('awsRegion' in parsed) && !('errorCode' in parsed))
})

test('blobs, sensitive and unrecorded members and grant tokens are left out; the encryption context is kept', () => {
  const context = new Map([
    ['purpose', 'demo'],
    ['__proto__', 'an ordinary name'],
  ])
  const recorded = recordedParameters(members, {
    KeyId: 'alias/app',
    Plaintext: Buffer.from('secret'),
    CiphertextBlob: Buffer.from('sealed'),
    EncryptionContext: context,
    GrantTokens: ['token'],
    Password: 'secret',
    Note: 'secret',
    ValidTo: new Date(0),
    Tags: [{ TagKey: 'team', Blob: Buffer.from('secret') }],
  })
  assert.equal(
    JSON.stringify(recorded),
    '{"keyId":"alias/app","encryptionContext":{"purpose":"demo","__proto__":"an ordinary name"},' +
      '"validTo":"1970-01-01T00:00:00.000Z","tags":[{"tagKey":"team"}]}',
  )
  assert.equal(recordedParameters(members, { Plaintext: Buffer.from('secret') }), undefined)
})

test('an encryption context is recorded with every name that it has, whatever that means to an object', () => {
  const name = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 8 }),
    fc.constantFrom(
      '__proto__',
      'constructor',
      'toString',
      'toJSON',
      'hasOwnProperty',
      '0',
      '1',
      '-1',
      '4294967295',
    ),
  )
  fc.assert(
    fc.property(fc.array(fc.tuple(name, fc.string({ maxLength: 8 })), { maxLength: 8 }), (pairs) => {
      const context = new Map(pairs)
      const recorded = recordedParameters(members, { EncryptionContext: context })
      const withoutPrototype = Object.defineProperties(
        Object.create(null) as object,
        Object.fromEntries(Array.from(context, ([key, value]) => [key, { value, enumerable: true }])),
      )
      assert.equal(JSON.stringify(recorded), JSON.stringify({ encryptionContext: withoutPrototype }))
    }),
  )
})

test('the answer of a write is recorded without its bytes, and an empty one is null', () => {
  const output = {
    KeyMetadata: {
      type: 'structure',
      members: {
        AWSAccountId: { type: 'string' },
        CreationDate: { type: 'timestamp' },
        Enabled: { type: 'boolean' },
      },
    },
    PublicKey: { type: 'blob' },
    GrantToken: { type: 'string' },
  } as const satisfies Members
  const metadata = { AWSAccountId: '111122223333', CreationDate: new Date(0), Enabled: true }
  assert.deepEqual(
    recordedResponse(output, { KeyMetadata: metadata, PublicKey: Buffer.from('x'), GrantToken: 't' }),
    {
      keyMetadata: { aWSAccountId: '111122223333', creationDate: '1970-01-01T00:00:00.000Z', enabled: true },
    },
  )
  assert.equal(recordedResponse(output, {}), undefined)
  assert.equal(recordedResponse(output, undefined), undefined)
  assert.equal(recordedResponse(null, {}), undefined)
})

test('a resource is recorded with its type', () => {
  const type = (ARN: string) => {
    const { record } = encryptRecord({ resources: [{ accountId: '111122223333', ARN }] })
    return (JSON.parse(record) as { resources: { type: string }[] }).resources[0]?.type
  }
  assert.equal(type('arn:aws:kms:us-east-1:111122223333:key/1'), 'AWS::KMS::Key')
  assert.equal(type('arn:aws:iam::111122223333:role/team/Deploy'), 'AWS::IAM::Role')
  assert.equal(type('arn:aws:iam::111122223333:user/Alice'), 'AWS::IAM::User')
})

test('credentials in an answer are not recorded, however deep they stand', () => {
  const credentials = {
    type: 'structure',
    members: {
      AccessKeyId: { type: 'string' },
      SecretAccessKey: { type: 'string', sensitive: true },
      SessionToken: { type: 'string' },
      Marked: { type: 'string', unrecorded: true },
      Expiration: { type: 'timestamp' },
    },
  } as const
  const output = {
    Credentials: credentials,
    All: { type: 'list', of: credentials },
  } as const satisfies Members
  const value = {
    AccessKeyId: 'ASIAEXAMPLE',
    SecretAccessKey: 'secret',
    SessionToken: 'secret',
    Marked: 'secret',
    Unknown: 'secret',
    Expiration: new Date(0),
  }
  const recorded = { accessKeyId: 'ASIAEXAMPLE', expiration: '1970-01-01T00:00:00.000Z' }
  assert.deepEqual(recordedResponse(output, { Credentials: value, All: [value, {}] }), {
    credentials: recorded,
    all: [recorded, {}],
  })
})

test('a record never exceeds its bound, stays JSON on one line, and names what was cut', () => {
  const text = fc
    .string({ unit: 'binary', maxLength: 60 })
    .chain((piece) => fc.integer({ min: 1, max: 4000 }).map((times) => piece.repeat(times).slice(0, 100_000)))
  fc.assert(
    fc.property(
      text,
      text,
      fc.dictionary(text, text, { maxKeys: 6 }),
      text,
      (userAgent, message, context, policy) => {
        const { record } = encryptRecord({
          userAgent,
          error: { code: 'ValidationException', message },
          requestParameters: {
            encryptionContext: context,
            policy,
            items: Array.from({ length: 2000 }, () => policy.slice(0, 40)),
          },
        })
        const parsed = JSON.parse(record) as {
          userAgent: string
          additionalEventData?: { truncated?: string[] }
        }
        const truncated = parsed.additionalEventData?.truncated ?? []
        return (
          Buffer.byteLength(record) <= MAX_RECORD_BYTES &&
          !record.includes('\n') &&
          truncated.includes('userAgent') === userAgent.length > 1024 &&
          truncated.includes('errorMessage') === message.length > 1024
        )
      },
    ),
    { numRuns: 30 },
  )
})

test('a long policy is shortened and named, and the rest of the request stays', () => {
  const { record } = encryptRecord({ requestParameters: { keyId: 'alias/app', policy: 'p'.repeat(100_000) } })
  const parsed = JSON.parse(record) as {
    requestParameters: { keyId: string; policy: string }
    additionalEventData: { truncated: string[] }
  }
  assert.equal(parsed.requestParameters.keyId, 'alias/app')
  assert.equal(parsed.requestParameters.policy.length, 1024)
  assert.deepEqual(parsed.additionalEventData.truncated, ['requestParameters.policy'])
})

test('a request of too many small parts is left out whole, and named', () => {
  const encryptionContext = Object.fromEntries(
    Array.from({ length: 9000 }, (_, index) => [`name${index}`, 'value']),
  )
  const { record } = encryptRecord({ requestParameters: { encryptionContext } })
  const parsed = JSON.parse(record) as {
    requestParameters: unknown
    additionalEventData: { truncated: string[] }
  }
  assert.equal(parsed.requestParameters, null)
  assert.deepEqual(parsed.additionalEventData.truncated, ['requestParameters'])
})

test('a deletion that was due is an event of the service itself', () => {
  const { record } = cloudTrailRecord({
    clockMs: 0,
    identity: { accountId: '111122223333', invokedBy: 'AWS Internal' },
    service: 'kms',
    operation: 'DeleteKey',
    region: 'us-east-1',
    accountId: '111122223333',
    sourceIp: 'AWS Internal',
    userAgent: 'AWS Internal',
    requestId: undefined,
    readOnly: false,
    eventType: 'AwsServiceEvent',
  })
  const parsed = JSON.parse(record) as Record<string, unknown>
  assert.deepEqual(parsed['userIdentity'], { accountId: '111122223333', invokedBy: 'AWS Internal' })
  assert.equal(parsed['eventType'], 'AwsServiceEvent')
  assert.equal(parsed['requestParameters'], null)
})
