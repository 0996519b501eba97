import { formatArn, partitionOf } from '../arn.ts'
import type { KeyRotation } from './key-rotation.ts'
import type { KmsKeyRow } from '../store/schema.ts'
import type { ReadStoredPolicy, StoredPolicy } from './stored-policies.ts'
import { algorithmsOf, specs, type KeySpec, type KeyUsage } from './specs.ts'

/** The states of AWS KMS that a key of this release can be in. */
export type KeyState = 'Enabled' | 'Disabled' | 'PendingDeletion'

export interface Tag {
  readonly key: string
  readonly value: string
}

/** A KMS key as the store holds it; never its material. */
export interface KmsKey {
  readonly keyId: string
  readonly arn: string
  readonly accountId: string
  readonly region: string
  readonly state: KeyState
  readonly description: string
  readonly spec: KeySpec
  readonly usage: KeyUsage
  readonly origin: 'AWS_KMS'
  readonly multiRegion: boolean
  readonly manager: 'CUSTOMER' | 'AWS'
  readonly createdAtMs: number
  readonly deletionAtMs: number | undefined
  readonly currentMaterialId: string
  /** Undefined when it is not rotated by itself. */
  readonly rotation: KeyRotation | undefined
  readonly policy: StoredPolicy
  readonly tags: readonly Tag[]
  /** With the `alias/` prefix, in order. */
  readonly aliasNames: readonly string[]
  /** Set by an operator: nothing is done with this key, whoever asks. */
  readonly quarantine: Quarantine | undefined
}

export interface Quarantine {
  readonly reason: string
  readonly atMs: number
  /** The operator. */
  readonly by: string
}

/** A key, with the authenticated row that it was read from and that a change starts from. */
export interface StoredKey {
  readonly key: KmsKey
  readonly row: KmsKeyRow
}

/** The name under which a key stands in the change feed and in the cache. */
export function keyEntityId(region: string, keyId: string): string {
  return `${region}/${keyId}`
}

export function keyArn(accountId: string, region: string, keyId: string): string {
  return formatArn({
    partition: partitionOf(region),
    service: 'kms',
    region,
    accountId,
    resource: `key/${keyId}`,
  })
}

/**
 * Reads a row whose code was checked. What the store cannot have written is our own mistake.
 *
 * @param aliasNames for a row that does not have them
 */
export function keyFromRow(
  row: KmsKeyRow,
  readPolicy: ReadStoredPolicy,
  aliasNames?: readonly string[],
): KmsKey {
  const isKnown =
    Object.hasOwn(specs, row.key_spec) &&
    algorithmsOf(row.key_spec as KeySpec, row.key_usage as KeyUsage).length > 0 &&
    row.origin === 'AWS_KMS'
  if (!isKnown || row.current_material_id === null) {
    throw new Error(`KMS key ${row.key_id} holds a spec, usage or origin that this release does not know`)
  }
  return {
    keyId: row.key_id,
    arn: keyArn(row.account_id, row.region, row.key_id),
    accountId: row.account_id,
    region: row.region,
    state: row.state as KeyState,
    description: row.description,
    spec: row.key_spec as KeySpec,
    usage: row.key_usage as KeyUsage,
    origin: 'AWS_KMS',
    multiRegion: row.multi_region === 1,
    manager: row.key_manager === 'AWS' ? 'AWS' : 'CUSTOMER',
    createdAtMs: row.created_at,
    deletionAtMs: row.deletion_at ?? undefined,
    currentMaterialId: row.current_material_id,
    rotation: rotationOf(row),
    policy: readPolicy(row.policy, row.policy_bindings),
    tags: tagsFromText(row.tags),
    aliasNames: aliasNames ?? namesFromText(row.alias_names),
    quarantine: quarantineFromText(row.quarantine),
  }
}

/** Tags are one JSON text of [key, value] pairs in the order in which they were set. */
export function tagsToText(tags: readonly Tag[]): string {
  return JSON.stringify(tags.map(({ key, value }) => [key, value]))
}

/** Null for none, so that a key that was never under quarantine and one that was released look alike. */
export function quarantineToText(quarantine: Quarantine | null): string | null {
  if (quarantine === null) return null
  const { reason, atMs, by } = quarantine
  return JSON.stringify({ reason, at: atMs, by })
}

function rotationOf({ rotation_period_days, rotation_from }: KmsKeyRow): KeyRotation | undefined {
  if (rotation_period_days === null || rotation_from === null) return undefined
  return { periodDays: rotation_period_days, fromMs: rotation_from }
}

const noTags: readonly Tag[] = []
const noNames: readonly string[] = []

function tagsFromText(text: string): readonly Tag[] {
  if (text === '[]') return noTags
  return (JSON.parse(text) as [string, string][]).map(([key, value]) => ({ key, value }))
}

function namesFromText(text: string | null): readonly string[] {
  return text === null || text === '[]' ? noNames : (JSON.parse(text) as string[])
}

function quarantineFromText(text: string | null): Quarantine | undefined {
  if (text === null) return undefined
  const { reason, at, by } = JSON.parse(text) as { reason: string; at: number; by: string }
  return { reason, atMs: at, by }
}
