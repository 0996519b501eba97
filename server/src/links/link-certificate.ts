import { createPrivateKey, randomBytes, webcrypto, type KeyObject } from 'node:crypto'

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
const YEARS = 20
const YEAR_MS = 365 * 86_400_000
// The clocks of two deployments differ.
const BACKDATED_MS = 86_400_000

/**
 * A key pair and the certificate that it signed itself. Nobody vouches for it: whoever links deployments compares
 * fingerprints, and from then on the certificate itself is what is expected.
 */
export async function makeLinkCertificate(
  deploymentId: string,
  nowMs: number,
): Promise<{ certificate: string; privateKey: KeyObject }> {
  // Loaded when it is needed: it takes 150 ms.
  await import('reflect-metadata')
  const x509 = await import('@peculiar/x509')
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
  const serial = randomBytes(16)
  serial.writeUInt8((serial.readUInt8(0) & 0x7f) | 0x40, 0)
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serial.toString('hex'),
    name: `CN=Keywright deployment ${deploymentId}`,
    notBefore: new Date(nowMs - BACKDATED_MS),
    notAfter: new Date(nowMs + YEARS * YEAR_MS),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([
        x509.ExtendedKeyUsage.serverAuth,
        x509.ExtendedKeyUsage.clientAuth,
      ]),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey))
  const privateKey = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' })
  pkcs8.fill(0)
  return { certificate: `${certificate.toString('pem')}\n`, privateKey }
}
