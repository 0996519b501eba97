import type { KeyState, KmsKey, MultiRegion, Quarantine, Tag } from './key.ts'
import type { KeyRotation } from './key-rotation.ts'
import type { KeySpec, KeyUsage } from './specs.ts'

/** What changes of a key; the rest is fixed at its creation. */
export type KeyChange = Partial<Pick<KmsKey, 'state' | 'description' | 'tags'>> & {
  policy?: { readonly text: string; readonly bindings: ReadonlyMap<string, string> }
  /** Null takes the date away; a primary key that waits for its replicas to go has a window and no date yet. */
  deletion?: { readonly atMs: number | null; readonly windowDays: number } | null
  currentMaterialId?: string
  /** When material that the key needs expires first; null when none does. */
  validToMs?: number | null
  /** What the set has in common; it is fixed whether a key belongs to one. */
  multiRegion?: MultiRegion
  /** When the set is to be looked at; null when it is in agreement. */
  syncAtMs?: number | null
  /** Null ends automatic rotation. */
  rotation?: KeyRotation | null
  /** When it is looked at again, of a rotation that is due and has to wait. */
  rotationDueAtMs?: number
  /** Null releases the key. */
  quarantine?: Quarantine | null
}

export interface NewKey {
  readonly keyId: string
  readonly accountId: string
  readonly region: string
  readonly spec: KeySpec
  readonly usage: KeyUsage
  readonly description: string
  readonly policy: string
  /** The unique ids of the principals that the policy names, by ARN. */
  readonly policyBindings?: ReadonlyMap<string, string>
  readonly tags: readonly Tag[]
  readonly rotation?: KeyRotation
  /** AWS_KMS when nothing is said. */
  readonly origin?: KmsKey['origin']
  readonly multiRegion?: MultiRegion | undefined
  /** When nothing is said: Enabled, or PendingImport without material. */
  readonly state?: KeyState
  /** Wrapped; what tells whether material that is imported again is the same. */
  readonly fingerprintKey?: Buffer
  readonly syncAtMs?: number
  /** Whose key it is: the customer's when nothing is said. */
  readonly manager?: KmsKey['manager']
}
