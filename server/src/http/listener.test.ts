import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createServer } from 'node:net'
import { ListenerError } from './listener-error.ts'
import { heldHandler, post, rawClient, startRig } from './testing/listener-rig.ts'
import { requireSafeAddress } from './listen-address.ts'

const REQUEST_ID = /\r\nx-amzn-RequestId: [0-9a-f-]{36}\r\n/

test('a request reaches the handler as it was sent, and its answer is one message with its id', async (t) => {
  const rig = await startRig(t)
  const client = await rawClient(t, rig.port)
  client.send(
    'POST /?a=%2f HTTP/1.1\r\nHost: kms:1\r\nX-Twice: 1\r\nx-twice: 2\r\nContent-Length: 5\r\n\r\nhello',
  )
  const answer = await client.receive(/hello$/)
  assert.match(answer, /^HTTP\/1\.1 200 OK\r\n/)
  assert.match(answer, /\r\nx-amzn-RequestId: id-\/\?a=%2f\r\n/)
  assert.match(answer, /\r\nContent-Length: 5\r\n/)
  assert.match(answer, /\r\nDate: /)
  assert.match(answer, /\r\nConnection: keep-alive\r\n/)
  const [request] = rig.requests
  assert.equal(request?.sourceIp, '127.0.0.1')
  assert.equal(request.tls, undefined)
  assert.deepEqual(request.rawHeaders, [
    'Host',
    'kms:1',
    'X-Twice',
    '1',
    'x-twice',
    '2',
    'Content-Length',
    '5',
  ])
})

test('a body is put together from its pieces, however small', async (t) => {
  const rig = await startRig(t)
  const client = await rawClient(t, rig.port)
  client.send('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n')
  const text = Array.from({ length: 3000 }, (_, i) => String(i)).join(',')
  for (const character of text) client.send(`1\r\n${character}\r\n`)
  client.send('0\r\n\r\n')
  await client.receive(/2999$/)
  assert.equal(rig.requests[0]?.body.toString(), text)
})

test('pipelined requests are answered in their order, whatever order they end in', async (t) => {
  const held = heldHandler()
  const rig = await startRig(t, {}, held.handler)
  const client = await rawClient(t, rig.port)
  client.send(post('/1', 'one') + post('/2', 'two') + post('/3', 'three'))
  await held.arrived(3)
  for (const { release } of held.waiting.toReversed()) release()
  const answers = await client.receive(/three$/)
  assert.deepEqual(
    [...answers.matchAll(/RequestId: id-(\/\d)/g)].map(([, target]) => target),
    ['/1', '/2', '/3'],
  )
})

test('a client that pipelines without end is read more slowly, and still answered', async (t) => {
  const held = heldHandler()
  const rig = await startRig(t, { limits: { pipelinedRequests: 4 } }, held.handler)
  const client = await rawClient(t, rig.port)
  // Far more than one read from the socket holds.
  const body = 'x'.repeat(2000)
  for (let i = 0; i < 400; i++) client.send(post(`/${i}`, body))
  let released = 0
  while (released < 400) {
    await held.arrived(released + 1)
    assert.ok(held.waiting.length - released < 200, 'the whole flood was taken in at once')
    held.waiting[released++]?.release()
  }
  await client.receive(/id-\/399\r\n/)
})

test('bytes that are no HTTP get 400 with a request id, and the connection ends', async (t) => {
  const rig = await startRig(t)
  for (const garbage of [
    'hello\r\n\r\n',
    '\u0016\u0003\u0001\u0002',
    'GET / HTTP/9.9\r\n\r\n',
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n',
    'POST / HTTP/1.1\r\nHost: a\r\nBad Name: x\r\n\r\n',
    'POST / HTTP/1.1\r\nHost: a\r\nA: b\r\n folded\r\n\r\n',
    'POST / HTTP/1.1\r\nHost: a\r\nA: b\nB: c\r\n\r\n',
  ]) {
    const client = await rawClient(t, rig.port)
    client.send(garbage)
    const answer = await client.receiveAll()
    assert.match(answer, /^HTTP\/1\.1 400 /, JSON.stringify(garbage))
    assert.match(answer, REQUEST_ID)
    assert.match(answer, /\r\nConnection: close\r\n/)
    assert.match(answer, /"__type":"BadRequestException"/)
  }
  assert.equal(await rig.rejected('malformed_request'), 8)
  assert.equal(rig.requests.length, 0)
})

