import type { KeyUseRow } from '../store/rows/key-rows.ts'

/**
 * The cryptographic operations whose last one is known of each key.
 *
 * @see AWS KMS API Reference, KeyLastUsageData; Developer Guide, "Tracked cryptographic operations". Read 2026-11
 */
export const lastUsageOperations = [
  'Decrypt',
  'DeriveSharedSecret',
  'Encrypt',
  'GenerateDataKey',
  'GenerateDataKeyPair',
  'GenerateDataKeyPairWithoutPlaintext',
  'GenerateDataKeyWithoutPlaintext',
  'GenerateMac',
  'ReEncrypt',
  'Sign',
  'Verify',
  'VerifyMac',
  'Encapsulate',
  'Decapsulate',
] as const

export type LastUsageOperation = (typeof lastUsageOperations)[number]

/** As uses are kept: ReEncrypt opens with one key and seals with another, or with the same. */
export type UseOperation = Exclude<LastUsageOperation, 'ReEncrypt'> | 'ReEncryptFrom' | 'ReEncryptTo'

/** The key, and of a key that can have several the material. */
export interface UsedKey {
  readonly region: string
  readonly keyId: string
  readonly materialId: string | undefined
}

/** Where the record of a use stands in the journal, and what it says of it. */
export interface UseRecord {
  readonly chain: string
  readonly sequence: number
  readonly eventId: string
  readonly requestId: string | null
  /** In whole seconds, as records have it. */
  readonly usedAtMs: number
}

/** The last use of one piece of material in one operation. */
export interface KeyUse extends UseRecord {
  /** Empty for keys that have one piece of material only. */
  readonly materialId: string
  readonly operation: UseOperation
}

export function operationName(operation: UseOperation): LastUsageOperation {
  return operation === 'ReEncryptFrom' || operation === 'ReEncryptTo' ? 'ReEncrypt' : operation
}

/** Whether a use opened something that had been sealed before; the others make something new. */
export function isOpening({ operation }: KeyUse): boolean {
  return operation === 'Decrypt' || operation === 'ReEncryptFrom'
}

export function toSecond(timeMs: number): number {
  return timeMs - (timeMs % 1000)
}

/**
 * Which of two uses is the last. Records have whole seconds; within one the order of the chain decides, and between two
 * chains, which nobody can tell, any order that is the same for all who ask.
 */
export function isLater(one: UseRecord, other: UseRecord): boolean {
  if (one.usedAtMs !== other.usedAtMs) return one.usedAtMs > other.usedAtMs
  return one.chain === other.chain ? one.sequence > other.sequence : one.chain > other.chain
}

export function lastOf(uses: Iterable<KeyUse>): KeyUse | undefined {
  let last: KeyUse | undefined
  for (const use of uses) if (last === undefined || isLater(use, last)) last = use
  return last
}

export function keyUseFromRow(row: KeyUseRow): KeyUse {
  return {
    materialId: row.material_id,
    operation: row.operation as UseOperation,
    usedAtMs: row.used_at,
    chain: row.chain_id,
    sequence: row.sequence,
    eventId: row.event_id,
    requestId: row.request_id,
  }
}
