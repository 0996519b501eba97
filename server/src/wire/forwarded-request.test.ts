import assert from 'node:assert/strict'
import { createSecretKey } from 'node:crypto'
import { test } from 'node:test'
import { readForwardedRequest } from './forwarded-request.ts'
import { SigningKeyCache } from './signing-keys.ts'
import { verifyCanonical } from './sigv4.ts'

// The requests that the S3 API Reference signs in "Examples: Signature Calculations" and "Example: Presigned URL".
const keys = new SigningKeyCache(createSecretKey(Buffer.from('AWS4wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY')))
const nowMs = Date.UTC(2013, 4, 24)
const empty = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
const host = { name: 'Host', value: 'examplebucket.s3.amazonaws.com' }
const authorization = (signed: string, signature: string) => ({
  name: 'Authorization',
  value: `AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=${signed},Signature=${signature}`,
})
const get = {
  method: 'GET',
  target: '/test.txt',
  headers: [
    host,
    { name: 'Range', value: 'bytes=0-9' },
    { name: 'x-amz-content-sha256', value: empty },
    { name: 'x-amz-date', value: '20130524T000000Z' },
    authorization(
      'host;range;x-amz-content-sha256;x-amz-date',
      'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
    ),
  ],
}

function verify(request: object, signingName = 's3'): void {
  const { canonical, signature } = readForwardedRequest(Buffer.from(JSON.stringify(request)), signingName)
  assert.equal(signature.service, 's3')
  verifyCanonical(canonical, signature, keys, nowMs, 5)
}

test('requests that the S3 API Reference signs are verified', () => {
  verify(get)
  verify({ ...get, bodySha256: empty })
  verify({
    method: 'PUT',
    target: '/test%24file.text',
    headers: [
      host,
      { name: 'Date', value: 'Fri, 24 May 2013 00:00:00 GMT' },
      { name: 'x-amz-date', value: '20130524T000000Z' },
      { name: 'x-amz-storage-class', value: 'REDUCED_REDUNDANCY' },
      {
        name: 'x-amz-content-sha256',
        value: '44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072',
      },
      authorization(
        'date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class',
        '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
      ),
    ],
  })
  verify({
    method: 'GET',
    target:
      '/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2F' +
      'aws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host' +
      '&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404',
    headers: [host],
  })
})

test('whatever is shown otherwise than it was signed is refused', () => {
  const mismatch = { code: 'InvalidSignatureException' }
  assert.throws(() => verify({ ...get, method: 'PUT' }), mismatch)
  assert.throws(() => verify({ ...get, target: '/test.txt?x' }), mismatch)
  assert.throws(() => verify({ ...get, target: '/./test.txt' }), mismatch)
  assert.throws(() => verify({ ...get, bodySha256: '0'.repeat(64) }), mismatch)
  assert.throws(
    () => verify({ ...get, headers: [...get.headers, { name: 'range', value: 'bytes=9-' }] }),
    mismatch,
  )
  assert.throws(() => verify({ ...get, headers: get.headers.filter(({ name }) => name !== 'Range') }), {
    code: 'IncompleteSignatureException',
  })
  assert.throws(() => verify({ ...get, headers: [...get.headers, host] }), mismatch)
})

test('paths of other services are encoded once more, and without empty and dot segments', () => {
  const of = (target: string, signingName: string) =>
    readForwardedRequest(Buffer.from(JSON.stringify({ ...get, target })), signingName).canonical.split(
      '\n',
    )[1]
  assert.equal(of('/a%20b//./c', 's3'), '/a%20b//./c')
  assert.equal(of('/a%20b//./c', 'ebs'), '/a%2520b/c')
})

test('what could be read in two ways is no request', () => {
  const read = (request: object) => readForwardedRequest(Buffer.from(JSON.stringify(request)), 's3')
  for (const wrong of [
    { target: 'test.txt' },
    { target: 'http://examplebucket.s3.amazonaws.com/test.txt' },
    { target: '/\u0100' },
    { method: 'get' },
    { method: 'GET /x' },
    { headers: [...get.headers, { name: 'a', value: 'b\r\nc: d' }] },
    { headers: [...get.headers, { name: 'a', value: '\u0100' }] },
    { headers: Array.from({ length: 201 }, () => host) },
    { bodySha256: 'UNSIGNED-PAYLOAD' },
  ]) {
    assert.throws(() => read({ ...get, ...wrong }), { code: 'ValidationException' }, JSON.stringify(wrong))
  }
})