test('a message whose length can be read in two ways is refused', async (t) => {
  const rig = await startRig(t)
  for (const fields of [
    'Content-Length: 3\r\nTransfer-Encoding: chunked\r\n',
    'Transfer-Encoding: chunked\r\nContent-Length: 3\r\n',
    'Content-Length: 3\r\nContent-Length: 4\r\n',
    'Content-Length: 3\r\nContent-Length: 3\r\n',
    'Transfer-Encoding: chunked, identity\r\n',
    'Transfer-Encoding: xchunked\r\n',
    'Transfer-Encoding : chunked\r\n',
    'Host: second\r\nContent-Length: 3\r\n',
  ]) {
    const client = await rawClient(t, rig.port)
    client.send(
      `POST / HTTP/1.1\r\nHost: a\r\n${fields}\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n`,
    )
    const answer = await client.receiveAll()
    assert.match(answer, /^HTTP\/1\.1 400 /, JSON.stringify(fields))
    assert.match(answer, REQUEST_ID)
    assert.equal(answer.match(/HTTP\/1\.1 /g)?.length, 1)
  }
  assert.equal(rig.requests.length, 0)
})

test('HTTP/1.1 without Host is refused, HTTP/1.0 is served and closed', async (t) => {
  const rig = await startRig(t)
  const without = await rawClient(t, rig.port)
  without.send('GET / HTTP/1.1\r\n\r\n')
  const refused = await without.receiveAll()
  assert.match(refused, /^HTTP\/1\.1 400 /)
  assert.match(refused, REQUEST_ID)
  const old = await rawClient(t, rig.port)
  old.send('GET /old HTTP/1.0\r\n\r\n')
  assert.match(await old.receiveAll(), /200 OK\r\n[^]*Connection: close/)
})

test('garbage behind a request that is being answered does not overtake its answer', async (t) => {
  const held = heldHandler()
  const rig = await startRig(t, {}, held.handler)
  const client = await rawClient(t, rig.port)
  client.send(post('/first', 'one'))
  await held.arrived(1)
  client.send('garbage\r\n\r\n')
  const other = await rawClient(t, rig.port)
  other.send(post('/other'))
  await held.arrived(2)
  held.waiting[0]?.release()
  const answers = await client.receiveAll()
  assert.match(answers, /^HTTP\/1\.1 200 OK\r\n[^]*oneHTTP\/1\.1 400 /)
  held.waiting[1]?.release()
  assert.match(await other.receive(/id-\/other/), /^HTTP\/1\.1 200/)
})

test('a header of more than 16 KiB is refused with 431', async (t) => {
  const rig = await startRig(t)
  const client = await rawClient(t, rig.port)
  client.send(`POST / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(16 * 1024)}\r\n\r\n`)
  const answer = await client.receiveAll()
  assert.match(answer, /^HTTP\/1\.1 431 /)
  assert.match(answer, REQUEST_ID)
  assert.equal(await rig.rejected('header_too_large'), 1)
  const fits = await rawClient(t, rig.port)
  fits.send(`POST / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(15 * 1024)}\r\nContent-Length: 2\r\n\r\nok`)
  await fits.receive(/ok$/)
})

test('thousands of header fields arrive complete', async (t) => {
  const rig = await startRig(t)
  const client = await rawClient(t, rig.port)
  client.send(`GET / HTTP/1.1\r\nHost: a\r\n${'a:\r\n'.repeat(3000)}\r\n`)
  await client.receive(/200 OK/)
  assert.equal(rig.requests[0]?.rawHeaders.length, 2 * 3001)
})

