import type { KeyUsage } from './specs.ts'
import { KmsError } from './kms-error.ts'
import type { KeyState, KmsKey } from './key.ts'

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

/** A cryptographic operation needs an enabled key of the right usage. */
export function requireUsable(key: KmsKey, usage: KeyUsage, operation: string): void {
  if (key.state !== 'Enabled') throw refusals[key.state](key.arn)
  if (key.usage !== usage) {
    throw new KmsError(
      'InvalidKeyUsageException',
      `${key.arn} key usage is ${key.usage} which is not valid for ${operation}.`,
    )
  }
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
