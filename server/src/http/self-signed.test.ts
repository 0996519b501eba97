import assert from 'node:assert/strict'
import { X509Certificate, createPrivateKey, webcrypto } from 'node:crypto'
import { mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { systemClock } from '../clock.ts'
import { createLog } from '../telemetry/log.ts'
import { heldClock } from '../testing/held-clock.ts'
import { ListenerError } from './listener-error.ts'
import { startRig } from './testing/listener-rig.ts'
import { prepareSelfSigned } from './self-signed.ts'

const DAY_MS = 24 * 60 * 60 * 1000
const log = createLog({ level: 'silent' })

async function freshDirectory(t: TestContext) {
  const directory = await mkdtemp(join(tmpdir(), 'keywright-self-signed-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  return join(directory, 'tls')
}

function get(port: number, servername: string, ca: string): Promise<number> {
  return new Promise((resolve, reject) => {
    // An address is no SNI name; node checks the certificate against `host` then.
    const target = /^[\d.]+$/.test(servername) ? { host: servername } : { host: '127.0.0.1', servername }
    const sent = request({ ...target, port, ca, path: '/', agent: false }, (response) => {
      response.resume()
      resolve(response.statusCode ?? 0)
    })
    sent.on('error', reject)
    sent.end()
  })
}

test('a client that trusts the CA reaches the server by each of its names, and by no other', async (t) => {
  const directory = await freshDirectory(t)
  const files = await prepareSelfSigned(
    { directory, names: ['KMS.example.com', '192.0.2.7'] },
    { clock: systemClock, log },
  )
  const rig = await startRig(t, { tls: files })
  const ca = await readFile(files.caFile, 'utf8')
  for (const name of ['localhost', 'kms.example.com', '127.0.0.1'])
    assert.equal(await get(rig.port, name, ca), 200)
  await assert.rejects(get(rig.port, 'other.example.com', ca), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' })
  const certificate = new X509Certificate(await readFile(files.certFile))
  assert.equal(certificate.checkIP('192.0.2.7'), '192.0.2.7')
  assert.equal(certificate.checkIP('::1'), '::1')
})

test('a certificate that the CA signed for any other name is worth nothing', async (t) => {
  const directory = await freshDirectory(t)
  const files = await prepareSelfSigned(
    { directory, names: ['kms.example.com'] },
    { clock: systemClock, log },
  )
  const ca = await readFile(files.caFile, 'utf8')
  for (const [name, code] of [
    ['bank.example.com', 'PERMITTED_VIOLATION'],
    ['192.0.2.9', 'PERMITTED_VIOLATION'],
    // The forger does work: with a name that the CA may vouch for, the client is content.
    ['kms.example.com', undefined],
  ] as const) {
    const certFile = join(directory, `forged-${name}.pem`)
    await writeFile(certFile, await forge(directory, ca, name))
    const rig = await startRig(t, { tls: { certFile, keyFile: certFile } })
    const reached = get(rig.port, name === '192.0.2.9' ? 'localhost' : name, ca)
    if (code === undefined) assert.equal(await reached, 200)
    else
      await assert.rejects(reached, (error: NodeJS.ErrnoException) => {
        assert.match(`${error.code} ${error.message}`, /PERMITTED_VIOLATION|permitted subtree violation/i)
        return true
      })
  }
})

/** What a thief of the CA's key could sign. */
async function forge(directory: string, ca: string, name: string): Promise<string> {
  await import('reflect-metadata')
  const x509 = await import('@peculiar/x509')
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
  const stolen = createPrivateKey(await readFile(join(directory, 'ca-key.pem')))
  const pkcs8 = stolen.export({ type: 'pkcs8', format: 'der' })
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const certificate = await x509.X509CertificateGenerator.create({
    subject: 'CN=forged',
    issuer: new x509.X509Certificate(ca).subject,
    notAfter: new Date(Date.now() + DAY_MS),
    signingAlgorithm: algorithm,
    publicKey: keys.publicKey,
    signingKey: await webcrypto.subtle.importKey('pkcs8', pkcs8, algorithm, false, ['sign']),
    extensions: [
      new x509.SubjectAlternativeNameExtension([
        { type: /^[\d.]+$/.test(name) ? 'ip' : 'dns', value: name },
        { type: 'dns', value: 'localhost' },
      ]),
    ],
  })
  const key = x509.PemConverter.encode(
    await webcrypto.subtle.exportKey('pkcs8', keys.privateKey),
    'PRIVATE KEY',
  )
  return `${certificate.toString('pem')}\n${key}\n`
}

test('the CA is limited in every way that a client checks, and its files are private', async (t) => {
  const directory = await freshDirectory(t)
  const { caFile, certFile } = await prepareSelfSigned({ directory, names: [] }, { clock: systemClock, log })
  await import('reflect-metadata')
  const x509 = await import('@peculiar/x509')
  const ca = new x509.X509Certificate(await readFile(caFile, 'utf8'))
  const basic = ca.getExtension(x509.BasicConstraintsExtension)
  assert.ok(basic?.critical && basic.ca && basic.pathLength === 0)
  const usages = ca.getExtension(x509.KeyUsagesExtension)
  assert.ok(usages?.critical && usages.usages === x509.KeyUsageFlags.keyCertSign)
  assert.ok(ca.getExtension('2.5.29.30')?.critical)
  const server = new X509Certificate(await readFile(certFile))
  assert.ok(!server.ca)
  assert.equal(Math.round((server.validToDate.getTime() - Date.now()) / DAY_MS), 90)
  for (const file of ['ca-key.pem', 'server.pem'])
    assert.equal((await stat(join(directory, file))).mode & 0o777, 0o600)
  assert.equal((await stat(directory)).mode & 0o777, 0o700)
  assert.deepEqual((await readdir(directory)).sort(), ['ca-key.pem', 'ca.pem', 'server.pem'])
})

test('the server certificate outlives restarts, and is renewed under the same CA before it ends', async (t) => {
  const directory = await freshDirectory(t)
  const clock = heldClock(Date.now())
  const options = { directory, names: ['kms.example.com'] }
  const files = await prepareSelfSigned(options, { clock, log })
  const [ca, first] = [await readFile(files.caFile), await readFile(files.certFile)]
  const again = await prepareSelfSigned(options, { clock, log })
  assert.equal(await again.renew(), false)
  assert.deepEqual(await readFile(files.certFile), first)

  clock.advance(59 * DAY_MS)
  assert.equal(await files.renew(), false)
  clock.advance(2 * DAY_MS)
  assert.equal(await files.renew(), true)
  assert.equal(await files.renew(), false)
  assert.deepEqual(await readFile(files.caFile), ca)
  const renewed = new X509Certificate(await readFile(files.certFile))
  assert.ok(renewed.validToDate.getTime() > clock.now() + 89 * DAY_MS)
  assert.ok(renewed.verify(new X509Certificate(ca).publicKey))
})

test('a listener renews its certificate while it serves', async (t) => {
  const directory = await freshDirectory(t)
  const clock = heldClock(Date.now())
  const files = await prepareSelfSigned({ directory, names: [] }, { clock, log })
  const before = await readFile(files.certFile)
  const rig = await startRig(t, { tls: files })
  clock.advance(61 * DAY_MS)
  assert.equal(await rig.listener.reloadTls(), true)
  assert.notDeepEqual(await readFile(files.certFile), before)
})

test('a name that the CA covers keeps it; another, or a CA near its end, makes a new one', async (t) => {
  const directory = await freshDirectory(t)
  const clock = heldClock(Date.now())
  const prepare = async (names: string[]) => {
    const { caFile, certFile } = await prepareSelfSigned({ directory, names }, { clock, log })
    const server = new X509Certificate(await readFile(certFile))
    return { ca: await readFile(caFile, 'utf8'), names: server.subjectAltName }
  }
  const first = await prepare(['example.com'])
  const covered = await prepare(['example.com', 'kms.example.com', '127.0.0.2'])
  assert.equal(covered.ca, first.ca)
  assert.match(covered.names ?? '', /DNS:kms\.example\.com/)
  const other = await prepare(['kms.example.org'])
  assert.notEqual(other.ca, first.ca)
  assert.ok(!other.names?.includes('example.com'))
  clock.advance(3600 * DAY_MS)
  const late = await prepare(['kms.example.org'])
  assert.notEqual(late.ca, other.ca)
})

test('damaged files are made anew, and names that are none are refused', async (t) => {
  const directory = await freshDirectory(t)
  const files = await prepareSelfSigned({ directory, names: [] }, { clock: systemClock, log })
  for (const file of ['server.pem', 'ca.pem', 'ca-key.pem']) {
    await writeFile(join(directory, file), 'garbage')
    await rm(join(directory, 'server.pem'), { force: true })
    await prepareSelfSigned({ directory, names: [] }, { clock: systemClock, log })
    const server = new X509Certificate(await readFile(files.certFile))
    assert.ok(server.verify(new X509Certificate(await readFile(files.caFile)).publicKey))
  }
  for (const name of ['*.example.com', 'a b', '-x', '', '0.0.0.0/0', 'x'.repeat(64)]) {
    await assert.rejects(
      prepareSelfSigned({ directory, names: [name] }, { clock: systemClock, log }),
      ListenerError,
    )
  }
})