test('a body of more than the limit is refused with 413, declared or not, and read to its end', async (t) => {
  const rig = await startRig(t, { limits: { bodyBytes: 100_000 } })
  const declared = await rawClient(t, rig.port)
  declared.send(post('/', 'x'.repeat(100_001)))
  const first = await declared.receiveAll()
  assert.match(first, /^HTTP\/1\.1 413 /)
  assert.match(first, REQUEST_ID)
  assert.match(first, /"__type":"RequestEntityTooLargeException"/)
  const chunked = await rawClient(t, rig.port)
  chunked.send('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n')
  for (let i = 0; i < 11; i++) chunked.send(`2710\r\n${'x'.repeat(10_000)}\r\n`)
  chunked.send('0\r\n\r\n')
  assert.match(await chunked.receiveAll(), /^HTTP\/1\.1 413 /)
  const exact = await rawClient(t, rig.port)
  exact.send(post('/', 'y'.repeat(100_000)))
  await exact.receive(/\r\nContent-Length: 100000\r\n/)
  assert.equal(await rig.rejected('body_too_large'), 2)
  assert.equal(rig.requests.length, 1)
})

test('after 413 a client that keeps sending is cut off', async (t) => {
  const rig = await startRig(t, { limits: { bodyBytes: 10, lingerMs: 30 } })
  const client = await rawClient(t, rig.port)
  client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nxxxxxxxxxxxxxxxxx')
  const answer = await client.receiveAll()
  assert.match(answer, /^HTTP\/1\.1 413 /)
  assert.equal(answer.match(/HTTP\/1\.1 /g)?.length, 1)
})

test('Expect: 100-continue is granted before the body, and not to one that is too large', async (t) => {
  const rig = await startRig(t, { limits: { bodyBytes: 10, lingerMs: 30 } })
  const client = await rawClient(t, rig.port)
  client.send('POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n')
  await client.receive(/^HTTP\/1\.1 100 Continue\r\n\r\n$/)
  client.send('ok')
  await client.receive(/HTTP\/1\.1 200 OK[^]*ok$/)
  const large = await rawClient(t, rig.port)
  large.send('POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 11\r\n\r\n')
  assert.match(await large.receiveAll(), /^HTTP\/1\.1 413 /)
  const odd = await rawClient(t, rig.port)
  odd.send('POST / HTTP/1.1\r\nHost: a\r\nExpect: wonders\r\nContent-Length: 0\r\n\r\n')
  const answer = await odd.receiveAll()
  assert.match(answer, /^HTTP\/1\.1 417 /)
  assert.match(answer, REQUEST_ID)
})

test('a header or a body that does not come in time gets 408 with a request id', async (t) => {
  const rig = await startRig(t, { limits: { headerMs: 60, requestMs: 60 } })
  const header = await rawClient(t, rig.port)
  header.send('POST / HTTP/1.1\r\nHost: a\r\nX-Slow: ')
  const body = await rawClient(t, rig.port)
  body.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc')
  const silent = await rawClient(t, rig.port)
  for (const client of [header, body, silent]) {
    const answer = await client.receiveAll()
    assert.match(answer, /^HTTP\/1\.1 408 /)
    assert.match(answer, REQUEST_ID)
  }
  assert.equal(await rig.rejected('timeout'), 3)
})

test('a connection that rests too long is closed without a word', async (t) => {
  const rig = await startRig(t, { limits: { idleMs: 10 } })
  const client = await rawClient(t, rig.port)
  client.send(post('/', 'ok'))
  assert.match(await client.receiveAll(), /^HTTP\/1\.1 200 OK[^]*ok$/)
})

test('slow and broken clients do not hurt two hundred others', async (t) => {
  const rig = await startRig(t)
  for (let i = 0; i < 20; i++) {
    const slow = await rawClient(t, rig.port)
    slow.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nx')
    const broken = await rawClient(t, rig.port)
    broken.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nx')
    broken.socket.resetAndDestroy()
  }
  await Promise.all(
    Array.from({ length: 200 }, async (_, i) => {
      const client = await rawClient(t, rig.port)
      client.send(post(`/${i}`, `body-${i}`))
      await client.receive(new RegExp(`id-/${i}\r\n[^]*body-${i}$`))
    }),
  )
  assert.equal(rig.requests.length, 200)
})

