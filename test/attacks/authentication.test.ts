import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { kmsClient } from '../kms-client.ts'
import { startServer } from '../server-process.ts'
import { amzDateOf, exchange, signedBytes, statuses, type Parts } from './raw-socket.ts'

const server = await startServer()
const host = new URL(server.url).host
const kms = kmsClient(server)
after(() => server.stop())

type Header = readonly [string, string]

function request(operation: string, more: readonly Header[] = [], over: Partial<Parts> = {}): string {
  const amzDate = over.amzDate ?? amzDateOf(Date.now())
  return signedBytes({
    headers: [
      ['Host', host],
      ['X-Amz-Date', amzDate],
      ['X-Amz-Target', `TrentService.${operation}`],
      ...more,
    ],
    credentials: server.credentials,
    ...over,
    amzDate,
  })
}

async function keyCount(): Promise<number> {
  return (await kms.listKeys({ Limit: 1000 })).Keys?.length ?? 0
}

/** Sends all of them; each must be refused with a client's error, and none may have made a key. */
async function assertRefused(attempts: Readonly<Record<string, string>>): Promise<void> {
  const before = await keyCount()
  const answers = await Promise.all(
    Object.entries(attempts).map(async ([what, bytes]) => [what, await exchange(server.url, bytes)] as const),
  )
  for (const [what, answer] of answers) {
    const codes = statuses(answer)
    assert.ok(codes.length > 0, `${what}: no answer`)
    for (const code of codes) assert.ok(code >= 400 && code < 500, `${what}: ${answer.slice(0, 300)}`)
  }
  assert.equal(await keyCount(), before)
}

test('the request that the attacks start from is answered', async () => {
  const answer = await exchange(server.url, request('CreateKey'))
  assert.deepEqual(statuses(answer), [200], answer)
})

test('a header that decides something counts only when it is signed, and once', async () => {
  const sign = (names: readonly string[]) => ({ signedHeaders: names })
  const stale = amzDateOf(Date.now() - 3_600_000)
  await assertRefused({
    'unsigned target': request('CreateKey', [], sign(['host', 'x-amz-date'])),
    'unsigned date': request('CreateKey', [], sign(['host', 'x-amz-target'])),
    'unsigned host': request('CreateKey', [], sign(['x-amz-date', 'x-amz-target'])),
    'unsigned token': request(
      'CreateKey',
      [['X-Amz-Security-Token', 'x']],
      sign(['host', 'x-amz-date', 'x-amz-target']),
    ),
    'second target behind the signed one': request('ListKeys', [['X-Amz-Target', 'TrentService.CreateKey']], {
      signs: { 'x-amz-target': 'TrentService.ListKeys' },
    }),
    'two targets signed together': request('ListKeys', [['x-amz-target', 'TrentService.CreateKey']]),
    'second host': request('CreateKey', [['Host', 'elsewhere']], { signs: { host } }),
    'second date': request('CreateKey', [['X-Amz-Date', stale]]),
    'second Authorization': request('CreateKey', [['Authorization', 'AWS4-HMAC-SHA256 x']], {
      signedHeaders: ['host', 'x-amz-date', 'x-amz-target'],
    }),
    'second payload hash': request('CreateKey', [
      ['X-Amz-Content-Sha256', 'UNSIGNED-PAYLOAD'],
      ['X-Amz-Content-Sha256', 'UNSIGNED-PAYLOAD'],
    ]),
    'a target with one part more': request('CreateKey.x'),
    'a session token that nobody issued': request('CreateKey', [['X-Amz-Security-Token', 'x']]),
  })
})

test('what is signed is what is done: no byte of it may differ', async () => {
  await assertRefused({
    'another operation': request('CreateKey', [], { signs: { 'x-amz-target': 'TrentService.ListKeys' } }),
    'another body': request('CreateKey').replace(/\{\}$/, '[]'),
    'another method': request('CreateKey', [], { method: 'PUT' }).replace(/^PUT/, 'POST'),
    'another path': request('CreateKey', [], { target: '/other' }),
    'a query': request('CreateKey', [], { target: '/?a=b' }),
    'a signature in capitals': request('CreateKey').replace(/Signature=[0-9a-f]+/, (text) =>
      text.toUpperCase(),
    ),
    'no signature': request('CreateKey').replace(/Signature=[0-9a-f]+/, 'Signature='),
    'half a signature': request('CreateKey').replace(/(Signature=[0-9a-f]{32})[0-9a-f]+/, '$1'),
    'a signature of zeros': request('CreateKey').replace(
      /Signature=[0-9a-f]+/,
      `Signature=${'0'.repeat(64)}`,
    ),
    'two signatures': request('CreateKey').replace(/(Signature=[0-9a-f]+)/, '$1, $1'),
  })
})

test('a signature holds for its Region, service and day alone', async () => {
  const other = (from: string, to: string) => request('CreateKey').replace(`/${from}/`, `/${to}/`)
  await assertRefused({
    'signed for another Region': other('us-east-1', 'eu-central-1'),
    'a Region that is not served': request('CreateKey', [], { region: 'moon-1' }),
    'no Region': request('CreateKey', [], { region: '' }),
    'another service': request('CreateKey', [], { service: 'sts' }),
    'signed for another service': other('kms', 'sts'),
    'another terminator': other('kms', 'kms').replace('aws4_request', 'aws5_request'),
    'a day of its own': request('CreateKey').replace(/Credential=([^/]+)\/\d{8}/, 'Credential=$1/20200101'),
    'a slash more': request('CreateKey', [], { region: 'us-east-1/kms' }),
  })
})

