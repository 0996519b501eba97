import type { Material } from '../crypto/material.ts'
import { isSymmetricEncryption } from './key-type.ts'
import { multiRegionType, type KeyState, type KmsKey } from './key.ts'
import type { LoadedKey } from './keys.ts'
import { KmsError } from './kms-error.ts'
import { algorithmsOf, type KeyUsage, type usesOf } from './specs.ts'

/** What the material of keys of a usage can do; an encryption key is symmetric or not. */
type UsesOf<Usage extends KeyUsage> =
  | (typeof usesOf)[Usage]
  | (Usage extends 'ENCRYPT_DECRYPT' ? 'seal' : never)
export type MaterialOf<Usage extends KeyUsage> = Extract<Material, { readonly use: UsesOf<Usage> }>

type Refusal = (arn: string) => KmsError

const invalidState =
  (what: string): Refusal =>
  (arn) =>
    new KmsError('KMSInvalidStateException', `${arn} is ${what}.`)

/** What an operation says of a key that is in a state in which it cannot do its work. */
const refusals: Readonly<Record<KeyState, Refusal>> = {
  Creating: invalidState('creating'),
  Enabled: invalidState('enabled'),
  Disabled: (arn) => new KmsError('DisabledException', `${arn} is disabled.`),
  PendingDeletion: invalidState('pending deletion'),
  PendingImport: invalidState('pending import'),
  PendingReplicaDeletion: invalidState('pending replica deletion'),
  Updating: invalidState('updating'),
}

/**
 * In which states a key can be used or changed in which way.
 *
 * @see AWS KMS Developer Guide, "Key states of AWS KMS keys". Read 2026-11
 */
const statesFor = {
  /** Cryptographic operations, and making grants for them. */
  use: ['Enabled', 'Updating'],
  'public key': ['Enabled', 'Disabled', 'PendingImport', 'Updating'],
  /** New aliases, tags and descriptions. */
  change: ['Creating', 'Enabled', 'Disabled', 'PendingImport', 'Updating'],
  'enable or disable': ['Enabled', 'Disabled'],
  'schedule deletion': ['Creating', 'Enabled', 'Disabled', 'PendingImport'],
  'cancel deletion': ['PendingDeletion', 'PendingReplicaDeletion'],
  rotation: ['Enabled', 'Updating'],
  'import parameters': ['Enabled', 'Disabled', 'PendingImport'],
  import: ['Enabled', 'Disabled', 'PendingImport', 'Updating'],
  'delete material': ['Enabled', 'Disabled', 'PendingDeletion', 'PendingReplicaDeletion', 'PendingImport'],
  replicate: ['Enabled'],
  'move the primary': ['Enabled', 'Updating'],
} as const satisfies Record<string, readonly KeyState[]>

const notPendingDeletion = invalidState('not pending deletion')

/** @throws KmsError DisabledException or KMSInvalidStateException */
export function requireState({ state, arn }: KmsKey, purpose: keyof typeof statesFor): void {
  const states: readonly KeyState[] = statesFor[purpose]
  if (states.includes(state)) return
  throw (purpose === 'cancel deletion' ? notPendingDeletion : refusals[state])(arn)
}

/**
 * A key as it is at that time: imported material that has expired is gone, even while the timer that takes it away waits.
 * Without expiry it is the same object.
 */
export function asOf(key: KmsKey, nowMs: number): KmsKey {
  if (key.validToMs === undefined || key.validToMs > nowMs) return key
  return { ...key, state: withoutMaterial(key.state) }
}

/** What a key becomes that loses material which it needs. */
export function withoutMaterial(state: KeyState): KeyState {
  return state === 'Enabled' || state === 'Disabled' || state === 'Updating' ? 'PendingImport' : state
}

/**
 * Of a key that is being made, or moved, an operation says that before it says which keys it is not for: only replicas are
 * made, and yet AWS documents their state as the answer of operations that are never for replicas.
 *
 * @throws KmsError KMSInvalidStateException
 */
export function requireAtRest(key: KmsKey, purpose: keyof typeof statesFor): void {
  if (key.state === 'Creating' || key.state === 'Updating') requireState(key, purpose)
}

/** On which keys an operation of the given kind makes no sense whatever their state. */
function requireOrigin({ arn, origin }: KmsKey, ...origins: readonly KmsKey['origin'][]): void {
  if (origins.includes(origin)) return
  throw new KmsError(
    'UnsupportedOperationException',
    `${arn} origin is ${origin} which is not valid for this operation.`,
  )
}

/** Somebody who may use a key is refused because it is about to be destroyed. */
export class PendingDeletionError extends KmsError {
  readonly key: KmsKey

  constructor(key: KmsKey) {
    super('KMSInvalidStateException', refusals[key.state](key.arn).message)
    this.key = key
  }
}

/** Whether a key is to be destroyed, at once or after its replicas. */
export function isPendingDeletion({ state }: KmsKey): boolean {
  return state === 'PendingDeletion' || state === 'PendingReplicaDeletion'
}

/** A cryptographic operation needs an enabled key of the right usage that has the algorithm. Gives its material. */
export function requireUsable<Usage extends KeyUsage>(
  { key, material }: LoadedKey,
  usage: Usage,
  algorithm: string,
  operation: string,
): MaterialOf<Usage> {
  if (key.state !== 'Enabled') {
    if (isPendingDeletion(key)) throw new PendingDeletionError(key)
    requireState(key, 'use')
  }
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
  if (material === undefined) throw new Error(`${key.arn} is ${key.state} and has no material`)
  // Keys are loaded with the material of their spec and usage.
  return material as MaterialOf<Usage>
}

/** What the operations on rotation ask of a key, in the order in which they refuse it. */
export function requireRotatable(key: KmsKey, ...origins: readonly KmsKey['origin'][]): void {
  requireAtRest(key, 'rotation')
  requireSymmetricEncryption(key)
  requireOrigin(key, ...origins)
  requirePrimaryOrSingle(key)
  requireState(key, 'rotation')
}

/** What the operations on imported material ask of a key, in the order in which they refuse it. */
export function requireImports(
  key: KmsKey,
  purpose: Extract<keyof typeof statesFor, 'import parameters' | 'import' | 'delete material'>,
): void {
  requireAtRest(key, purpose)
  requireOrigin(key, 'EXTERNAL')
  requireState(key, purpose)
}

/**
 * Only symmetric encryption keys can be given new material.
 * @see AWS KMS Developer Guide, "Rotate AWS KMS keys"
 */
export function requireSymmetricEncryption(key: KmsKey): void {
  if (isSymmetricEncryption(key)) return
  throw new KmsError(
    'UnsupportedOperationException',
    `${key.arn} key spec is ${key.spec} which is not valid for this operation.`,
  )
}

/** Replicas have what is shared with the primary key from there. */
export function requirePrimaryOrSingle(key: KmsKey): void {
  if (multiRegionType(key) !== 'REPLICA') return
  throw notPrimary(key)
}

/** What can only be done with the primary key of a multi-Region set. */
export function requirePrimary(key: KmsKey): void {
  if (multiRegionType(key) !== 'PRIMARY') throw notPrimary(key)
}

function notPrimary({ arn }: KmsKey): KmsError {
  return new KmsError('UnsupportedOperationException', `${arn} is not a multi-region primary key.`)
}
