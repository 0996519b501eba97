import { AttestationError } from '../../crypto/attestation/attestation-error.ts'
import type { Attestation } from '../../crypto/attestation/attestation-verifier.ts'
import type { Pcrs } from '../../crypto/attestation/attestation-document.ts'
import { envelopedData } from '../../crypto/enveloped-data.ts'
import type { StructureOf } from '../../shape.ts'
import { KmsError } from '../../keys/kms-error.ts'
import type { Asked, ConditionValues } from './conditions.ts'
import type { KmsContext } from './operation.ts'
import type { recipientInfo } from './recipient-shape.ts'

/** An enclave, or an instance with NitroTPM, that has shown what it is and wants an answer that only it can open. */
export interface Recipient {
  /** What policies can go by: what its attestation document says of it. */
  readonly values: ConditionValues
  /** CMS EnvelopedData for its key. The plaintext is wiped. */
  seal(plaintext: Buffer): Buffer
}

/**
 * The recipient of an answer, once its attestation document is verified. That is a rule of the request alone, and policies
 * need what the document says, so it comes before any look at the key. The record tells of the document from here on, also
 * where the request is refused.
 *
 * AWS documents no error for a document that it does not accept; ValidationException is what it has for a parameter
 * that is wrong in itself. The reason tells the sender nothing that it could not see in its own document.
 * @throws KmsError ValidationException; UnsupportedOperationException when no root is trusted
 */
export async function attestedRecipient(
  { AttestationDocument, KeyEncryptionAlgorithm }: StructureOf<(typeof recipientInfo)['members']>,
  { attestation, audit, random }: Pick<KmsContext, 'attestation' | 'audit' | 'random'>,
): Promise<Recipient> {
  if (attestation === undefined) {
    throw new KmsError(
      'UnsupportedOperationException',
      'The Recipient parameter is not supported: no root certificate of attestation documents is configured.',
    )
  }
  if (AttestationDocument === undefined || KeyEncryptionAlgorithm === undefined) {
    const message = 'Recipient must have both an AttestationDocument and a KeyEncryptionAlgorithm.'
    throw new KmsError('ValidationException', message)
  }
  const verified = await attestation.verify(AttestationDocument).catch((error: unknown) => {
    if (!(error instanceof AttestationError)) throw error
    throw new KmsError('ValidationException', `The attestation document is not valid: ${error.message}.`)
  })
  audit.note({ recipient: recorded(verified) })
  return {
    values: conditionValues(verified),
    seal(plaintext) {
      const sealed = envelopedData(plaintext, verified.recipientKey, random)
      plaintext.fill(0)
      return sealed
    },
  }
}

/** What a request asks, with what policies can go by of its recipient. */
export function askedFor(recipient: Recipient | undefined, asked: Asked): Asked {
  return recipient === undefined ? asked : { ...asked, values: { ...asked.values, ...recipient.values } }
}

/** A plaintext of an answer under the name it has there; for a recipient, what only that can open instead. */
export function plaintextFor<Name extends string>(
  recipient: Recipient | undefined,
  name: Name,
  plaintext: Buffer,
): { readonly [Member in Name | 'CiphertextForRecipient']?: Buffer } {
  const [member, value] =
    recipient === undefined ? [name, plaintext] : ['CiphertextForRecipient', recipient.seal(plaintext)]
  return { [member]: value } as { readonly [Member in Name | 'CiphertextForRecipient']?: Buffer }
}

/** In lower-case hexadecimal, as policies write it. Registers of zeros too: those of an enclave in debug mode are. */
function conditionValues({ pcrs, nitroTpmPcrs }: Attestation): ConditionValues {
  const image = pcrs.get(0)
  return {
    ...(image && { 'kms:recipientattestation:imagesha384': image.toString('hex') }),
    ...named(pcrs, 'kms:recipientattestation:pcr', 'hex'),
    ...named(nitroTpmPcrs, 'kms:recipientattestation:nitrotpmpcr', 'hex'),
  }
}

// Those that AWS's records have.
const recordedPcrs = [1, 2, 3, 4, 8]
const recordedTpmPcrs = [4, 7, 8, 9, 16, 23]

/** As in CloudTrail, where the values are in base64. */
function recorded({ moduleId, pcrs, nitroTpmPcrs }: Attestation): Readonly<Record<string, string>> {
  const image = pcrs.get(0)
  return {
    attestationDocumentModuleId: moduleId,
    ...(image && { attestationDocumentEnclaveImageDigest: image.toString('base64') }),
    ...named(only(pcrs, recordedPcrs), 'attestationDocumentEnclavePCR', 'base64'),
    ...named(only(nitroTpmPcrs, recordedTpmPcrs), 'attestationDocumentNitroTPMPCR', 'base64'),
  }
}

function only(pcrs: Pcrs, indices: readonly number[]): Pcrs {
  return new Map([...pcrs].filter(([index]) => indices.includes(index)))
}

function named(pcrs: Pcrs, prefix: string, encoding: 'hex' | 'base64'): Readonly<Record<string, string>> {
  return Object.fromEntries(
    [...pcrs].map(([index, value]) => [`${prefix}${index}`, value.toString(encoding)]),
  )
}