test('a request is good for five minutes around its signed time, whatever other dates it carries', async () => {
  const [early, late] = [amzDateOf(Date.now() - 302_000), amzDateOf(Date.now() + 304_000)]
  const fresh = new Date().toUTCString()
  await assertRefused({
    'too old': request('CreateKey', [], { amzDate: early }),
    'too new': request('CreateKey', [], { amzDate: late }),
    'too old with a fresh Date': request('CreateKey', [['Date', fresh]], { amzDate: early }),
    'too old in Date': signedBytes({
      headers: [
        ['Host', host],
        ['Date', 'Mon, 01 Jan 2001 00:00:00 GMT'],
        ['X-Amz-Target', 'TrentService.CreateKey'],
      ],
      credentials: server.credentials,
      amzDate: '20010101T000000Z',
    }),
    'an empty X-Amz-Date before a fresh Date': request('CreateKey', [['Date', fresh]]).replace(
      /X-Amz-Date: \S+/,
      'X-Amz-Date:',
    ),
    'a day that is not': request('CreateKey', [], { amzDate: '20260231T000000Z' }),
  })
  const answer = await exchange(server.url, request('ListKeys', [['Date', 'Mon, 01 Jan 2001 00:00:00 GMT']]))
  assert.deepEqual(statuses(answer), [200], 'X-Amz-Date goes before Date')
})

test('framing that two servers could read differently is refused', async () => {
  const chunked = '2\r\n{}\r\n0\r\n\r\n'
  const framed = (framing: string, body = '{}') =>
    request('CreateKey', [], { framing }).replace(/\{\}$/, body)
  await assertRefused({
    'length and chunks': request('CreateKey', [['Transfer-Encoding', 'chunked']]),
    'two lengths': request('CreateKey', [['Content-Length', '0']]),
    'a length with a sign': framed('Content-Length: +2'),
    'a length in two numbers': framed('Content-Length: 2, 2'),
    'a coding like chunked': framed('Transfer-Encoding: xchunked', chunked),
    'chunked that is not the last': framed('Transfer-Encoding: chunked, identity', chunked),
    'chunked after a vertical tab': framed('Transfer-Encoding: \x0bchunked', chunked),
    'a folded header': request('CreateKey').replace('X-Amz-Target: ', 'X-Amz-Target:\r\n '),
    'a space before the colon': request('CreateKey').replace('X-Amz-Target:', 'X-Amz-Target :'),
    'lines without carriage returns': request('CreateKey').replaceAll('\r\n', '\n'),
    'a lone carriage return': request('CreateKey', [['X-A', 'a\rX-B: b']]),
    'a zero byte': request('CreateKey', [['X-A', 'a\0b']]),
    'a chunk whose size is too large for any number': framed(
      'Transfer-Encoding: chunked',
      'fffffffffffffffff\r\n{}',
    ),
    'no Host': request('CreateKey').replace(/Host: \S+\r\n/, ''),
    'no Host in HTTP/1.0': request('CreateKey', [], { version: 'HTTP/1.0' }).replace(/Host: \S+\r\n/, ''),
    'a proxy request': request('CreateKey', [], { target: `http://${host}/` }),
    'a proxy request, signed as such': request('CreateKey', [], {
      target: `http://${host}/`,
      canonicalTarget: encodeURIComponent(`http://${host}/`),
    }),
    'HTTP/2 in the clear': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    'a tunnel': `CONNECT ${host} HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
  })
})

test('only POST to the root path does anything', async () => {
  const methods = ['GET', 'PUT', 'DELETE', 'OPTIONS', 'TRACE', 'PATCH', 'PROPFIND']
  await assertRefused({
    ...Object.fromEntries(methods.map((method) => [method, request('CreateKey', [], { method })])),
    'another path': request('CreateKey', [], { target: '/a', canonicalTarget: '/a' }),
    'a path that means the root': request('CreateKey', [], { target: '/a/..' }),
    'an internal path': request('CreateKey', [], { target: '/-/health', canonicalTarget: '/-/health' }),
  })
})

test('chunk trailers are no headers', async () => {
  const bytes = request('ListKeys', [], { framing: 'Transfer-Encoding: chunked' }).replace(
    /\{\}$/,
    '2\r\n{}\r\n0\r\nX-Amz-Target: TrentService.CreateKey\r\nAuthorization: none\r\n\r\n',
  )
  const before = await keyCount()
  const answer = await exchange(server.url, bytes)
  assert.deepEqual(statuses(answer), [200])
  assert.match(answer, /"Keys":/)
  assert.equal(await keyCount(), before)
})

test('each of two pipelined requests needs a signature of its own', async () => {
  const before = await keyCount()
  const unsigned = request('CreateKey').replace(/Authorization: [^\r]+\r\n/, '')
  const answer = await exchange(server.url, request('ListKeys', [], { keepAlive: true }) + unsigned)
  assert.deepEqual(statuses(answer), [200, 400])
  assert.match(answer, /MissingAuthenticationTokenException/)
  assert.equal(await keyCount(), before)
})

test('names that mean something to JavaScript are no operations', async () => {
  const targets = [
    '__proto__.constructor',
    'TrentService.__proto__',
    'TrentService.toString',
    'constructor.call',
    '.',
    '',
  ]
  await assertRefused(
    Object.fromEntries(
      targets.map((target) => {
        const amzDate = amzDateOf(Date.now())
        const headers: Header[] = [
          ['Host', host],
          ['X-Amz-Date', amzDate],
          ['X-Amz-Target', target],
        ]
        return [target, signedBytes({ headers, amzDate, credentials: server.credentials })]
      }),
    ),
  )
})
