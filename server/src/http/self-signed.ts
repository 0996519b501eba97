import { X509Certificate, createPrivateKey, randomBytes, webcrypto } from 'node:crypto'
import { chmod, mkdir, open, readFile, rename } from 'node:fs/promises'
import { isIP } from 'node:net'
import { join } from 'node:path'
import type { Clock } from '../clock.ts'
import type { Log } from '../telemetry/log.ts'
import { ListenerError } from './listener-error.ts'
import { encodeNameConstraints, permits } from './name-constraints.ts'
import { canonicalAddress } from './source-address.ts'

export interface SelfSigned {
  /** Certificate and key in one file, so that both are replaced in one step. */
  readonly certFile: string
  readonly keyFile: string
  /** What clients must trust. */
  readonly caFile: string
  /** Issues a new server certificate when it is time; cheap when it is not. True when it did. */
  renew(): Promise<boolean>
}

const DAY_MS = 24 * 60 * 60 * 1000
const SERVER_DAYS = 90
const RENEW_DAYS_BEFORE = 30
const CA_DAYS = 3650
// Clocks of clients differ.
const BACKDATED_MS = 60 * 60 * 1000

const ALWAYS = ['localhost', '127.0.0.1', '::1']
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }

/**
 * A server certificate without anybody's help: made once in `directory`, renewed 30 days before its
 * 90 are over, under a CA of this deployment's own, which clients are told to trust.
 *
 * That CA can vouch for nothing but the listener's own names: its name constraints are critical, so a
 * client that cannot check them refuses it. For that reason its key may stay here (0600, beside the
 * root key that matters more): renewal then asks nothing of the clients, and who steals it can
 * pretend to be this server, which the server's own key would let them do as well. A name that the CA
 * does not cover makes a new CA, and the clients must be told of it.
 * @throws ListenerError for a name that is neither a DNS name nor an address
 */
export async function prepareSelfSigned(
  { directory, names }: { readonly directory: string; readonly names: readonly string[] },
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): Promise<SelfSigned> {
  const wanted = [...new Set([...ALWAYS, ...names.map(checkedName)])].sort()
  const serverFile = join(directory, 'server.pem')
  const caFile = join(directory, 'ca.pem')
  await mkdir(directory, { recursive: true, mode: 0o700 })
  await chmod(directory, 0o700)

  let renewAtMs = await stillGoodUntil(serverFile, caFile, wanted, clock)
  const renew = async (): Promise<boolean> => {
    if (clock.now() < renewAtMs) return false
    renewAtMs = await issue(directory, wanted, clock, log)
    return true
  }
  await renew()
  return { certFile: serverFile, keyFile: serverFile, caFile, renew }
}

function checkedName(name: string): string {
  const canonical = canonicalAddress(name.toLowerCase())
  if (isIP(canonical) !== 0) return canonical
  if (canonical.length <= 253 && /^(?!-)[a-z0-9-]{1,63}(?:\.(?!-)[a-z0-9-]{1,63})*$/.test(canonical))
    return canonical
  throw new ListenerError(
    `${JSON.stringify(name)} is neither a host name nor an IP address for the TLS certificate`,
  )
}

/** Until when the certificate on disk serves these names under the CA on disk; 0 when it does not. */
async function stillGoodUntil(
  serverFile: string,
  caFile: string,
  names: string[],
  clock: Clock,
): Promise<number> {
  try {
    const pem = await readFile(serverFile)
    const server = new X509Certificate(pem)
    const ca = new X509Certificate(await readFile(caFile))
    const good =
      server.checkPrivateKey(createPrivateKey(pem)) &&
      server.checkIssued(ca) &&
      server.verify(ca.publicKey) &&
      server.validFromDate.getTime() <= clock.now() &&
      certifiedNames(server).join() === names.join()
    return good ? server.validToDate.getTime() - RENEW_DAYS_BEFORE * DAY_MS : 0
  } catch {
    // Absent, or damaged by whatever: a new one costs nothing.
    return 0
  }
}

function certifiedNames(certificate: X509Certificate): string[] {
  return (certificate.subjectAltName ?? '')
    .split(', ')
    .map((entry) => canonicalAddress(entry.replace(/^(?:DNS|IP Address):/, '').toLowerCase()))
    .sort()
}

