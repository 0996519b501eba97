import { createHash } from 'node:crypto'
import { identityBytes } from '../crypto/wrap.ts'
import type { KmsKey, Tag } from '../keys/key.ts'
import { AWAITS_LINKED } from '../keys/material-version.ts'
import type { SharedFacts } from '../keys/multi-region.ts'
import { algorithmsOf, specs, type KeySpec, type KeyUsage } from '../keys/specs.ts'
import { regionName } from '../regions.ts'
import type { Said } from './channels.ts'
import { asRecord, MessageError } from './messages.ts'

/** What the deployment of a set's primary key tells another one of it: the whole state, each time. */
export interface SetDocument {
  readonly sequence: number
  /** What the other side last took, as far as this one knows. */
  readonly after: Said
  readonly accountId: string
  readonly keyId: string
  readonly spec: KeySpec
  readonly usage: KeyUsage
  readonly origin: KmsKey['origin']
  readonly primaryRegion: string
  readonly replicaRegions: readonly string[]
  readonly rotation: { readonly periodDays: number; readonly fromMs: number } | undefined
  readonly currentMaterialId: string | undefined
  readonly materials: readonly DocumentMaterial[]
  /** Keys that the other side is to make. */
  readonly newReplicas: readonly DocumentReplica[]
}

export interface DocumentMaterial {
  readonly facts: SharedFacts
  /** Wrapped to the other side's key (crypto/link-wrapping.ts). */
  readonly wrapped: Buffer
}

export interface DocumentReplica {
  readonly region: string
  readonly policy: string
  readonly description: string
  readonly tags: readonly Tag[]
}

const MOST_MATERIALS = 1000
export const MOST_REGIONS = 100
const MOST_POLICY_LENGTH = 32_768
const MOST_TAGS = 50
const MOST = Date.parse('9999-12-31T23:59:59.999Z')
export const keyIdForm = /^mrk-[0-9a-f]{32}$/
export const accountForm = /^\d{12}$/
const materialIdForm = /^[0-9a-f]{64}$/
const digestForm = /^([0-9a-f]{64})?$/
const base64Form = /^[A-Za-z0-9+/]{1,65536}={0,2}$/

export function documentToBody(document: SetDocument): Record<string, unknown> {
  const { materials, rotation, ...rest } = document
  return {
    ...rest,
    rotation: rotation ?? null,
    currentMaterialId: document.currentMaterialId ?? null,
    materials: materials.map(({ facts, wrapped }) => ({
      ...shownFacts(facts),
      wrapped: wrapped.toString('base64'),
    })),
  }
}

/** @throws MessageError for what is not of this form, whoever signed it */
export function documentFromBody(body: Readonly<Record<string, unknown>>): SetDocument {
  const after = asRecord(body['after'])
  const spec = text(body['spec'], /^[A-Z0-9_]{1,40}$/)
  const usage = text(body['usage'], /^[A-Z_]{1,40}$/)
  if (!Object.hasOwn(specs, spec) || algorithmsOf(spec as KeySpec, usage as KeyUsage).length === 0) {
    throw new MessageError('a key of this spec or usage is not known here')
  }
  if (body['origin'] !== 'AWS_KMS') throw new MessageError('keys of this origin are not replicated')
  const materials = list(body['materials'], MOST_MATERIALS).map(materialFrom)
  const document: SetDocument = {
    sequence: integer(body['sequence'], 1),
    after: { sequence: integer(after['sequence'], 0), digest: text(after['digest'], digestForm) },
    accountId: text(body['accountId'], accountForm),
    keyId: text(body['keyId'], keyIdForm),
    spec: spec as KeySpec,
    usage: usage as KeyUsage,
    origin: 'AWS_KMS',
    primaryRegion: text(body['primaryRegion'], regionName),
    replicaRegions: list(body['replicaRegions'], MOST_REGIONS).map((region) => text(region, regionName)),
    rotation: body['rotation'] === null ? undefined : rotationFrom(asRecord(body['rotation'])),
    currentMaterialId: text(body['currentMaterialId'], materialIdForm),
    materials,
    newReplicas: list(body['newReplicas'], MOST_REGIONS).map(replicaFrom),
  }
  requireConsistency(document)
  return document
}

