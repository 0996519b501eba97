import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { post, rawClient, startRig } from './testing/listener-rig.ts'
import { parseProxyHeader } from './proxy-protocol.ts'

const SIGNATURE = '0d0a0d0a000d0a515549540a'
const header = (rest: string) => Buffer.from(SIGNATURE + rest.replaceAll(' ', ''), 'hex')
// 198.51.100.7:4711 → 192.0.2.1:443
const TCP4 = header('21 11 000c c6336407 c0000201 1267 01bb')
const TCP6 = header('21 21 0024 20010db8000000000000000000000007 20010db8000000000000000000000001 1267 01bb')
const LOCAL = header('20 00 0000')

test('a header names its client, with extensions skipped', () => {
  assert.deepEqual(parseProxyHeader(TCP4), { state: 'complete', lengthBytes: 28, source: '198.51.100.7' })
  assert.deepEqual(parseProxyHeader(TCP6), { state: 'complete', lengthBytes: 52, source: '2001:db8::7' })
  assert.deepEqual(parseProxyHeader(header('21 11 0011 c6336407 c0000201 1267 01bb 04 0002 0000')), {
    state: 'complete',
    lengthBytes: 33,
    source: '198.51.100.7',
  })
  const mapped = header(
    '21 21 0024 00000000000000000000ffffc6336407 00000000000000000000ffffc0000201 1267 01bb',
  )
  assert.deepEqual(parseProxyHeader(mapped), { state: 'complete', lengthBytes: 52, source: '198.51.100.7' })
  assert.deepEqual(parseProxyHeader(LOCAL), { state: 'complete', lengthBytes: 16 })
  assert.deepEqual(parseProxyHeader(header('21 00 0000')), { state: 'complete', lengthBytes: 16 })
})

test('what is not version 2 over TCP is malformed', () => {
  for (const wrong of [
    Buffer.from('PROXY TCP4 198.51.100.7 192.0.2.1 4711 443\r\n'),
    Buffer.from('POST / HTTP/1.1\r\n'),
    header('11 11 000c c6336407 c0000201 1267 01bb'),
    header('22 11 000c c6336407 c0000201 1267 01bb'),
    header('21 12 000c c6336407 c0000201 1267 01bb'),
    header(`21 31 00d8 ${'00'.repeat(216)}`),
    header('21 11 000b c6336407 c0000201 1267 01'),
    header('21 21 000c c6336407 c0000201 1267 01bb'),
    header('21 11 ffff'),
  ]) {
    assert.deepEqual(parseProxyHeader(wrong), { state: 'malformed' })
  }
})

test('every part of a header is incomplete, and no bytes make the parser throw', () => {
  for (const whole of [TCP4, TCP6, LOCAL]) {
    for (let length = 0; length < whole.length; length++) {
      assert.deepEqual(parseProxyHeader(whole.subarray(0, length)), { state: 'incomplete' })
    }
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), fc.boolean(), (tail, signed) => {
      const bytes = signed ? Buffer.concat([Buffer.from(SIGNATURE, 'hex'), tail]) : Buffer.from(tail)
      assert.ok(['incomplete', 'malformed', 'complete'].includes(parseProxyHeader(bytes).state))
    }),
  )
})

const proxied = { trustedProxies: ['127.0.0.1'], proxyProtocol: true }

test('a configured proxy names the client of each connection, in however many pieces', async (t) => {
  const rig = await startRig(t, proxied)
  const whole = await rawClient(t, rig.port)
  whole.send(Buffer.concat([TCP4, Buffer.from(post('/1', 'one') + post('/2', 'two'))]))
  await whole.receive(/two$/)
  whole.send(post('/3', 'three'))
  await whole.receive(/three$/)
  const pieces = await rawClient(t, rig.port)
  pieces.socket.setNoDelay(true)
  for (const byte of Buffer.concat([TCP6, Buffer.from(post('/4', 'four'))])) {
    pieces.send(Buffer.from([byte]))
    await new Promise(setImmediate)
  }
  await pieces.receive(/four$/)
  assert.deepEqual(
    rig.requests.map(({ target, sourceIp }) => [target, sourceIp]),
    [
      ['/1', '198.51.100.7'],
      ['/2', '198.51.100.7'],
      ['/3', '198.51.100.7'],
      ['/4', '2001:db8::7'],
    ],
  )
})

test('LOCAL connections are the proxy itself', async (t) => {
  const rig = await startRig(t, proxied)
  const client = await rawClient(t, rig.port)
  client.send(Buffer.concat([LOCAL, Buffer.from(post('/', 'ok'))]))
  await client.receive(/ok$/)
  assert.equal(rig.requests[0]?.sourceIp, '127.0.0.1')
})

test('a proxy that names nobody, or too slowly, is cut off', async (t) => {
  const rig = await startRig(t, { ...proxied, limits: { proxyHeaderMs: 20 } })
  for (const bytes of [
    Buffer.from(post('/')),
    Buffer.from('PROXY TCP4 1.1.1.1 2.2.2.2 1 2\r\n'),
    TCP4.subarray(0, 20),
  ]) {
    const client = await rawClient(t, rig.port)
    client.send(bytes)
    assert.equal(await client.receiveAll(), '')
  }
  const gone = await rawClient(t, rig.port)
  gone.socket.end(TCP4.subarray(0, 5))
  assert.equal(await gone.receiveAll(), '')
  assert.equal(await rig.rejected('proxy_protocol'), 4)
  assert.equal(rig.requests.length, 0)
})

test('a header from anybody else is a malformed request', async (t) => {
  const rig = await startRig(t, { trustedProxies: ['10.0.0.1'], proxyProtocol: true })
  const liar = await rawClient(t, rig.port)
  liar.send(Buffer.concat([TCP4, Buffer.from(post('/'))]))
  assert.match(await liar.receiveAll(), /^HTTP\/1\.1 400 /)
  const honest = await rawClient(t, rig.port)
  honest.send(post('/', 'ok'))
  await honest.receive(/ok$/)
  assert.deepEqual(
    rig.requests.map(({ sourceIp }) => sourceIp),
    ['127.0.0.1'],
  )
})
