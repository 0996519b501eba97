import type { Material } from '../crypto/material.ts'
import type { KmsKey } from './key.ts'
import { materialUse } from './specs.ts'

interface OperationFacts {
  /** What the material of keys can do that it fits, if not every key: AWS refuses a grant of what its key cannot do. */
  readonly on?: readonly Material['use'][]
  /** Whether its requests have an encryption context, which a grant can constrain. */
  readonly encryptionContext?: true
}

const encryption = ['seal', 'decrypt'] as const
const keyPairs = ['sign', 'decrypt', 'agree', 'encapsulate'] as const

/**
 * What a grant can allow. The place in this table is the operation's bit in a set of operations.
 *
 * @see AWS KMS Developer Guide, "Grants in AWS KMS", Grant operations
 */
const facts = {
  Decrypt: { on: encryption, encryptionContext: true },
  Encrypt: { on: encryption, encryptionContext: true },
  GenerateDataKey: { on: ['seal'], encryptionContext: true },
  GenerateDataKeyWithoutPlaintext: { on: ['seal'], encryptionContext: true },
  ReEncryptFrom: { on: encryption, encryptionContext: true },
  ReEncryptTo: { on: encryption, encryptionContext: true },
  Sign: { on: ['sign'] },
  Verify: { on: ['sign'] },
  GetPublicKey: { on: keyPairs },
  CreateGrant: {},
  RetireGrant: {},
  DescribeKey: {},
  GenerateDataKeyPair: { on: ['seal'], encryptionContext: true },
  GenerateDataKeyPairWithoutPlaintext: { on: ['seal'], encryptionContext: true },
  GenerateMac: { on: ['mac'] },
  VerifyMac: { on: ['mac'] },
  DeriveSharedSecret: { on: ['agree'] },
  Encapsulate: { on: ['encapsulate'] },
  Decapsulate: { on: ['encapsulate'] },
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
  const { on }: OperationFacts = facts[operation]
  return on === undefined || on.includes(materialUse(spec, usage))
}
