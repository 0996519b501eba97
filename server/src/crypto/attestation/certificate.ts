import { X509Certificate, type KeyObject } from 'node:crypto'
import { AttestationError } from './attestation-error.ts'
import { BIT_STRING, BOOLEAN, DerReader, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE } from './der.ts'

/** An X.509 certificate, as far as it matters to a chain of attestation certificates. */
export interface Certificate {
  readonly x509: X509Certificate
  /** P-384. */
  readonly publicKey: KeyObject
  readonly validFromMs: number
  readonly validToMs: number
  readonly isAuthority: boolean
  /** How many authorities may stand below it. */
  readonly pathLength: number | undefined
  readonly signsData: boolean
  readonly signsCertificates: boolean
}

/** AWS's bound of a certificate in a document. */
export const MAX_CERTIFICATE_BYTES = 1024

const CERTIFICATE_VERSION_3 = Buffer.from('020102', 'hex')
const VERSION = 0xa0
const ISSUER_ID = 0x81
const SUBJECT_ID = 0x82
const EXTENSIONS = 0xa3

const KEY_USAGE = '551d0f'
const BASIC_CONSTRAINTS = '551d13'
// Bits of KeyUsage (RFC 5280, section 4.2.1.3), in its first byte.
const DIGITAL_SIGNATURE = 0x80
const KEY_CERT_SIGN = 0x04

/**
 * Reads a certificate in DER. OpenSSL takes it apart; what Node does not show of it, basic constraints and key usage, is
 * read here. A critical extension that is not looked at makes it unusable (RFC 5280, section 4.2).
 *
 * @throws AttestationError unless its key is on P-384 and it is signed with ECDSA and SHA-384
 */
export function readCertificate(der: Buffer): Certificate {
  const x509 = parsed(der)
  const publicKey = p384KeyOf(x509)
  if (x509.signatureAlgorithm !== 'ecdsa-with-SHA384') {
    throw new AttestationError('one of its certificates is not signed with ECDSA and SHA-384')
  }
  const extensions = extensionsOf(der)
  const usage = keyUsage(extensions.get(KEY_USAGE)?.value)
  const { isAuthority, pathLength } = basicConstraints(extensions.get(BASIC_CONSTRAINTS))
  return {
    x509,
    publicKey,
    validFromMs: x509.validFromDate.getTime(),
    validToMs: x509.validToDate.getTime(),
    isAuthority,
    pathLength,
    signsData: (usage & DIGITAL_SIGNATURE) !== 0,
    signsCertificates: (usage & KEY_CERT_SIGN) !== 0,
  }
}

function parsed(der: Buffer): X509Certificate {
  let x509: X509Certificate | undefined
  try {
    x509 = new X509Certificate(der)
  } catch {
    // OpenSSL's words would tell the sender nothing.
  }
  // Node takes PEM as well, and passes over what follows.
  if (x509?.raw.equals(der) !== true) {
    throw new AttestationError('one of its certificates is not an X.509 certificate')
  }
  return x509
}

function p384KeyOf(x509: X509Certificate): KeyObject {
  let key: KeyObject | undefined
  try {
    key = x509.publicKey
  } catch {
    // A key that OpenSSL does not know, or a point that is not on its curve.
  }
  if (key?.asymmetricKeyType !== 'ec' || key.asymmetricKeyDetails?.namedCurve !== 'secp384r1') {
    throw new AttestationError('one of its certificates has a key that is not on P-384')
  }
  return key
}

interface Extension {
  readonly critical: boolean
  readonly value: Buffer
}

/** By the DER of their object identifiers, in hexadecimal. */
function extensionsOf(der: Buffer): ReadonlyMap<string, Extension> {
  const outer = new DerReader(new DerReader(der).read(SEQUENCE))
  const certificate = new DerReader(outer.read(SEQUENCE))
  if (!certificate.read(VERSION).equals(CERTIFICATE_VERSION_3)) {
    throw new AttestationError('one of its certificates is not of version 3')
  }
  certificate.read(INTEGER)
  // Signature algorithm, issuer, validity, subject, subject public key info.
  for (let passed = 0; passed < 5; passed++) certificate.read(SEQUENCE)
  certificate.optional(ISSUER_ID)
  certificate.optional(SUBJECT_ID)
  const list = new DerReader(new DerReader(certificate.read(EXTENSIONS)).read(SEQUENCE))
  certificate.end()

  const found = new Map<string, Extension>()
  while (!list.isAtEnd) {
    const extension = new DerReader(list.read(SEQUENCE))
    const id = extension.read(OBJECT_IDENTIFIER).toString('hex')
    const critical = isTrue(extension.optional(BOOLEAN))
    const value = extension.read(OCTET_STRING)
    extension.end()
    if (found.has(id)) throw new AttestationError('one of its certificates has an extension twice')
    if (critical && id !== KEY_USAGE && id !== BASIC_CONSTRAINTS) {
      throw new AttestationError('one of its certificates has a critical extension that is not known')
    }
    found.set(id, { critical, value })
  }
  return found
}

/** BasicConstraints ::= SEQUENCE { cA BOOLEAN DEFAULT FALSE, pathLenConstraint INTEGER OPTIONAL } */
function basicConstraints(extension: Extension | undefined): Pick<Certificate, 'isAuthority' | 'pathLength'> {
  if (extension === undefined) return { isAuthority: false, pathLength: undefined }
  const outer = new DerReader(extension.value)
  const constraints = new DerReader(outer.read(SEQUENCE))
  outer.end()
  const isAuthority = isTrue(constraints.optional(BOOLEAN))
  // An authority says so in a critical extension (RFC 5280, section 4.2.1.9); one that does not is neither that nor a leaf.
  if (isAuthority && !extension.critical) throw unfitConstraints()
  const pathLength = constraints.optional(INTEGER)
  constraints.end()
  if (pathLength === undefined) {
    return { isAuthority, pathLength: undefined }
  }
  const [length = 0x80] = pathLength
  if (pathLength.length !== 1 || length > 0x7f || !isAuthority) {
    throw unfitConstraints()
  }
  return { isAuthority, pathLength: length }
}

function unfitConstraints(): AttestationError {
  return new AttestationError('one of its certificates has basic constraints that cannot be')
}

/** The first byte of bits; 0 without the extension, which then allows nothing here. */
function keyUsage(value: Buffer | undefined): number {
  if (value === undefined) return 0
  const outer = new DerReader(value)
  const [, bits = 0] = outer.read(BIT_STRING)
  outer.end()
  return bits
}

/** Of an optional BOOLEAN, whose default is false. */
function isTrue(content: Buffer | undefined): boolean {
  // DER has one TRUE, and none of the others that BER has is taken for FALSE.
  if (content === undefined || content.equals(Buffer.from([0]))) return false
  if (content.equals(Buffer.from([0xff]))) return true
  throw new AttestationError('one of its certificates has a boolean that is none in DER')
}
