import assert from 'node:assert/strict'
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls'
import { systemClock } from '../clock.ts'
import { createLog } from '../telemetry/log.ts'
import { heldClock } from '../testing/held-clock.ts'
import { ListenerError } from './listener-error.ts'
import { overSocket, post, rawClient, startRig } from './testing/listener-rig.ts'
import { prepareSelfSigned } from './self-signed.ts'
import { watchCertificateFiles } from './tls.ts'

const silent = createLog({ level: 'silent' })

/** A certificate and key in files of their own, and the CA that vouches for them. */
async function newPair(t: TestContext) {
  const directory = await mkdtemp(join(tmpdir(), 'keywright-tls-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  const { certFile, caFile } = await prepareSelfSigned(
    { directory, names: [] },
    { clock: systemClock, log: silent },
  )
  const pem = await readFile(certFile, 'utf8')
  const keyAt = pem.indexOf('-----BEGIN PRIVATE KEY-----')
  return { cert: pem.slice(0, keyAt), key: pem.slice(keyAt), ca: await readFile(caFile, 'utf8') }
}

async function installed(t: TestContext, pair: { cert: string; key: string }) {
  const directory = await mkdtemp(join(tmpdir(), 'keywright-tls-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  const certFile = join(directory, 'tls.crt')
  const keyFile = join(directory, 'tls.key')
  await writeFile(certFile, pair.cert)
  await writeFile(keyFile, pair.key)
  return { certFile, keyFile }
}

function tlsClient(t: TestContext, port: number, options: ConnectionOptions): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', servername: 'localhost', ...options })
    t.after(() => socket.destroy())
    socket.once('secureConnect', () => {
      resolve(socket)
    })
    socket.once('error', reject)
  })
}

test('TLS 1.2 and 1.3 are spoken and told to the handler, 1.1 is refused', async (t) => {
  const pair = await newPair(t)
  const rig = await startRig(t, { tls: await installed(t, pair) })
  assert.match(rig.listener.endpoint, /^https:\/\/127\.0\.0\.1:\d+$/)
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    const socket = await tlsClient(t, rig.port, {
      ca: pair.ca,
      minVersion: version,
      maxVersion: version,
      ALPNProtocols: ['h2', 'http/1.1'],
    })
    assert.equal(socket.alpnProtocol, 'http/1.1')
    const client = overSocket(socket)
    client.send(post(`/${version}`, 'ok'))
    assert.match(await client.receive(/ok$/), /id-\/TLSv1/)
  }
  assert.deepEqual(
    rig.requests.map(({ tls, sourceIp }) => ({ ...tls, sourceIp })),
    [
      {
        version: 'TLSv1.2',
        cipherSuite: 'ECDHE-ECDSA-AES256-GCM-SHA384',
        host: 'kms',
        sourceIp: '127.0.0.1',
      },
      { version: 'TLSv1.3', cipherSuite: 'TLS_AES_256_GCM_SHA384', host: 'kms', sourceIp: '127.0.0.1' },
    ],
  )
  await assert.rejects(
    tlsClient(t, rig.port, {
      ca: pair.ca,
      minVersion: 'TLSv1',
      maxVersion: 'TLSv1.1',
      ciphers: 'DEFAULT@SECLEVEL=0',
    }),
    { code: 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION' },
  )
  await assert.rejects(
    tlsClient(t, rig.port, {
      ca: pair.ca,
      maxVersion: 'TLSv1.2',
      ciphers: 'AES128-SHA:ECDHE-ECDSA-AES128-SHA',
    }),
    /HANDSHAKE_FAILURE|handshake failure/i,
  )
  assert.equal(await rig.rejected('tls_handshake'), 2)
})

test('key exchange is hybrid with a client that can, and classic with one that cannot', async (t) => {
  const pair = await newPair(t)
  const rig = await startRig(t, { tls: await installed(t, pair) })
  const group = async (ecdhCurve?: string) => {
    const socket = await tlsClient(t, rig.port, {
      ca: pair.ca,
      ...(ecdhCurve === undefined ? {} : { ecdhCurve }),
    })
    return (socket.getEphemeralKeyInfo() as { name?: string }).name
  }
  assert.equal(await group(), 'X25519MLKEM768')
  assert.equal(await group('X25519:P-256:X25519MLKEM768'), 'X25519MLKEM768')
  assert.equal(await group('X25519'), 'X25519')
  assert.equal(await group('P-256'), 'prime256v1')
})

test('plain HTTP on a TLS listener, or a handshake that never ends, is cut off', async (t) => {
  const pair = await newPair(t)
  const rig = await startRig(t, { tls: await installed(t, pair), limits: { tlsHandshakeMs: 30 } })
  const plain = await rawClient(t, rig.port)
  plain.send(post('/'))
  assert.ok(!(await plain.receiveAll()).includes('HTTP/1.1 200'))
  const silentClient = await rawClient(t, rig.port)
  await silentClient.receiveAll()
  assert.equal(await rig.rejected('tls_handshake'), 2)
  while ((await rig.metric('keywright_connections')) > 0) await new Promise(setImmediate)
})

