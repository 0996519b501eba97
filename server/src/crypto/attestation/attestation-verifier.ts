import { readAttestationDocument, type AttestationDocument } from './attestation-document.ts'
import { AttestationError } from './attestation-error.ts'
import { createCertificateChains } from './certificate-chain.ts'
import { readCoseSign1 } from './cose-sign1.ts'
import { requireFresh } from './freshness.ts'
import { readRecipientKey, type RecipientKey } from './recipient-key.ts'

/** What a verified document says. */
export interface Attestation extends Pick<AttestationDocument, 'moduleId' | 'pcrs' | 'nitroTpmPcrs'> {
  readonly recipientKey: RecipientKey
}

export interface AttestationVerifier {
  /** @throws AttestationError, which says to its sender why a document is not accepted */
  verify(document: Buffer): Promise<Attestation>
}

/**
 * Verifies the attestation documents of AWS Nitro Enclaves and NitroTPM, or of whatever else makes such documents under
 * one of these roots.
 *
 * @param roots certificates in DER
 * @param now milliseconds since the epoch
 * @throws AttestationError for a root that no chain could begin with
 */
export function createAttestationVerifier(roots: readonly Buffer[], now: () => number): AttestationVerifier {
  const chains = createCertificateChains(roots, now)
  return {
    async verify(bytes) {
      const message = readCoseSign1(bytes)
      const document = readAttestationDocument(message.payload)
      requireFresh(document.timestampMs, now())
      const signer = await chains.keyOf(document.certificate, document.caBundle)
      if (!message.isSignedBy(signer))
        throw new AttestationError('its signature is not that of its certificate')
      const { moduleId, pcrs, nitroTpmPcrs, publicKey } = document
      return { moduleId, pcrs, nitroTpmPcrs, recipientKey: readRecipientKey(publicKey) }
    },
  }
}
