import { randomUUID } from 'node:crypto'
import { formatArn, partitionOf } from '../arn.ts'
import type { KeyRotation } from './key-rotation.ts'
import type { KmsKeyRow } from '../store/rows/key-rows.ts'
import type { ReadStoredPolicy, StoredPolicy } from './stored-policies.ts'
import { algorithmsOf, specs, type KeySpec, type KeyUsage } from './specs.ts'

/** The states of AWS KMS; Unavailable is only for keys in custom key stores. */
export type KeyState =
  | 'Creating'
  | 'Enabled'
  | 'Disabled'
  | 'PendingDeletion'
  | 'PendingImport'
  | 'PendingReplicaDeletion'
  | 'Updating'

/** What the keys of one multi-Region set know of each other. */
export interface MultiRegion {
  readonly primaryRegion: string
  /** In order, without the primary's. */
  readonly replicaRegions: readonly string[]
}

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
  readonly origin: 'AWS_KMS' | 'EXTERNAL'
  /** Undefined for a key of one Region. */
  readonly multiRegion: MultiRegion | undefined
  readonly manager: 'CUSTOMER' | 'AWS'
  readonly createdAtMs: number
  readonly deletionAtMs: number | undefined
  /** Of PendingDeletion and, while replicas are left, of PendingReplicaDeletion. */
  readonly pendingWindowDays: number | undefined
  /** Undefined until material was imported, or brought from the primary key. */
  readonly currentMaterialId: string | undefined
  /** When imported material that it needs expires first. */
  readonly validToMs: number | undefined
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

/** Multi-Region keys have ids that are no UUIDs, so that nobody takes them for keys of one Region. */
export function newMultiRegionKeyId(): string {
  return `mrk-${randomUUID().replaceAll('-', '')}`
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
    (row.origin === 'AWS_KMS' || row.origin === 'EXTERNAL')
  if (!isKnown) {
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
    origin: row.origin as KmsKey['origin'],
    multiRegion: multiRegionOf(row),
    manager: row.key_manager === 'AWS' ? 'AWS' : 'CUSTOMER',
    createdAtMs: row.created_at,
    deletionAtMs: row.deletion_at ?? undefined,
    pendingWindowDays: row.pending_window_days ?? undefined,
    currentMaterialId: row.current_material_id ?? undefined,
    validToMs: row.valid_to ?? undefined,
    rotation: rotationOf(row),
    policy: readPolicy(row.policy, row.policy_bindings),
    tags: tagsFromText(row.tags),
    aliasNames: aliasNames ?? namesFromText(row.alias_names),
    quarantine: quarantineFromText(row.quarantine),
  }
}

/** PRIMARY or REPLICA, as AWS calls them; undefined for a key of one Region. */
export function multiRegionType({
  region,
  multiRegion,
}: Pick<KmsKey, 'region' | 'multiRegion'>): 'PRIMARY' | 'REPLICA' | undefined {
  return multiRegion && (multiRegion.primaryRegion === region ? 'PRIMARY' : 'REPLICA')
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

function multiRegionOf({ primary_region, replica_regions }: KmsKeyRow): MultiRegion | undefined {
  if (primary_region === null) return undefined
  return { primaryRegion: primary_region, replicaRegions: namesFromText(replica_regions) }
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
