import type { Asked, ConditionValues } from './conditions.ts'
import type { EncryptionAlgorithm } from './shapes.ts'
import type { Envelope } from '../../crypto/envelope.ts'
import type { LoadedKey, Keys } from '../../keys/keys.ts'
import { KmsError } from '../../keys/kms-error.ts'
import { specs } from '../../keys/specs.ts'
import { requireUsable } from '../../keys/usable.ts'

export type EncryptionContext = ReadonlyMap<string, string>

export const noEncryptionContext: EncryptionContext = new Map()

const withAlgorithm = new Map<EncryptionAlgorithm, ConditionValues>()

/** What policies and grants can go by in an operation that encrypts or decrypts. */
export function encryptionAsked(
  request: {
    readonly EncryptionContext?: EncryptionContext
    readonly GrantTokens?: readonly string[]
  },
  algorithm: EncryptionAlgorithm,
): Asked {
  let values = withAlgorithm.get(algorithm)
  if (values === undefined) {
    values = { 'kms:encryptionalgorithm': algorithm }
    withAlgorithm.set(algorithm, values)
  }
  return { encryptionContext: request.EncryptionContext, grantTokens: request.GrantTokens, values }
}

/** An enabled key that encrypts, with this algorithm. */
export function requireEncryptionKey(
  { key }: LoadedKey,
  algorithm: EncryptionAlgorithm,
  operation: string,
): void {
  requireUsable(key, 'ENCRYPT_DECRYPT', operation)
  const { encryptionAlgorithms } = specs[key.spec].usages.ENCRYPT_DECRYPT
  if (!(encryptionAlgorithms as readonly string[]).includes(algorithm)) {
    throw new KmsError(
      'InvalidKeyUsageException',
      `Algorithm ${algorithm} is incompatible with key spec ${key.spec}.`,
    )
  }
}

/**
 * Opens a ciphertext of this key. Every way in which that can fail looks the same.
 *
 * @throws KmsError InvalidCiphertextException
 */
export async function open(
  keys: Keys,
  { key, material }: LoadedKey,
  envelope: Envelope | undefined,
  encryptionContext: EncryptionContext,
): Promise<{ plaintext: Buffer; materialId: string }> {
  if (envelope?.keyId !== key.keyId) throw new KmsError('InvalidCiphertextException')
  const { materialId } = envelope
  const sealer = materialId === material.materialId ? material : await keys.olderMaterial(key, materialId)
  const plaintext = await sealer?.open(envelope, encryptionContext)
  if (plaintext === undefined) throw new KmsError('InvalidCiphertextException')
  return { plaintext, materialId }
}

/** What Decrypt and ReEncrypt say of the ciphertext that they are to open. */
export interface CiphertextRequest {
  readonly CiphertextBlob?: Buffer
  readonly DryRun?: boolean
  readonly DryRunModifiers?: readonly 'IGNORE_CIPHERTEXT'[]
}

/**
 * Whether the ciphertext plays no part: a dry run that only asks for the authorization.
 *
 * @param keyIdMember the member that then has to name the key, and whether it is there
 */
export function ignoresCiphertext(
  { CiphertextBlob, DryRun, DryRunModifiers }: CiphertextRequest,
  keyIdMember: { name: string; value: string | undefined },
): boolean {
  const ignores = DryRunModifiers?.includes('IGNORE_CIPHERTEXT') === true
  if (ignores && DryRun !== true) {
    throw new KmsError('ValidationException', 'DryRunModifiers can be specified only when DryRun is true.')
  }
  if (ignores && keyIdMember.value === undefined) throw missing(keyIdMember.name)
  if (!ignores && CiphertextBlob === undefined) throw missing('ciphertextBlob')
  return ignores
}

function missing(member: string): KmsError {
  return new KmsError(
    'ValidationException',
    `1 validation error detected: Value null at '${member}' failed to satisfy constraint: Member must not be null`,
  )
}

/** Answers for attested enclaves are not given; an answer in the clear instead would betray the caller. */
export function refuseRecipient(recipient: object | undefined): void {
  if (recipient !== undefined) {
    throw new KmsError('UnsupportedOperationException', 'The Recipient parameter is not supported.')
  }
}