test('a client that has closed its side still gets its answer', async (t) => {
  const held = heldHandler()
  const rig = await startRig(t, {}, held.handler)
  const client = await rawClient(t, rig.port)
  client.send(post('/', 'half'))
  client.socket.end()
  await held.arrived(1)
  held.waiting[0]?.release()
  assert.match(await client.receiveAll(), /^HTTP\/1\.1 200 OK[^]*half$/)
})

test('a client that goes away in the middle is no error and leaves nothing behind', async (t) => {
  const held = heldHandler()
  const rig = await startRig(t, { limits: { requestsInProgress: 3 } }, held.handler)
  const client = await rawClient(t, rig.port)
  client.send(post('/1') + post('/2') + post('/3'))
  await held.arrived(3)
  const refused = await rawClient(t, rig.port)
  refused.send(post('/4'))
  const busy = await refused.receiveAll()
  assert.match(busy, /^HTTP\/1\.1 503 /)
  assert.match(busy, REQUEST_ID)

  client.socket.resetAndDestroy()
  for (const { release } of held.waiting) release()
  const next = await rawClient(t, rig.port)
  next.send(post('/5'))
  await held.arrived(4)
  held.waiting[3]?.release()
  await next.receive(/id-\/5/)
  assert.equal(await rig.rejected('too_many_requests'), 1)
  assert.ok(!rig.lines.some((line) => line.includes('"level":"error"')))
})

test('long bodies share a bounded number of places, and give them back', async (t) => {
  const rig = await startRig(t, { limits: { longBodies: 1, lingerMs: 30 } })
  const long = 'x'.repeat(200_000)
  const holder = await rawClient(t, rig.port)
  holder.send(`POST /hold HTTP/1.1\r\nHost: a\r\nContent-Length: 200001\r\n\r\n${long}`)
  // The holder's bytes have been read when a later request on another connection finds no place.
  let answer = ''
  while (!answer.startsWith('HTTP/1.1 503')) {
    const other = await rawClient(t, rig.port)
    other.send(post('/', long))
    answer = await other.receive(/^HTTP\/1\.1 \d+/)
  }
  const small = await rawClient(t, rig.port)
  small.send(post('/small', 'ok'))
  await small.receive(/ok$/)
  holder.send('x')
  await holder.receive(/x$/)
  const after = await rawClient(t, rig.port)
  after.send(post('/after', long))
  await after.receive(/id-\/after/)
})

test('one connection too many is told so, and there is room again when another ends', async (t) => {
  const rig = await startRig(t, { limits: { connections: 2 } })
  const first = await rawClient(t, rig.port)
  const second = await rawClient(t, rig.port)
  for (const client of [first, second]) {
    client.send(post('/', 'in'))
    await client.receive(/in$/)
  }
  const third = await rawClient(t, rig.port)
  const answer = await third.receiveAll()
  assert.match(answer, /^HTTP\/1\.1 503 /)
  assert.match(answer, REQUEST_ID)
  assert.equal(await rig.metric('keywright_connections'), 2)
  second.socket.destroy()
  while ((await rig.metric('keywright_connections')) > 1) await new Promise(setImmediate)
  const fourth = await rawClient(t, rig.port)
  fourth.send(post('/', 'room'))
  await fourth.receive(/room$/)
})