/** What the newest document said, without its number and without what differs each time it is wrapped. */
export function contentDigest(document: Omit<SetDocument, 'sequence' | 'after'>): string {
  const { accountId, keyId, spec, usage, origin, primaryRegion, replicaRegions, rotation } = document
  const materials = document.materials
    .map(({ facts }) => shownFacts(facts))
    .sort((a, b) => (a.materialId < b.materialId ? -1 : 1))
  const content = [
    [accountId, keyId, spec, usage, origin, primaryRegion, [...replicaRegions].sort()],
    rotation === undefined ? null : [rotation.periodDays, rotation.fromMs],
    document.currentMaterialId ?? null,
    materials.map((each) => [
      each.materialId,
      each.createdAt,
      each.rotatedAt,
      each.rotationType,
      each.pendingState,
    ]),
    document.newReplicas.map(({ region, policy, description, tags }) => [
      region,
      policy,
      description,
      tags.map(({ key, value }) => [key, value]),
    ]),
  ]
  return createHash('sha256').update(JSON.stringify(content)).digest('hex')
}

/** Names what was said, and all that was said and taken before it. */
export function digestOf(facts: {
  from: string
  to: string
  sequence: number
  after: Said
  content: string
}): string {
  const { from, to, sequence, after, content } = facts
  const bytes = identityBytes(
    'keywright/linked-set/v1',
    from,
    to,
    sequence,
    after.sequence,
    after.digest,
    content,
  )
  return createHash('sha256').update(bytes).digest('hex')
}

function requireConsistency(document: SetDocument): void {
  const { materials, currentMaterialId, primaryRegion, replicaRegions, newReplicas } = document
  const ids = materials.map(({ facts }) => facts.material_id)
  const current = materials.find(({ facts }) => facts.material_id === currentMaterialId)
  const regions = [primaryRegion, ...replicaRegions]
  const consistent =
    new Set(ids).size === ids.length &&
    current?.facts.pending_state === null &&
    new Set(regions).size === regions.length &&
    new Set(newReplicas.map(({ region }) => region)).size === newReplicas.length &&
    newReplicas.every(({ region }) => replicaRegions.includes(region))
  if (!consistent) throw new MessageError('what it says of the set contradicts itself')
}

function shownFacts(facts: SharedFacts) {
  return {
    materialId: facts.material_id,
    createdAt: facts.created_at,
    rotatedAt: facts.rotated_at,
    rotationType: facts.rotation_type,
    pendingState: facts.pending_state,
  }
}

function materialFrom(value: unknown): DocumentMaterial {
  const { materialId, createdAt, rotatedAt, rotationType, pendingState, wrapped } = asRecord(value)
  const isKnown =
    (rotationType === null || rotationType === 'AUTOMATIC' || rotationType === 'ON_DEMAND') &&
    (pendingState === null || pendingState === AWAITS_LINKED)
  if (!isKnown) throw new MessageError('it has material in a state that is not known here')
  return {
    facts: {
      material_id: text(materialId, materialIdForm),
      created_at: integer(createdAt, 0),
      rotated_at: rotatedAt === null ? null : integer(rotatedAt, 0),
      rotation_type: rotationType,
      pending_state: pendingState,
      description: null,
      fingerprint: null,
      public_key: null,
    },
    wrapped: Buffer.from(text(wrapped, base64Form), 'base64'),
  }
}

export function replicaFrom(value: unknown): DocumentReplica {
  const { region, policy, description, tags } = asRecord(value)
  return {
    region: text(region, regionName),
    policy: string(policy, MOST_POLICY_LENGTH),
    description: string(description, 8192),
    tags: list(tags, MOST_TAGS).map((tag) => {
      const { key, value: of } = asRecord(tag)
      return { key: string(key, 128), value: string(of, 256) }
    }),
  }
}

function rotationFrom(value: Record<string, unknown>) {
  const periodDays = integer(value['periodDays'], 90)
  if (periodDays > 2560) throw new MessageError('it has a rotation period that no key has')
  return { periodDays, fromMs: integer(value['fromMs'], 0) }
}

export function text(value: unknown, form: RegExp): string {
  if (typeof value !== 'string' || !form.test(value))
    throw new MessageError('a part of it is not of its form')
  return value
}

function string(value: unknown, longest: number): string {
  if (typeof value !== 'string' || value.length > longest || !value.isWellFormed()) {
    throw new MessageError('a part of it is not of its form')
  }
  return value
}

/** What the other side says to people here; a terminal is to show it and nothing else. */
export function shownReason(value: unknown): string {
  return string(value, 1000).replaceAll(/[^ -~]/g, '?')
}

/** No time is later than the year 9999, and no number of messages larger. */
export function integer(value: unknown, least: number): number {
  if (!Number.isSafeInteger(value) || (value as number) < least || (value as number) > MOST) {
    throw new MessageError('a part of it is not of its form')
  }
  return value as number
}

export function list(value: unknown, most: number): unknown[] {
  if (!Array.isArray(value) || value.length > most) throw new MessageError('a part of it is not of its form')
  return value as unknown[]
}
