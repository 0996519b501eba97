import { formatArn, partitionOf } from '../arn.ts'
import type { KmsKeyRow } from '../store/schema.ts'
import { specs, type KeySpec, type KeyUsage } from './specs.ts'

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
  readonly policy: string
  readonly tags: readonly Tag[]
}

/** A key, with the authenticated row that it was read from and that a change starts from. */
export interface StoredKey {
  readonly key: KmsKey
  readonly row: KmsKeyRow
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

/** Reads a row whose code was checked. What the store cannot have written is our own mistake. */
export function keyFromRow(row: KmsKeyRow): KmsKey {
  if (!(row.key_spec in specs) || row.origin !== 'AWS_KMS' || row.current_material_id === null) {
    throw new Error(`KMS key ${row.key_id} holds a spec or origin that this release does not know`)
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
    origin: row.origin,
    multiRegion: row.multi_region === 1,
    manager: row.key_manager === 'AWS' ? 'AWS' : 'CUSTOMER',
    createdAtMs: row.created_at,
    deletionAtMs: row.deletion_at ?? undefined,
    currentMaterialId: row.current_material_id,
    policy: row.policy,
    tags: tagsFromText(row.tags),
  }
}

/** Tags are one JSON text of [key, value] pairs in the order in which they were set. */
export function tagsToText(tags: readonly Tag[]): string {
  return JSON.stringify(tags.map(({ key, value }) => [key, value]))
}

const noTags: readonly Tag[] = []

function tagsFromText(text: string): readonly Tag[] {
  if (text === '[]') return noTags
  return (JSON.parse(text) as [string, string][]).map(([key, value]) => ({ key, value }))
}
