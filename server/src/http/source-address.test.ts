import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { post, rawClient, startRig } from './testing/listener-rig.ts'
import { ListenerError } from './listener-error.ts'
import { addressSet, canonicalAddress, forwardedOverTls, forwardedSource } from './source-address.ts'

test('an address has one spelling', () => {
  assert.equal(canonicalAddress('::ffff:192.0.2.1'), '192.0.2.1')
  assert.equal(canonicalAddress('::FFFF:192.0.2.1'), '192.0.2.1')
  assert.equal(canonicalAddress('0:0:0:0:0:ffff:c000:0201'), '192.0.2.1')
  assert.equal(canonicalAddress('2001:0DB8:0:0::0001'), '2001:db8::1')
  assert.equal(canonicalAddress('fe80::1%eth0'), 'fe80::1')
  assert.equal(canonicalAddress('192.0.2.1'), '192.0.2.1')
  assert.equal(canonicalAddress('kms.example.com'), 'kms.example.com')
})

test('a set holds addresses and ranges of both families, and refuses what is neither', () => {
  const set = addressSet(['10.0.0.0/8', '192.0.2.7', '2001:db8::/32', '::1'])
  for (const inside of ['10.255.0.1', '192.0.2.7', '2001:db8:1::5', '::1']) assert.ok(set(inside), inside)
  for (const outside of ['11.0.0.1', '192.0.2.8', '2001:db9::1', '::2', 'unknown', ''])
    assert.ok(!set(outside), outside)
  for (const wrong of [
    '10.0.0.0/33',
    '::/129',
    '10.0.0/8',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    '10.0.0.0/-1',
    'lb',
    '',
  ]) {
    assert.throws(() => addressSet([wrong]), ListenerError, wrong)
  }
})

const trusted = addressSet(['10.0.0.0/8'])
const forwarded = (...values: string[]) => values.flatMap((value) => ['X-Forwarded-For', value])

test('X-Forwarded-For is read from the right, only as far as it can be believed', () => {
  const cases: [peer: string, values: string[], source: string][] = [
    ['192.0.2.1', ['1.1.1.1'], '192.0.2.1'],
    ['10.0.0.1', [], '10.0.0.1'],
    ['10.0.0.1', ['198.51.100.7'], '198.51.100.7'],
    ['10.0.0.1', ['1.1.1.1, 198.51.100.7'], '198.51.100.7'],
    ['10.0.0.1', ['1.1.1.1', '198.51.100.7, 10.0.0.2'], '198.51.100.7'],
    ['10.0.0.1', ['10.0.0.3, 10.0.0.2'], '10.0.0.3'],
    ['10.0.0.1', ['198.51.100.7, unknown, 10.0.0.2'], '10.0.0.2'],
    ['10.0.0.1', ['198.51.100.7, '], '10.0.0.1'],
    ['10.0.0.1', ['198.51.100.7:4711'], '198.51.100.7'],
    ['10.0.0.1', ['[2001:db8::0001]:4711'], '2001:db8::1'],
    ['10.0.0.1', ['::ffff:198.51.100.7'], '198.51.100.7'],
    ['10.0.0.1', ['"; drop'], '10.0.0.1'],
  ]
  for (const [peer, values, source] of cases) {
    assert.equal(forwardedSource(peer, forwarded(...values), trusted), source, values.join(' | '))
  }
})

test('whatever a client writes to the left of what the proxy adds changes nothing', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.string(), fc.ipV4(), fc.ipV6())), (claims) => {
      const added = '198.51.100.7'
      assert.equal(forwardedSource('10.0.0.1', forwarded([...claims, added].join(',')), trusted), added)
      assert.equal(forwardedSource('10.0.0.1', forwarded(...claims, added), trusted), added)
    }),
  )
})

test('the source of a request is the socket, or whom a configured proxy names', async (t) => {
  const direct = await startRig(t)
  const behind = await startRig(t, { trustedProxies: ['127.0.0.1'] })
  for (const rig of [direct, behind]) {
    const client = await rawClient(t, rig.port)
    client.send(post('/', 'ok', 'X-Forwarded-For: 6.6.6.6, 198.51.100.7\r\n'))
    await client.receive(/ok$/)
  }
  assert.equal(direct.requests[0]?.sourceIp, '127.0.0.1')
  assert.equal(behind.requests[0]?.sourceIp, '198.51.100.7')
})

test('a client over IPv4 has an IPv4 address on a listener for both families', async (t) => {
  const rig = await startRig(t, { host: '::', insecureHttp: true })
  const client = await rawClient(t, rig.port)
  client.send(post('/', 'ok'))
  await client.receive(/ok$/)
  assert.equal(rig.requests[0]?.sourceIp, '127.0.0.1')
})

test('only a trusted proxy is believed that the client spoke TLS with it, and all of them must say so', () => {
  const trusted = addressSet(['10.0.0.0/8'])
  const overTls = (peer: string, ...values: string[]) =>
    forwardedOverTls(
      peer,
      values.flatMap((value) => ['X-Forwarded-Proto', value]),
      trusted,
    )
  assert.equal(overTls('10.0.0.1', 'https'), true)
  assert.equal(overTls('10.0.0.1', 'HTTPS, https'), true)
  assert.equal(overTls('192.0.2.1', 'https'), false)
  for (const values of [[], ['http'], ['https, http'], ['https', 'http'], ['http', 'https'], ['']]) {
    assert.equal(overTls('10.0.0.1', ...values), false, values.join())
  }
})
