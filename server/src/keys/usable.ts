import type { Material } from '../crypto/material.ts'
import { isSymmetricEncryption } from './key-type.ts'
import type { KeyState, KmsKey } from './key.ts'
import type { LoadedKey } from './keys.ts'
import { KmsError } from './kms-error.ts'
import { algorithmsOf, type KeyUsage, type usesOf } from './specs.ts'

/** What the material of keys of a usage can do; an encryption key is symmetric or not. */
type UsesOf<Usage extends KeyUsage> =
  | (typeof usesOf)[Usage]
  | (Usage extends 'ENCRYPT_DECRYPT' ? 'seal' : never)
export type MaterialOf<Usage extends KeyUsage> = Extract<Material, { readonly use: UsesOf<Usage> }>

/**
 * Which error an operation gives in a key state that it cannot work in.
 *
 * @see AWS KMS Developer Guide, "Key states of AWS KMS keys"
 */
const refusals: Record<KeyState, (arn: string) => KmsError> = {
  // Only operations that need an enabled key, or one that is pending deletion, refuse this one.
  Enabled: (arn) => new KmsError('KMSInvalidStateException', `${arn} is not pending deletion.`),
  Disabled: (arn) => new KmsError('DisabledException', `${arn} is disabled.`),
  PendingDeletion: (arn) => new KmsError('KMSInvalidStateException', `${arn} is pending deletion.`),
}

/** A cryptographic operation needs an enabled key of the right usage that has the algorithm. Gives its material. */
export function requireUsable<Usage extends KeyUsage>(
  { key, material }: LoadedKey,
  usage: Usage,
  algorithm: string,
  operation: string,
): MaterialOf<Usage> {
  requireEnabled(key)
  if (key.usage !== usage) {
    throw new KmsError(
      'InvalidKeyUsageException',
      `${key.arn} key usage is ${key.usage} which is not valid for ${operation}.`,
    )
  }
  if (!algorithmsOf(key.spec, usage).includes(algorithm)) {
    throw new KmsError(
      'InvalidKeyUsageException',
      `Algorithm ${algorithm} is incompatible with key spec ${key.spec}.`,
    )
  }
  // Keys are loaded with the material of their spec and usage.
  return material as MaterialOf<Usage>
}

/** A grant is made on a key that can be used. */
export function requireEnabled(key: KmsKey): void {
  if (key.state !== 'Enabled') throw refusals[key.state](key.arn)
}

/** Most changes are refused while a key waits for its deletion. */
export function requireNotPendingDeletion(key: KmsKey): void {
  if (key.state === 'PendingDeletion') throw refusals.PendingDeletion(key.arn)
}

/** CancelKeyDeletion works on nothing else. */
export function requirePendingDeletion(key: KmsKey): void {
  if (key.state !== 'PendingDeletion') throw refusals.Enabled(key.arn)
}

/**
 * Only symmetric encryption keys whose material is made here can be given new material, and only while they are enabled.
 * @see AWS KMS Developer Guide, "Rotate AWS KMS keys" and "Key states of AWS KMS keys"
 */
export function requireRotatable(key: KmsKey): void {
  if (!isSymmetricEncryption(key)) {
    throw new KmsError(
      'UnsupportedOperationException',
      `${key.arn} key spec is ${key.spec} which is not valid for this operation.`,
    )
  }
  requireEnabled(key)
}
