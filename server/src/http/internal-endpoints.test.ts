import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rawClient, startRig } from './testing/listener-rig.ts'

async function get(
  t: Parameters<typeof rawClient>[0],
  port: number,
  path: string,
  fields = 'Host: localhost\r\n',
  method = 'GET',
) {
  const client = await rawClient(t, port)
  client.send(`${method} ${path} HTTP/1.1\r\n${fields}Connection: close\r\n\r\n`)
  const answer = await client.receiveAll()
  assert.match(answer, /\r\nx-amzn-RequestId: [0-9a-f-]{36}\r\n/)
  return { status: Number(answer.slice(9, 12)), answer, body: answer.slice(answer.indexOf('\r\n\r\n') + 4) }
}

const SECRET_REASON = 'no space left on /var/lib/keywright'

test('this machine learns what fails and why, and health comes back', async (t) => {
  const rig = await startRig(t)
  rig.health.recover('store')
  assert.deepEqual(JSON.parse((await get(t, rig.port, '/-/health')).body), {
    status: 'ok',
    components: { store: { ok: true } },
  })
  rig.health.fail('journal', SECRET_REASON)
  for (const path of ['/-/health', '/-/ready', '/-/health?verbose']) {
    const red = await get(t, rig.port, path)
    assert.equal(red.status, 503)
    assert.equal(JSON.parse(red.body).status, 'failing')
    assert.equal(JSON.parse(red.body).components.journal.reason, SECRET_REASON)
  }
  rig.health.recover('journal')
  assert.equal((await get(t, rig.port, '/-/ready')).status, 200)
  rig.health.setAccepting(false)
  assert.equal((await get(t, rig.port, '/-/health')).status, 200)
  assert.equal((await get(t, rig.port, '/-/ready')).status, 503)
  assert.equal(rig.requests.length, 0)
})

test('whoever is not plainly this machine learns only ok or failing, and no metrics', async (t) => {
  const rig = await startRig(t)
  rig.health.fail('journal', SECRET_REASON)
  for (const fields of [
    'Host: evil.example\r\n',
    'Host: 127.0.0.1.evil.example\r\n',
    'Host: localhost.evil.example:5567\r\n',
    'Host: \r\n',
    'Host: localhost\r\nX-Forwarded-For: 127.0.0.1\r\n',
    'Host: localhost\r\nForwarded: for=127.0.0.1\r\n',
    'Host: localhost\r\nVia: 1.1 proxy\r\n',
    'Host: localhost\r\nX-Real-IP: 127.0.0.1\r\n',
  ]) {
    const { status, body } = await get(t, rig.port, '/-/health', fields)
    assert.equal(status, 503)
    assert.deepEqual(JSON.parse(body), { status: 'failing' }, fields)
    assert.equal((await get(t, rig.port, '/-/metrics', fields)).status, 404)
  }
  for (const host of ['127.0.0.1:5567', '[::1]:5567', 'LOCALHOST']) {
    assert.match((await get(t, rig.port, '/-/health', `Host: ${host}\r\n`)).body, /no space/)
  }
})

test('a configured proxy on this machine speaks for others', async (t) => {
  const rig = await startRig(t, { trustedProxies: ['127.0.0.0/8'] })
  rig.health.fail('journal', SECRET_REASON)
  assert.deepEqual(JSON.parse((await get(t, rig.port, '/-/health')).body), { status: 'failing' })
  assert.equal((await get(t, rig.port, '/-/metrics')).status, 404)
})

test('web pages are refused', async (t) => {
  const rig = await startRig(t)
  for (const field of ['Origin: http://localhost', 'Origin: null', 'Sec-Fetch-Site: cross-site']) {
    for (const path of ['/-/health', '/-/ready', '/-/metrics']) {
      const { status, body } = await get(t, rig.port, path, `Host: localhost\r\n${field}\r\n`)
      assert.equal(status, 403)
      assert.ok(!body.includes('status'))
    }
  }
})

test('metrics are on a loopback listener, and not on an open one', async (t) => {
  const local = await startRig(t)
  const { status, answer, body } = await get(t, local.port, '/-/metrics')
  assert.equal(status, 200)
  assert.match(answer, /\r\nContent-Type: text\/plain/)
  assert.match(body, /^keywright_connections 1$/m)
  const open = await startRig(t, { host: '0.0.0.0', insecureHttp: true })
  assert.equal((await get(t, open.port, '/-/metrics')).status, 404)
})

test('an administrative listener shows reasons and metrics to all who reach it, and has no API', async (t) => {
  const rig = await startRig(t, { administrative: true, host: '0.0.0.0' })
  rig.health.fail('journal', SECRET_REASON)
  assert.match((await get(t, rig.port, '/-/health', 'Host: kms-1.monitoring\r\n')).body, /no space/)
  assert.equal((await get(t, rig.port, '/-/metrics', 'Host: kms-1.monitoring\r\n')).status, 200)
  assert.equal((await get(t, rig.port, '/', 'Host: kms-1.monitoring\r\n', 'POST')).status, 404)
  assert.equal((await get(t, rig.port, '/-/metrics', 'Host: a\r\nOrigin: http://a\r\n')).status, 403)
})

test('there is nothing else under /-/, and only reading', async (t) => {
  const rig = await startRig(t)
  for (const path of ['/-/', '/-/healthz', '/-/health/', '/-/../', '/-//health', '/-/metrics/x']) {
    assert.equal((await get(t, rig.port, path)).status, 404, path)
  }
  for (const path of ['/-/health', '/-/ready', '/-/metrics']) {
    assert.equal((await get(t, rig.port, path, 'Host: localhost\r\n', 'POST')).status, 405)
    assert.equal((await get(t, rig.port, path, 'Host: localhost\r\n', 'HEAD')).body, '')
  }
  assert.equal(rig.requests.length, 0)
})
