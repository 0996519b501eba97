import type { KmsKey } from './key.ts'

/** Which keys an operation fits: AWS refuses a grant of an operation that its key does not support. */
type Fit =
  | 'symmetric'
  | 'encryption'
  | 'asymmetric'
  | 'signing'
  | 'mac'
  | 'agreement'
  | 'encapsulation'
  | 'any'

interface OperationFacts {
  readonly fits: Fit
  /** Whether its requests have an encryption context, which a grant can constrain. */
  readonly encryptionContext?: true
}

/**
 * What a grant can allow. The place in this table is the operation's bit in a set of operations.
 *
 * @see AWS KMS Developer Guide, "Grants in AWS KMS", Grant operations
 */
const facts = {
  Decrypt: { fits: 'encryption', encryptionContext: true },
  Encrypt: { fits: 'encryption', encryptionContext: true },
  GenerateDataKey: { fits: 'symmetric', encryptionContext: true },
  GenerateDataKeyWithoutPlaintext: { fits: 'symmetric', encryptionContext: true },
  ReEncryptFrom: { fits: 'encryption', encryptionContext: true },
  ReEncryptTo: { fits: 'encryption', encryptionContext: true },
  Sign: { fits: 'signing' },
  Verify: { fits: 'signing' },
  GetPublicKey: { fits: 'asymmetric' },
  CreateGrant: { fits: 'any' },
  RetireGrant: { fits: 'any' },
  DescribeKey: { fits: 'any' },
  GenerateDataKeyPair: { fits: 'symmetric', encryptionContext: true },
  GenerateDataKeyPairWithoutPlaintext: { fits: 'symmetric', encryptionContext: true },
  GenerateMac: { fits: 'mac' },
  VerifyMac: { fits: 'mac' },
  DeriveSharedSecret: { fits: 'agreement' },
  Encapsulate: { fits: 'encapsulation' },
  Decapsulate: { fits: 'encapsulation' },
} as const satisfies Record<string, OperationFacts>

export type GrantOperation = keyof typeof facts

/** In the order of AWS's enumeration. */
export const grantOperations = Object.keys(facts) as GrantOperation[]

const bitOfAction: ReadonlyMap<string, number> = new Map(
  grantOperations.map((name, at) => [`kms:${name}`, 1 << at]),
)
const constrainedActions: ReadonlySet<string> = new Set(
  grantOperations.filter((name) => 'encryptionContext' in facts[name]).map((name) => `kms:${name}`),
)

/** The bit of an action such as `kms:Decrypt`; 0 when no grant can allow it. */
export function actionBit(action: string): number {
  return bitOfAction.get(action) ?? 0
}

/** A set of operations as the sum of their bits. */
export function operationBits(operations: readonly GrantOperation[]): number {
  let bits = 0
  for (const name of operations) bits |= actionBit(`kms:${name}`)
  return bits
}

/** Whether a constraint on the encryption context applies to the action. */
export function hasEncryptionContext(action: string): boolean {
  return constrainedActions.has(action)
}

/** Whether a key of this kind can do the operation at all. */
export function fitsKey(operation: GrantOperation, { spec, usage }: Pick<KmsKey, 'spec' | 'usage'>): boolean {
  const symmetric = isSymmetricEncryption({ spec, usage })
  switch (facts[operation].fits) {
    case 'any':
      return true
    case 'symmetric':
      return symmetric
    case 'encryption':
      return usage === 'ENCRYPT_DECRYPT'
    case 'asymmetric':
      return !symmetric && usage !== 'GENERATE_VERIFY_MAC'
    case 'signing':
      return usage === 'SIGN_VERIFY'
    case 'mac':
      return usage === 'GENERATE_VERIFY_MAC'
    case 'agreement':
      return usage === 'KEY_AGREEMENT'
    case 'encapsulation':
      return usage === 'ENCAPSULATE_DECAPSULATE'
  }
}

/** Encryption contexts, and constraints on them, are of these keys only. */
export function isSymmetricEncryption({ spec, usage }: Pick<KmsKey, 'spec' | 'usage'>): boolean {
  return spec === 'SYMMETRIC_DEFAULT' && usage === 'ENCRYPT_DECRYPT'
}
