import { createHash, type KeyObject } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { AttestationError } from './attestation-error.ts'
import { MAX_CERTIFICATE_BYTES, readCertificate, type Certificate } from './certificate.ts'
import { CLOCK_ALLOWANCE_MS } from './freshness.ts'

// A certificate above an enclave's own is valid for a day to three weeks, and stands in each document until then.
const REMEMBERED_CERTIFICATES = 512

export interface CertificateChains {
  /**
   * The key of a certificate whose chain begins with one of the roots.
   *
   * @param bundle the certificates above it, the root's first
   * @throws AttestationError
   */
  keyOf(certificate: Buffer, bundle: readonly Buffer[]): Promise<KeyObject>
}

/** A certificate below another, and what both are remembered by. */
interface Link {
  readonly above: Link | undefined
  readonly certificate: Certificate
  readonly id: string
}

/**
 * Verifies chains by AWS's rules for attestation documents: order, names, signatures, dates, basic constraints and key
 * usage. Nothing is revoked. A root is known by its whole certificate.
 *
 * A signature on P-384 takes most of a millisecond to verify, so each has a turn of its own, and certificates whose
 * signature was good are remembered with those above them. Their dates are looked at each time.
 * @throws AttestationError for a root that could not begin a chain
 * @see aws-nitro-enclaves-nsm-api, docs/attestation_process.md, sections 3.2.3 and 3.2.4; RFC 5280, section 6
 */
export function createCertificateChains(roots: readonly Buffer[], now: () => number): CertificateChains {
  const trusted = new Map(roots.map((der) => [idOf(der), readRoot(der)]))
  const remembered = new Map<string, Certificate>()

  function below(above: Link, der: Buffer): Link {
    const id = idOf(der, above.id)
    return { above, certificate: remembered.get(id) ?? readCertificate(der), id }
  }

  async function requireIssued({ above, certificate, id }: Link): Promise<void> {
    if (above === undefined || remembered.has(id)) return
    await nextTurn()
    const issuer = above.certificate
    if (!certificate.x509.checkIssued(issuer.x509) || !certificate.x509.verify(issuer.publicKey)) {
      throw new AttestationError('one of its certificates was not issued by the one above it')
    }
    const [oldest] = remembered.keys()
    if (oldest !== undefined && remembered.size >= REMEMBERED_CERTIFICATES) remembered.delete(oldest)
    remembered.set(id, certificate)
  }

  return {
    async keyOf(certificate, [rootDer = Buffer.alloc(0), ...authorities]) {
      const id = idOf(rootDer)
      const root = trusted.get(id)
      if (root === undefined)
        throw new AttestationError('its root certificate is not one that is trusted here')
      let last: Link = { above: undefined, certificate: root, id }
      const chain = [last]
      for (const der of [...authorities, certificate]) {
        last = below(last, der)
        chain.push(last)
      }
      requirePath(
        chain.map((link) => link.certificate),
        now(),
      )
      for (const link of chain) await requireIssued(link)
      return last.certificate.publicKey
    },
  }
}

/** What can be said of a path without looking at a signature. */
function requirePath(path: readonly Certificate[], nowMs: number): void {
  for (const [index, { validFromMs, validToMs, ...certificate }] of path.entries()) {
    const isValid = validFromMs <= nowMs + CLOCK_ALLOWANCE_MS && nowMs <= validToMs
    if (!isValid) throw new AttestationError('one of its certificates is not valid at this time')
    const authoritiesBelow = path.length - 2 - index
    if (authoritiesBelow >= 0) requireAuthority(certificate, authoritiesBelow)
    else if (certificate.isAuthority || !certificate.signsData) {
      throw new AttestationError('its own certificate is not one that signs data')
    }
  }
}

function requireAuthority(
  {
    isAuthority,
    signsCertificates,
    pathLength = Infinity,
  }: Pick<Certificate, 'isAuthority' | 'signsCertificates' | 'pathLength'>,
  authoritiesBelow: number,
): void {
  if (!isAuthority || !signsCertificates) {
    throw new AttestationError('one of its certificates may not sign the one below it')
  }
  if (authoritiesBelow > pathLength) {
    throw new AttestationError('one of its certificates has more below it than it allows')
  }
}

/**
 * A certificate that documents can have as their root.
 *
 * @throws AttestationError
 */
export function readRoot(der: Buffer): Certificate {
  if (der.length > MAX_CERTIFICATE_BYTES) throw new AttestationError('one of its certificates is too long')
  const root = readCertificate(der)
  requireAuthority(root, 0)
  return root
}

function idOf(der: Buffer, aboveId = ''): string {
  return createHash('sha256').update(aboveId).update(der).digest('hex')
}