/** Loaded when a certificate is made, not at every start: it takes 150 ms. */
async function loadX509() {
  await import('reflect-metadata')
  return import('@peculiar/x509')
}

/** Makes a server certificate, and a CA first when there is none that may sign it. Returns when to renew. */
async function issue(directory: string, names: string[], clock: Clock, log: Log): Promise<number> {
  const x509 = await loadX509()
  const now = clock.now()
  const ca = (await loadCa(directory, names, now)) ?? (await createCa(directory, names, now, log))
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
  const notAfterMs = now + SERVER_DAYS * DAY_MS
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: 'CN=Keywright server',
    issuer: ca.certificate.subjectName,
    notBefore: new Date(now - BACKDATED_MS),
    notAfter: new Date(notAfterMs),
    signingAlgorithm: ALGORITHM,
    publicKey: keys.publicKey,
    signingKey: ca.signingKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(
        names.map((value) => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value })),
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(ca.certificate.publicKey),
    ],
  })
  const key = await privateKeyPem(keys.privateKey)
  await writeDurably(join(directory, 'server.pem'), `${certificate.toString('pem')}\n${key}`, 0o600)
  log.info(
    { names: names.join(' '), validTo: new Date(notAfterMs).toISOString() },
    'issued a TLS certificate',
  )
  return notAfterMs - RENEW_DAYS_BEFORE * DAY_MS
}

/** The CA on disk, if it will outlive another server certificate and covers all names. */
async function loadCa(directory: string, names: string[], nowMs: number) {
  const x509 = await loadX509()
  try {
    const pem = await readFile(join(directory, 'ca.pem'), 'utf8')
    const privateKey = createPrivateKey(await readFile(join(directory, 'ca-key.pem'), 'utf8'))
    const certificate = new x509.X509Certificate(pem)
    const constraints = certificate.getExtension('2.5.29.30')
    if (!new X509Certificate(pem).checkPrivateKey(privateKey)) return undefined
    if (certificate.notAfter.getTime() < nowMs + SERVER_DAYS * DAY_MS) return undefined
    if (!constraints || !names.every((name) => permits(Buffer.from(constraints.value), name)))
      return undefined
    const pkcs8 = privateKey.export({ type: 'pkcs8', format: 'der' })
    const signingKey = await webcrypto.subtle.importKey('pkcs8', pkcs8, ALGORITHM, false, ['sign'])
    return { certificate, signingKey }
  } catch {
    return undefined
  }
}

async function createCa(directory: string, names: string[], nowMs: number, log: Log) {
  const x509 = await loadX509()
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    // A name of its own, so that a client that trusts an earlier CA too takes the right one.
    name: `CN=Keywright local CA ${randomBytes(4).toString('hex')}`,
    notBefore: new Date(nowMs - BACKDATED_MS),
    notAfter: new Date(nowMs + CA_DAYS * DAY_MS),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
      // Name constraints leave kinds of names alone that they do not mention; this leaves only servers.
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.Extension('2.5.29.30', true, encodeNameConstraints(names)),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  const key = await privateKeyPem(keys.privateKey)
  // The key first: a certificate without its key would be trusted by clients and of no use.
  await writeDurably(join(directory, 'ca-key.pem'), key, 0o600)
  await writeDurably(join(directory, 'ca.pem'), `${certificate.toString('pem')}\n`, 0o644)
  log.warn({ caFile: join(directory, 'ca.pem') }, 'made a new local CA; clients must be told to trust it')
  return { certificate, signingKey: keys.privateKey }
}

/** 16 random bytes, positive, as RFC 5280 section 4.1.2.2 wants. */
function serialNumber(): string {
  const bytes = randomBytes(16)
  bytes.writeUInt8((bytes.readUInt8(0) & 0x7f) | 0x40, 0)
  return bytes.toString('hex')
}

async function privateKeyPem(key: webcrypto.CryptoKey): Promise<string> {
  const x509 = await loadX509()
  return `${x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY')}\n`
}

async function writeDurably(file: string, text: string, mode: number): Promise<void> {
  const temporary = `${file}.${randomBytes(6).toString('hex')}.new`
  const handle = await open(temporary, 'wx', mode)
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(temporary, file)
}