test('limits hold over TLS too', async (t) => {
  const pair = await newPair(t)
  const rig = await startRig(t, { tls: await installed(t, pair), limits: { headerMs: 60, requestMs: 60 } })
  const slow = overSocket(await tlsClient(t, rig.port, { ca: pair.ca }))
  slow.send('POST / HTTP/1.1\r\nHost: a\r\nX-')
  assert.match(await slow.receiveAll(), /^HTTP\/1\.1 408 /)
  const long = overSocket(await tlsClient(t, rig.port, { ca: pair.ca }))
  long.send(`GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(17_000)}\r\n\r\n`)
  assert.match(await long.receiveAll(), /^HTTP\/1\.1 431 /)
})

test('the PROXY protocol comes before the handshake', async (t) => {
  const pair = await newPair(t)
  const rig = await startRig(t, {
    tls: await installed(t, pair),
    proxyProtocol: true,
    trustedProxies: ['127.0.0.1'],
  })
  const raw = await rawClient(t, rig.port)
  raw.socket.removeAllListeners('data')
  const header = Buffer.from('0d0a0d0a000d0a515549540a2111000cc6336407c0000201126701bb', 'hex')
  raw.socket.write(header)
  const socket = await tlsClient(t, rig.port, { ca: pair.ca, socket: raw.socket })
  const client = overSocket(socket)
  client.send(post('/', 'ok'))
  await client.receive(/ok$/)
  assert.equal(rig.requests[0]?.sourceIp, '198.51.100.7')
  assert.equal(rig.requests[0].tls?.version, 'TLSv1.3')
})

test('a new certificate serves the next connection; a broken one is logged and changes nothing', async (t) => {
  const [first, second] = [await newPair(t), await newPair(t)]
  const files = await installed(t, first)
  const rig = await startRig(t, { tls: files })
  const kept = overSocket(await tlsClient(t, rig.port, { ca: first.ca }))
  assert.equal(await rig.listener.reloadTls(), false)

  // Half of a replacement: the certificate is new, the key not yet.
  await writeFile(files.certFile, second.cert)
  assert.equal(await rig.listener.reloadTls(), false)
  assert.ok(rig.lines.some((line) => line.includes('does not belong to the certificate')))
  await tlsClient(t, rig.port, { ca: first.ca })

  await writeFile(`${files.keyFile}.new`, second.key)
  await rename(`${files.keyFile}.new`, files.keyFile)
  assert.equal(await rig.listener.reloadTls(), true)
  await tlsClient(t, rig.port, { ca: second.ca })
  await assert.rejects(tlsClient(t, rig.port, { ca: first.ca }), { code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' })

  await rm(files.keyFile)
  assert.equal(await rig.listener.reloadTls(), false)
  await writeFile(files.keyFile, 'no key at all')
  assert.equal(await rig.listener.reloadTls(), false)
  await tlsClient(t, rig.port, { ca: second.ca })
  assert.ok(!rig.lines.some((line) => line.includes('PRIVATE KEY')))
  kept.send(post('/', 'still here'))
  await kept.receive(/still here$/)
})

test('files are looked at without being told', async (t) => {
  const [first, second] = [await newPair(t), await newPair(t)]
  const files = await installed(t, first)
  const clock = heldClock(Date.now())
  const changed = Promise.withResolvers<void>()
  let changes = 0
  const watch = await watchCertificateFiles(
    files,
    () => {
      changes++
      changed.resolve()
    },
    { clock, log: silent },
  )
  clock.advance(5000)
  // Waits its turn behind the look that the clock has set off.
  assert.equal(await watch.reload(), false)
  assert.equal(changes, 0)
  await writeFile(files.certFile, second.cert)
  await writeFile(files.keyFile, second.key)
  clock.advance(5000)
  await changed.promise
  assert.equal(changes, 1)
  assert.equal(String(watch.current.cert), second.cert)
  watch.close()
})

test('a first pair that cannot be used is told in one line', async (t) => {
  const [first, second] = [await newPair(t), await newPair(t)]
  const mixed = await installed(t, { cert: first.cert, key: second.key })
  for (const [tls, message] of [
    [
      mixed,
      /^the TLS certificate cannot be used: the private key in \S+ does not belong to the certificate in \S+$/,
    ],
    [
      { ...mixed, certFile: '/nonexistent' },
      /^the TLS certificate cannot be used: ENOENT: .*'\/nonexistent'$/,
    ],
    [
      { ...mixed, certFile: mixed.keyFile },
      /^the TLS certificate cannot be used: \S+ holds no usable certificate in PEM form$/,
    ],
  ] as const) {
    await assert.rejects(startRig(t, { tls }), (error) => {
      assert.ok(error instanceof ListenerError)
      assert.match(error.message, message)
      return true
    })
  }
})

test('a stop ends TLS connections too', async (t) => {
  const pair = await newPair(t)
  const rig = await startRig(t, { tls: await installed(t, pair) })
  const resting = overSocket(await tlsClient(t, rig.port, { ca: pair.ca }))
  resting.send(post('/', 'ok'))
  await resting.receive(/ok$/)
  await rig.listener.stop()
  await resting.receiveAll()
})
