import assert from 'node:assert/strict'
import type { CreateKeyCommandInput, KMS } from '@aws-sdk/client-kms'
import type { KeyChange } from '../../server/src/keys/key-change.ts'
import type { HeldServer, TestRegion } from '../held-server.ts'
import { DAY_MS } from '../held-server.ts'
import { newKey } from '../kms-client.ts'
import { importMaterial, newImportable, type Importable } from '../imported-material.ts'
import type { State } from './documented-states.ts'
import { madeWith } from './typed-use.ts'

const PRIMARY: TestRegion = 'us-east-1'
export const REPLICA: TestRegion = 'eu-west-1'

/** The kinds of keys that the documentation tells apart. */
export const kinds = [
  { name: 'symmetric', KeySpec: 'SYMMETRIC_DEFAULT', KeyUsage: 'ENCRYPT_DECRYPT' },
  { name: 'RSA signing', KeySpec: 'RSA_2048', KeyUsage: 'SIGN_VERIFY' },
  { name: 'EC signing', KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' },
  { name: 'ML-DSA signing', KeySpec: 'ML_DSA_44', KeyUsage: 'SIGN_VERIFY' },
  { name: 'RSA encryption', KeySpec: 'RSA_2048', KeyUsage: 'ENCRYPT_DECRYPT' },
  { name: 'HMAC', KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC' },
  { name: 'agreement', KeySpec: 'ECC_NIST_P256', KeyUsage: 'KEY_AGREEMENT' },
  { name: 'encapsulation', KeySpec: 'ML_KEM_512', KeyUsage: 'ENCAPSULATE_DECAPSULATE' },
] as const satisfies readonly ({ name: string } & CreateKeyCommandInput)[]
export type Kind = (typeof kinds)[number]

/** Nobody imports material for these: AWS says so of ML-DSA, and nothing yet of ML-KEM. */
export const neverImported: readonly string[] = ['ML-DSA signing', 'encapsulation']

export interface Subject {
  readonly kind: Kind
  readonly origin: 'AWS_KMS' | 'EXTERNAL'
  readonly place: 'single' | 'primary' | 'replica'
  readonly region: TestRegion
  readonly KeyId: string
  readonly arn: string
  readonly alias: string
  readonly GrantId: string
  readonly Policy: string
  /** What was encrypted, signed or authenticated with it while it was enabled. */
  readonly made: Uint8Array | undefined
  /** What is to be imported again. */
  readonly importable: Importable | undefined
}

/** One new key, or both of a new set, each with an alias, a grant, and something made with it. */
export async function newSubjects(
  server: HeldServer,
  kind: Kind,
  origin: Subject['origin'],
  multiRegion: boolean,
): Promise<Subject[]> {
  const { name, ...type } = kind
  const kms = server.kms(PRIMARY)
  const { id, arn } = await newKey(kms, { ...type, Origin: origin, MultiRegion: multiRegion })
  const external = origin === 'EXTERNAL'
  const imported = external ? await newImportable(kms, id, kind.KeySpec) : undefined
  if (imported !== undefined) await importMaterial(kms, imported)
  // Something to rotate to, which counts for nothing in every state.
  const isRotated = imported !== undefined && name === 'symmetric'
  const next = isRotated ? await newImportable(kms, id, kind.KeySpec) : undefined
  if (next !== undefined) await importMaterial(kms, next, { ImportType: 'NEW_KEY_MATERIAL' })
  const first = { kind, origin, region: PRIMARY, KeyId: id, arn, importable: imported }
  if (!multiRegion) return [await furnished(server, { ...first, place: 'single' })]

  await kms.replicateKey({ KeyId: id, ReplicaRegion: REPLICA })
  await server.settle()
  const there = server.kms(REPLICA)
  const copied = imported && (await newImportable(there, id, kind.KeySpec, imported.material))
  if (copied !== undefined) await importMaterial(there, copied)
  if (next !== undefined)
    await importMaterial(there, await newImportable(there, id, kind.KeySpec, next.material))
  const { KeyMetadata } = await there.describeKey({ KeyId: id })
  assert.equal(KeyMetadata?.KeyState, 'Enabled', `${name} replica`)
  const second = {
    kind,
    origin,
    region: REPLICA,
    KeyId: id,
    arn: KeyMetadata.Arn ?? '',
    importable: copied,
  }
  return [
    await furnished(server, { ...first, place: 'primary' }),
    await furnished(server, { ...second, place: 'replica' }),
  ]
}

let aliases = 0

async function furnished(
  server: HeldServer,
  bare: Omit<Subject, 'alias' | 'GrantId' | 'Policy' | 'made'>,
): Promise<Subject> {
  const { KeyId, kind, region } = bare
  const kms = server.kms(region)
  const alias = `alias/subject-${++aliases}`
  await kms.createAlias({ AliasName: alias, TargetKeyId: KeyId })
  const { GrantId = '' } = await kms.createGrant(grantOn(server, KeyId))
  const { Policy = '' } = await kms.getKeyPolicy({ KeyId })
  return { ...bare, alias, GrantId, Policy, made: await madeWith(kms, KeyId, kind) }
}

export function grantOn(server: HeldServer, KeyId: string) {
  const GranteePrincipal = `arn:aws:iam::${server.opened.firstAccountId}:root`
  return { KeyId, GranteePrincipal, Operations: ['DescribeKey' as const] }
}

/** In which states a key can be: only imported material can be missing, and only keys of a set are made and moved. */
export function statesOf({ origin, place }: Subject): State[] {
  return [
    'Enabled',
    'Disabled',
    'PendingDeletion',
    ...(place === 'primary' ? ['PendingReplicaDeletion' as const] : []),
    ...(origin === 'EXTERNAL' ? ['PendingImport' as const] : []),
    ...(place === 'replica' ? ['Creating' as const] : []),
    ...(place === 'single' ? [] : ['Updating' as const]),
  ]
}

/** Puts the enabled key into a state. */
export async function enter(server: HeldServer, subject: Subject, state: State): Promise<void> {
  const { KeyId, region } = subject
  const kms: KMS = server.kms(region)
  if (state === 'PendingImport') {
    await kms.deleteImportedKeyMaterial({ KeyId })
  } else {
    const window = {
      windowDays: 7,
      atMs: state === 'PendingDeletion' ? server.clock.now() + 7 * DAY_MS : null,
    }
    const change: KeyChange = {
      state,
      ...(state.endsWith('Deletion') && { deletion: window }),
      ...((state === 'Creating' || state === 'Updating') && { syncAtMs: server.clock.now() }),
    }
    const { keys } = server.opened
    await server.change(async (tx) => {
      const stored = await keys.read(tx.db, region, KeyId)
      assert.ok(stored)
      await keys.change(tx, stored, change)
    })
  }
  assert.equal((await kms.describeKey({ KeyId })).KeyMetadata?.KeyState, state)
}
