import type { Asked, ConditionValues } from './conditions.ts'
import type { EncryptionAlgorithm } from '../../keys/algorithms.ts'
import type { Envelope } from '../../crypto/envelope.ts'
import type { SymmetricMaterial } from '../../crypto/material.ts'
import type { KmsKey } from '../../keys/key.ts'
import type { Keys } from '../../keys/keys.ts'
import { KmsError } from '../../keys/kms-error.ts'

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

/**
 * An encryption context goes with symmetric encryption only: the standard asymmetric algorithms have no place for one. A
 * rule of the request alone.
 *
 * @throws KmsError ValidationException
 */
export function requireContextFits(
  algorithm: EncryptionAlgorithm,
  encryptionContext: EncryptionContext | undefined,
): void {
  if (algorithm === 'SYMMETRIC_DEFAULT' || encryptionContext === undefined || encryptionContext.size === 0)
    return
  throw new KmsError('ValidationException', `Algorithm ${algorithm} does not support an encryption context.`)
}

/**
 * Opens a ciphertext of this symmetric key. Every way in which that can fail looks the same.
 *
 * @throws KmsError InvalidCiphertextException
 */
export async function open(
  keys: Keys,
  key: KmsKey,
  current: SymmetricMaterial,
  envelope: Envelope | undefined,
  encryptionContext: EncryptionContext,
): Promise<{ plaintext: Buffer; materialId: string }> {
  if (envelope?.keyId !== key.keyId) throw new KmsError('InvalidCiphertextException')
  const { materialId } = envelope
  const sealer = materialId === current.materialId ? current : await keys.olderMaterial(key, materialId)
  const plaintext = sealer?.use === 'seal' ? await sealer.open(envelope, encryptionContext) : undefined
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