test('HEAD, OPTIONS and unknown paths are for the handler; CONNECT is refused', async (t) => {
  const rig = await startRig(t)
  const client = await rawClient(t, rig.port)
  client.send('HEAD /a HTTP/1.1\r\nHost: a\r\n\r\n')
  await client.receive(/id-\/a\r\n/)
  client.send('OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n')
  await client.receive(/id-\*\r\n/)
  client.send('GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
  await client.receive(/id-\/ws\r\n/)
  assert.deepEqual(
    rig.requests.map(({ method }) => method),
    ['HEAD', 'OPTIONS', 'GET'],
  )
  const tunnel = await rawClient(t, rig.port)
  tunnel.send('CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n\r\n')
  const answer = await tunnel.receiveAll()
  assert.match(answer, /^HTTP\/1\.1 405 /)
  assert.match(answer, REQUEST_ID)
})

test('a handler that breaks its promise costs one answer, not the process', async (t) => {
  const rig = await startRig(t, {}, () => Promise.reject(new Error('boom')))
  const client = await rawClient(t, rig.port)
  client.send(post('/'))
  const answer = await client.receive(/\}$/)
  assert.match(answer, /^HTTP\/1\.1 500 /)
  assert.match(answer, /"__type":"KMSInternalException"/)
  assert.match(answer, REQUEST_ID)
  assert.ok(!answer.includes('boom'))
})

test('a stop lets running requests end, closes resting connections at once and takes no new ones', async (t) => {
  const held = heldHandler()
  const rig = await startRig(t, {}, (request) =>
    request.target === '/now' ? echoNow(request) : held.handler(request),
  )
  const resting = await rawClient(t, rig.port)
  resting.send(post('/now', 'ok'))
  await resting.receive(/ok$/)
  const running = await rawClient(t, rig.port)
  running.send(post('/running', 'done'))
  await held.arrived(1)
  const stopped = rig.listener.stop()
  await resting.receiveAll()
  await assert.rejects(rawClient(t, rig.port), { code: 'ECONNREFUSED' })
  held.waiting[0]?.release()
  assert.match(await running.receiveAll(), /^HTTP\/1\.1 200 OK[^]*Connection: close\r\n[^]*done$/)
  await stopped
})

test('a stop cuts what does not end in time', async (t) => {
  const held = heldHandler()
  const rig = await startRig(t, {}, held.handler)
  const client = await rawClient(t, rig.port)
  client.send(post('/'))
  await held.arrived(1)
  await rig.listener.stop(20)
  assert.equal(await client.receiveAll(), '')
})

test('an address in use is told in one line that says what to do', async (t) => {
  const other = createServer().listen(0, '127.0.0.1')
  t.after(() => other.close())
  await new Promise((resolve) => other.once('listening', resolve))
  const address = other.address()
  assert.ok(address !== null && typeof address === 'object')
  await assert.rejects(startRig(t, { port: address.port }), (error) => {
    assert.ok(error instanceof ListenerError)
    assert.match(
      error.message,
      /^127\.0\.0\.1:\d+ is in use by another process: stop it, or choose another port/,
    )
    return true
  })
  await assert.rejects(
    startRig(t, { host: '192.0.2.1', insecureHttp: true }),
    /this machine has no address 192\.0\.2\.1/,
  )
})

test('plain HTTP stays on this machine unless the operator says otherwise', async (t) => {
  for (const host of ['127.0.0.1', '127.1.2.3', '::1', 'localhost', '::ffff:127.0.0.1']) {
    requireSafeAddress({ host, tls: false, insecureHttp: false })
  }
  for (const host of ['0.0.0.0', '::', '192.168.1.1', 'kms.example.com', '127.0.0.1.example.com', '']) {
    assert.throws(() => requireSafeAddress({ host, tls: false, insecureHttp: false }), ListenerError)
    requireSafeAddress({ host, tls: true, insecureHttp: false })
    requireSafeAddress({ host, tls: false, insecureHttp: true })
  }
  await assert.rejects(async () => startRig(t, { host: '0.0.0.0' }), /plain HTTP on 0\.0\.0\.0/)
  const open = await startRig(t, { host: '0.0.0.0', insecureHttp: true })
  const client = await rawClient(t, open.port)
  client.send(post('/', 'ok'))
  await client.receive(/ok$/)
})

function echoNow({ body, target }: { body: Buffer; target: string }) {
  return Promise.resolve({ status: 200, contentType: 'text/plain', requestId: target, body: body.toString() })
}
