import assert from 'node:assert/strict'
import { createHash, createHmac, createSecretKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { KMSClient, EncryptCommand } from '@aws-sdk/client-kms'
import fc from 'fast-check'
import { AwsError } from '../aws-error.ts'
import { recordableMessage, SignatureMismatch } from './errors.ts'
import type { WireRequest } from './http-message.ts'
import { SigningKeyCache } from './signing-keys.ts'
import { parseSignature, requireScope, verifySignature } from './sigv4.ts'

const secret = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY'
const keys = new SigningKeyCache(createSecretKey(Buffer.from(`AWS4${secret}`)))
const signedAt = Date.UTC(2015, 7, 30, 12, 36)
const minuteMs = 60_000
const served = { regions: new Set(['us-east-1']), service: 'kms' }

type HeaderLine = [name: string, value: string]

interface Draft {
  target: string
  headers: HeaderLine[]
  body: Buffer
  signed: string[]
  scope: string
}

const plain: Draft = {
  target: '/',
  headers: [
    ['Host', '127.0.0.1:5567'],
    ['Content-Type', 'application/x-amz-json-1.1'],
    ['X-Amz-Target', 'TrentService.Encrypt'],
    ['X-Amz-Date', '20150830T123600Z'],
  ],
  body: Buffer.from('{"KeyId":"alias/a"}'),
  signed: ['content-type', 'host', 'x-amz-date', 'x-amz-target'],
  scope: '20150830/us-east-1/kms/aws4_request',
}

/** A signer of its own, by the document: it knows one value for each header and no path but what it is given. */
function sign(draft: Draft): WireRequest {
  const value = (name: string) => draft.headers.find(([other]) => other.toLowerCase() === name)?.[1] ?? ''
  const sha256 = (bytes: Buffer | string) => createHash('sha256').update(bytes).digest('hex')
  const canonical = [
    'POST',
    draft.target,
    '',
    ...draft.signed.map((name) => `${name}:${value(name)}`),
    '',
    draft.signed.join(';'),
    sha256(draft.body),
  ].join('\n')
  const date = value('x-amz-date')
  let key = Buffer.from(`AWS4${secret}`)
  for (const part of draft.scope.split('/')) key = createHmac('sha256', key).update(part).digest()
  const signature = createHmac('sha256', key)
    .update(`AWS4-HMAC-SHA256\n${date}\n${draft.scope}\n${sha256(canonical)}`)
    .digest('hex')
  return unsigned(
    draft,
    `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/${draft.scope}, SignedHeaders=${draft.signed.join(';')}, Signature=${signature}`,
  )
}

function unsigned({ target, headers, body }: Draft, authorization?: string): WireRequest {
  const lines = authorization === undefined ? headers : [...headers, ['Authorization', authorization]]
  return { method: 'POST', target, rawHeaders: lines.flat(), body, sourceIp: '127.0.0.1' }
}

function verify(request: WireRequest, nowMs = signedAt): void {
  const parsed = parseSignature(request)
  requireScope(parsed, served)
  verifySignature(request, parsed, keys, nowMs)
}

function refusal(code: string, message: string | RegExp) {
  return (error: unknown) => {
    assert.ok(error instanceof AwsError, String(error))
    assert.equal(error.code, code)
    assert.equal(error.httpStatus, 400)
    if (typeof message === 'string') assert.equal(error.message, message)
    else assert.match(error.message, message)
    return true
  }
}

const mismatch = refusal('InvalidSignatureException', /^The request signature we calculated does not match /)

test('the signatures that AWS published verify', () => {
  const file = new URL('../../../test/vectors/aws-sigv4/requests.json', import.meta.url)
  const { cases } = JSON.parse(readFileSync(file, 'utf8')) as {
    cases: { name: string; method: string; target: string; headers: string[]; body: string }[]
  }
  assert.equal(cases.length, 27)
  for (const { name, method, target, headers, body } of cases) {
    const request = {
      method,
      target,
      rawHeaders: headers,
      body: Buffer.from(body, 'latin1'),
      sourceIp: '::1',
    }
    assert.doesNotThrow(() => verifySignature(request, parseSignature(request), keys, signedAt), name)
    const other = { ...request, body: Buffer.from(`${body} `) }
    assert.throws(() => verifySignature(other, parseSignature(other), keys, signedAt), AwsError, name)
  }
})

test("the JavaScript SDK's own signatures verify, with a session token too", async () => {
  for (const sessionToken of [undefined, 'FwoGZXIvYXdzEJr//////////wEaDExample+token/==']) {
    let captured: WireRequest | undefined
    const client = new KMSClient({
      region: 'us-east-1',
      endpoint: 'http://127.0.0.1:5567',
      credentials: {
        accessKeyId: 'AKIDEXAMPLE',
        secretAccessKey: secret,
        ...(sessionToken === undefined ? {} : { sessionToken }),
      },
      maxAttempts: 1,
      requestHandler: {
        handle: (request: {
          method: string
          path: string
          headers: Record<string, string>
          body: Uint8Array
        }) => {
          captured = {
            method: request.method,
            target: request.path,
            rawHeaders: Object.entries(request.headers).flat(),
            body: Buffer.concat([request.body]),
            sourceIp: '127.0.0.1',
          }
          return Promise.reject(new Error('captured'))
        },
      },
    })
    const command = new EncryptCommand({ KeyId: 'alias/ключ', Plaintext: Buffer.from('secret') })
    await assert.rejects(client.send(command), /captured/)
    assert.ok(captured)
    const parsed = parseSignature(captured)
    assert.equal(parsed.accessKeyId, 'AKIDEXAMPLE')
    assert.equal(parsed.region, 'us-east-1')
    assert.equal(parsed.service, 'kms')
    assert.equal(parsed.sessionToken, sessionToken)
    assert.deepEqual(parsed.headers.get('x-amz-target'), ['TrentService.Encrypt'])
    verifySignature(captured, parsed, keys, Date.now())
  }
})

test('any change of anything that was signed is refused', () => {
  const request = sign(plain)
  verify(request)
  const printable = fc.integer({ min: 0x21, max: 0x7e }).map((unit) => String.fromCharCode(unit))
  const places = fc.oneof(
    fc.constantFrom('method', 'target', 'body'),
    fc.integer({ min: 0, max: request.rawHeaders.length - 3 }),
  )
  const replaced = (text: string, at: number, unit: string) => {
    const index = at % text.length
    const name = text.slice(index, index + 1)
    return name.toLowerCase() === unit.toLowerCase()
      ? text
      : text.slice(0, index) + unit + text.slice(index + 1)
  }
  fc.assert(
    fc.property(places, fc.nat(1000), printable, (place, at, unit) => {
      const changed = { ...request, rawHeaders: [...request.rawHeaders] }
      if (place === 'method') changed.method = replaced(request.method, at, unit)
      else if (place === 'target') changed.target = replaced(request.target, at, unit)
      else if (place === 'body')
        changed.body = Buffer.from(replaced(request.body.toString('latin1'), at, unit))
      else changed.rawHeaders[place] = replaced(request.rawHeaders[place] as string, at, unit)
      fc.pre(JSON.stringify(changed) !== JSON.stringify(request))
      assert.throws(() => verify(changed), AwsError)
    }),
    { numRuns: 500 },
  )
})

test('any change of the signature, its case included, is refused and nothing else is thrown', () => {
  const request = sign(plain)
  const authorization = request.rawHeaders.at(-1) as string
  const signature = authorization.slice(-64)
  const others = [
    signature.toUpperCase(),
    signature.slice(2),
    `${signature}00`,
    `zz${signature.slice(2)}`,
    '0'.repeat(64),
    'ü'.repeat(64),
  ]
  for (let at = 0; at < 64; at++) {
    const digit = signature.charAt(at) === '0' ? '1' : '0'
    others.push(signature.slice(0, at) + digit + signature.slice(at + 1))
  }
  for (const other of others) {
    assert.throws(() => verify(unsigned(plain, authorization.slice(0, -64) + other)), mismatch, other)
  }
})

test('Host is taken as it was sent, with its port or without', () => {
  for (const host of ['kms.example', 'kms.example:443', '[::1]:5567']) {
    verify(sign({ ...plain, headers: [['Host', host], ...plain.headers.slice(1)] }))
  }
  const request = sign(plain)
  const stripped = request.rawHeaders.map((line) => (line === '127.0.0.1:5567' ? '127.0.0.1' : line))
  assert.throws(() => verify({ ...request, rawHeaders: stripped }), mismatch)
})

test('the case of a header name and space around and within a value do not matter', () => {
  const request = sign(plain)
  const rawHeaders = request.rawHeaders.map((line, i) => {
    if (i % 2 === 0) return line.toUpperCase()
    // The HTTP parser takes space around values off; only what is read as it stands is left alone here.
    return line.startsWith('AWS4') || line.startsWith('2015') ? line : `  ${line} \t`
  })
  verify({ ...request, rawHeaders })
})

test('bytes above ASCII in a signed header count as sent', () => {
  const name = Buffer.from('clé à moi').toString('latin1')
  const request = sign(plain)
  const rawHeaders = [...request.rawHeaders, 'User-Agent', name]
  verify({ ...request, rawHeaders })
  const headers: HeaderLine[] = [...plain.headers, ['User-Agent', 'clé à moi']]
  const signed = sign({ ...plain, headers, signed: ['host', 'user-agent', 'x-amz-date', 'x-amz-target'] })
  verify({ ...signed, rawHeaders: signed.rawHeaders.map((line) => (line === 'clé à moi' ? name : line)) })
})

test('headers that are not signed do not matter', () => {
  const request = sign(plain)
  verify({
    ...request,
    rawHeaders: ['Accept', '*/*', 'accept', 'x', ...request.rawHeaders, 'X-Forwarded-For', 'x'],
  })
})

test('a header that decides something occurs once, in whatever case it is repeated', () => {
  const request = sign(plain)
  for (const [name, text] of [
    ['host', "'Host' must occur exactly once in the HTTP request."],
    ['x-AMZ-target', "'X-Amz-Target' must occur exactly once in the HTTP request."],
    ['X-Amz-Date', "'X-Amz-Date' must occur exactly once in the HTTP request."],
  ] as const) {
    for (const rawHeaders of [
      [name, '20150830T123600Z', ...request.rawHeaders],
      [...request.rawHeaders, name, 'TrentService.Decrypt'],
    ]) {
      // The first date is the one that is read; its repetition must not go unnoticed either.
      assert.throws(
        () => parseSignature({ ...request, rawHeaders }),
        refusal('InvalidSignatureException', text),
      )
    }
  }
  const twice = [...request.rawHeaders, 'authorization', request.rawHeaders.at(-1) as string]
  assert.throws(
    () => parseSignature({ ...request, rawHeaders: twice }),
    refusal('IncompleteSignatureException', 'Authorization header must occur exactly once.'),
  )
})

test('host, date, target and session token must be signed', () => {
  const headers: HeaderLine[] = [...plain.headers, ['X-Amz-Security-Token', 'token']]
  const all = ['host', 'x-amz-date', 'x-amz-security-token', 'x-amz-target']
  verify(sign({ ...plain, headers, signed: all }))
  for (const [name, text] of [
    ['host', "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."],
    ['x-amz-date', "'X-Amz-Date' must be a 'SignedHeader' in the AWS Authorization."],
    ['x-amz-target', "'X-Amz-Target' must be a 'SignedHeader' in the AWS Authorization."],
    ['x-amz-security-token', "'X-Amz-Security-Token' must be a 'SignedHeader' in the AWS Authorization."],
  ] as const) {
    const request = sign({ ...plain, headers, signed: all.filter((other) => other !== name) })
    assert.throws(() => parseSignature(request), refusal('InvalidSignatureException', text))
  }
})

test('the list of signed headers is lower case, sorted, without repetition, and each is there', () => {
  const form = "'SignedHeaders' in the AWS Authorization must be lower case, sorted, and each named once."
  for (const signed of [
    ['Host', 'x-amz-date', 'x-amz-target'],
    ['x-amz-date', 'host', 'x-amz-target'],
    ['host', 'host', 'x-amz-date', 'x-amz-target'],
    ['host', 'x-amz-date', 'x-amz-target', ''],
  ]) {
    assert.throws(
      () => parseSignature(sign({ ...plain, signed })),
      refusal('IncompleteSignatureException', form),
    )
  }
  assert.throws(
    () => parseSignature(sign({ ...plain, signed: ['accept', ...plain.signed] })),
    refusal(
      'IncompleteSignatureException',
      "'accept' is named as a SignedHeader, but it does not exist in the HTTP request.",
    ),
  )
})

test('without an Authorization header of SigV4 the token is missing', () => {
  const missing = refusal('MissingAuthenticationTokenException', 'Missing Authentication Token')
  assert.throws(() => parseSignature(unsigned(plain)), missing)
  assert.throws(() => parseSignature(unsigned(plain, 'Bearer 0123')), missing)
  assert.throws(() => parseSignature(unsigned(plain, '')), missing)
  const presigned = { ...plain, target: '/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=00' }
  assert.throws(() => parseSignature(unsigned(presigned)), missing)
  assert.throws(
    () => parseSignature(sign(presigned)),
    refusal(
      'InvalidSignatureException',
      "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.",
    ),
  )
})

test('what an Authorization header lacks is told in one text, the header itself only as a hash', () => {
  const incomplete = (text: string) => refusal('IncompleteSignatureException', text)
  const hashOf = (text: string) => createHash('sha256').update(text).digest('base64')
  const dateless = { ...plain, headers: plain.headers.slice(0, 3) }
  assert.throws(
    () => parseSignature(unsigned(dateless, 'AWS4-HMAC-SHA256')),
    incomplete(
      "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. " +
        "Authorization header requires 'SignedHeaders' parameter. " +
        "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. " +
        `(Hashed with SHA-256 and encoded with Base64) Authorization=${hashOf('AWS4-HMAC-SHA256')}`,
    ),
  )
  const pairless = 'AWS4-HMAC-SHA256 Credential= AKID/20150830/us-east-1/kms/aws4_request'
  assert.throws(
    () => parseSignature(unsigned(plain, pairless)),
    incomplete(
      'Invalid key=value pair (missing equal-sign) in Authorization header ' +
        `(hashed with SHA-256 and encoded with Base64): '${hashOf(pairless)}'.`,
    ),
  )
  const rest = 'SignedHeaders=host;x-amz-date;x-amz-target, Signature=00'
  assert.throws(
    () => parseSignature(unsigned(plain, `AWS4-HMAC-SHA512 Credential=A/b/c/d/e, ${rest}`)),
    incomplete("Unsupported AWS 'algorithm': 'AWS4-HMAC-SHA512' (only AWS4-HMAC-SHA256 for now). "),
  )
  assert.throws(
    () => parseSignature(unsigned(plain, `AWS4-HMAC-SHA256 Credential=a/b/c/d, ${rest}`)),
    incomplete(
      "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got 'a/b/c/d'",
    ),
  )
  assert.throws(
    () =>
      parseSignature(unsigned(plain, `AWS4-HMAC-SHA256 Credential=A/b/c/d/e, Credential=B/b/c/d/e, ${rest}`)),
    incomplete("Authorization header must hold 'Credential' exactly once."),
  )
  assert.throws(
    () => parseSignature(unsigned(plain, `AWS4-HMAC-SHA256 Credential=${'a'.repeat(4096)}/b/c/d/e, ${rest}`)),
    incomplete('Authorization header must have length less than or equal to 4096.'),
  )
})

test('the beginning of a header that was read before is read the same again, and nothing is read into it', () => {
  const hex = 'a'.repeat(64)
  const beginning = `AWS4-HMAC-SHA256 Credential=AKID/${plain.scope}, SignedHeaders=${plain.signed.join(';')}, `
  for (const signature of [hex, 'b'.repeat(64)]) {
    const parsed = parseSignature(unsigned(plain, `${beginning}Signature=${signature}`))
    assert.deepEqual(
      [parsed.accessKeyId, parsed.region, parsed.signature, parsed.signedHeaders.names],
      ['AKID', 'us-east-1', signature, plain.signed],
    )
  }
  const again = refusal('IncompleteSignatureException', /'Signature' exactly once/)
  assert.throws(
    () => parseSignature(unsigned(plain, `${beginning}Signature=${hex}, Signature=${hex}`)),
    again,
  )
  const dateless = { ...plain, headers: plain.headers.slice(0, 3) }
  assert.throws(
    () => parseSignature(unsigned(dateless, `${beginning}Signature=${hex}`)),
    refusal('IncompleteSignatureException', /either a 'X-Amz-Date' or a 'Date' header/),
  )
  // Another name that ends alike is another parameter, whatever was read before.
  const other = `${beginning}Signature=00, X`
  for (const value of ['00', hex]) {
    assert.equal(parseSignature(unsigned(plain, `${other}Signature=${value}`)).signature, '00')
  }
})

test('the date is ISO-8601 basic, or an HTTP date in Date', () => {
  const dated = (name: string, value: string) =>
    sign({
      ...plain,
      headers: [...plain.headers.slice(0, 3), [name, value]],
      signed: ['host', name.toLowerCase(), 'x-amz-target'].sort(),
    })
  assert.equal(parseSignature(dated('Date', 'Sun, 30 Aug 2015 12:36:00 GMT')).amzDate, '20150830T123600Z')
  assert.equal(parseSignature(dated('Date', '20150830T123600Z')).timeMs, signedAt)
  for (const wrong of [
    '201',
    '20150231T123600Z',
    '20150830T246000Z',
    '20150830T123600',
    'Sun, 30 Aug 2015 12:36:00 GMT',
  ]) {
    assert.throws(
      () => parseSignature(dated('X-Amz-Date', wrong)),
      refusal(
        'IncompleteSignatureException',
        `Date must be in ISO-8601 'basic format'. Got '${wrong}'. See http://en.wikipedia.org/wiki/ISO_8601`,
      ),
    )
  }
  assert.throws(() => parseSignature(dated('Date', 'Mon, 30 Aug 2015 12:36:00 GMT')), AwsError)
})

test('a request to a global service may be scoped to where its partition has them, and to us-east-1', () => {
  const accepts = (region: string, regions: string[], global: boolean) => {
    const parsed = parseSignature(sign({ ...plain, scope: `20150830/${region}/iam/aws4_request` }))
    const asked = { regions: new Set(regions), service: 'iam', global }
    if (global) requireScope(parsed, asked)
    else
      assert.throws(() => requireScope(parsed, asked), refusal('InvalidSignatureException', /valid region/))
  }
  for (const global of [true, false]) {
    accepts('us-east-1', ['eu-west-1'], global)
    accepts('us-east-1', ['cn-northwest-1'], global)
    accepts('cn-north-1', ['eu-west-1', 'cn-northwest-1'], global)
    accepts('us-gov-west-1', ['us-gov-east-1'], global)
  }
  for (const region of ['cn-north-1', 'us-gov-west-1', 'us-west-2']) {
    assert.throws(() => accepts(region, ['eu-west-1'], true), /valid region/)
  }
})

test('a scope that does not fit is told in one text', () => {
  const scoped = (scope: string) => parseSignature(sign({ ...plain, scope }))
  const text = (scope: string, message: string) =>
    assert.throws(() => requireScope(scoped(scope), served), refusal('InvalidSignatureException', message))
  text('20150830/x/kms/aws4_request', "Credential should be scoped to a valid region, not 'x'. ")
  text('20150830/us-east-1/sqs/aws4_request', "Credential should be scoped to correct service: 'kms'. ")
  text(
    '20150830/us-east-1/kms/e',
    "Credential should be scoped with a valid terminator: 'aws4_request', not 'e'. ",
  )
  const day =
    'Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: ' +
    "'b' != '20150830', from '20150830T123600Z'."
  text('b/us-east-1/kms/aws4_request', day)
  text(
    'b/c/d/e',
    "Credential should be scoped to a valid region, not 'c'. Credential should be scoped to correct service: 'kms'. " +
      `Credential should be scoped with a valid terminator: 'aws4_request', not 'e'. ${day}`,
  )
  // The verifier does not rely on its caller for what the signing key depends on.
  const request = sign({ ...plain, scope: 'b/us-east-1/kms/aws4_request' })
  assert.throws(
    () => verifySignature(request, parseSignature(request), keys, signedAt),
    refusal('InvalidSignatureException', day),
  )
})

test('the clock window is 5 minutes either way, ends included', () => {
  const request = sign(plain)
  verify(request, signedAt + 5 * minuteMs)
  verify(request, signedAt + 5 * minuteMs + 999)
  verify(request, signedAt - 5 * minuteMs)
  assert.throws(
    () => verify(request, signedAt + 10 * minuteMs),
    refusal(
      'InvalidSignatureException',
      'Signature expired: 20150830T123600Z is now earlier than 20150830T124100Z (20150830T124600Z - 5 min.)',
    ),
  )
  assert.throws(() => verify(request, signedAt + 5 * minuteMs + 1000), /^AwsError: Signature expired/)
  assert.throws(
    () => verify(request, signedAt - 5 * minuteMs - 1),
    refusal(
      'InvalidSignatureException',
      'Signature not yet current: 20150830T123600Z is still later than 20150830T123559Z (20150830T123059Z + 5 min.)',
    ),
  )
})

test('the payload hash is computed: a header may only agree', () => {
  const signed = ['host', 'x-amz-content-sha256', 'x-amz-date', 'x-amz-target']
  const claiming = (claim: string) =>
    sign({ ...plain, headers: [...plain.headers, ['X-Amz-Content-Sha256', claim]], signed })
  verify(claiming(createHash('sha256').update(plain.body).digest('hex')))
  for (const claim of ['UNSIGNED-PAYLOAD', 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD', '0'.repeat(64), '']) {
    assert.throws(
      () => verify(claiming(claim)),
      refusal(
        'InvalidSignatureException',
        "The provided 'x-amz-content-sha256' header does not match what was computed.",
      ),
    )
  }
})

test('a mismatch tells the canonical string to the client alone, without the session token', () => {
  const headers: HeaderLine[] = [...plain.headers, ['X-Amz-Security-Token', 'planted-token']]
  const signed = ['host', 'x-amz-date', 'x-amz-security-token', 'x-amz-target']
  const request = sign({ ...plain, headers, signed })
  assert.throws(
    () => verify({ ...request, body: Buffer.from('{}') }),
    (error) => {
      assert.ok(error instanceof SignatureMismatch)
      assert.equal(error.code, 'InvalidSignatureException')
      assert.equal(error.publicMessageOnly, true)
      assert.equal(recordableMessage(error), '')
      const [before, stringToSign] = error.message.split('The String-to-Sign should have been\n')
      assert.equal(
        before,
        'The request signature we calculated does not match the signature you provided. Check your AWS Secret ' +
          'Access Key and signing method. Consult the service documentation for details.\n\n' +
          'The Canonical String for this request should have been\n' +
          "'POST\n/\n\nhost:127.0.0.1:5567\nx-amz-date:20150830T123600Z\nx-amz-security-token:***\n" +
          'x-amz-target:TrentService.Encrypt\n\nhost;x-amz-date;x-amz-security-token;x-amz-target\n' +
          "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a'\n\n",
      )
      assert.match(
        stringToSign as string,
        /^'AWS4-HMAC-SHA256\n20150830T123600Z\n20150830\/us-east-1\/kms\/aws4_request\n[0-9a-f]{64}'\n$/,
      )
      return true
    },
  )
})

test('nothing but an AwsError is thrown for hostile headers', () => {
  const authorization = sign(plain).rawHeaders.at(-1) as string
  const hostile = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 300 }),
    fc.string({ maxLength: 200 }).map((tail) => `AWS4-HMAC-SHA256 ${tail}`),
    fc
      .tuple(fc.nat(authorization.length), fc.nat(20), fc.string({ maxLength: 20 }))
      .map(([at, cut, text]) => authorization.slice(0, at) + text + authorization.slice(at + cut)),
  )
  const others = fc.array(fc.tuple(fc.constantFrom('Date', 'X-Amz-Date', 'host', ''), fc.string()), {
    maxLength: 2,
  })
  fc.assert(
    fc.property(hostile, others, fc.string(), (header, more, target) => {
      const request = unsigned({ ...plain, target, headers: [...plain.headers, ...more] }, header)
      try {
        verify(request)
      } catch (error) {
        assert.ok(error instanceof AwsError, String(error))
      }
    }),
    { numRuns: 1000 },
  )
})
