import assert from 'node:assert/strict'
import type { KMS } from '@aws-sdk/client-kms'
import { HOUR_MS } from '../held-server.ts'
import type { Ciphertext, Real } from './deployment.ts'
import { modelRegions, type Model, type ModelKey, type ModelRegion, type Place } from './model.ts'

/** How far what follows from something else may be from where the model has it: a deletion may wait an hour. */
const TOLERANCE_MS = 3 * HOUR_MS

/**
 * Everything that can be seen of the deployment is as the model says: states, rotations, names and grants; and every
 * ciphertext opens where it should and nowhere else.
 */
export async function requireAgreement(real: Real, model: Model): Promise<void> {
  const places = model.keys.flatMap((key) => modelRegions.map((region) => ({ key, region })))
  await Promise.all(places.map(({ key, region }) => requireKey(real, key, region)))
  await Promise.all(modelRegions.map((region) => requireNames(real, model, region)))
  await Promise.all(
    real.ciphertexts.map(async (ciphertext, index) => {
      for (const region of modelRegions) await requireOpening(real, model, ciphertext, region)
      const isNewest = real.ciphertexts.findLastIndex(({ key }) => key === ciphertext.key) === index
      if (isNewest) await requireOpeningByGrant(real, model, ciphertext)
    }),
  )
}

async function requireKey(real: Real, key: ModelKey, region: ModelRegion): Promise<void> {
  const kms = real.server.kms(region)
  const KeyId = real.keyIds[key.number]
  const place = key.places.get(region)
  const what = `key ${key.number} in ${region}`
  const { KeyMetadata } = await kms.describeKey({ KeyId }).catch((error: Error) => {
    assert.equal(error.name, 'NotFoundException', what)
    return { KeyMetadata: undefined }
  })
  assert.equal(KeyMetadata?.KeyState, place?.state, what)
  if (place === undefined) return
  assert.equal(KeyMetadata?.MultiRegion, key.multiRegion)
  const type = KeyMetadata?.MultiRegionConfiguration?.MultiRegionKeyType
  if (key.multiRegion) assert.equal(type, region === key.primary ? 'PRIMARY' : 'REPLICA', what)
  place.deletionAtMs = agreed(KeyMetadata?.DeletionDate, place.deletionAtMs, `deletion of ${what}`)
  const { Rotations = [] } = await kms.listKeyRotations({ KeyId })
  assert.equal(Rotations.length, Math.max(0, key.materials.length - 1), `rotations of ${what}`)
  await requireRotation(real, key, place, region)
}

async function requireRotation(
  real: Real,
  { number, rotation, primary }: ModelKey,
  place: Place,
  region: ModelRegion,
): Promise<void> {
  const KeyId = real.keyIds[number]
  const status = await real.server.kms(region).getKeyRotationStatus({ KeyId })
  const isPending = place.state === 'PendingDeletion' || place.state === 'PendingReplicaDeletion'
  assert.equal(status.KeyRotationEnabled, rotation !== undefined && !isPending, `rotation of key ${number}`)
  if (rotation === undefined || isPending) return
  assert.equal(status.RotationPeriodInDays, rotation.periodDays)
  const nextMs = agreed(status.NextRotationDate, rotation.nextMs, `rotation of key ${number}`)
  if (region === primary && nextMs !== undefined) rotation.nextMs = nextMs
}

/** Both have a time or neither has; from then on the model has the deployment's. */
function agreed(date: Date | undefined, modelMs: number | undefined, what: string): number | undefined {
  assert.equal(date === undefined, modelMs === undefined, what)
  if (date === undefined || modelMs === undefined) return undefined
  const awayMs = Math.abs(date.getTime() - modelMs)
  assert.ok(awayMs <= TOLERANCE_MS, `${what}: ${awayMs} ms away`)
  return date.getTime()
}

async function requireNames(real: Real, model: Model, region: ModelRegion): Promise<void> {
  const { Aliases = [] } = await real.server.kms(region).listAliases({})
  const wanted = model.keys.flatMap(({ number, places }) =>
    [...(places.get(region)?.aliases ?? [])].map((alias) => [alias, real.keyIds[number]]),
  )
  assert.deepEqual(
    Aliases.map(({ AliasName, TargetKeyId }) => [AliasName, TargetKeyId]),
    wanted.toSorted(([a = ''], [b = '']) => (a < b ? -1 : 1)),
  )
}

async function requireOpening(
  real: Real,
  model: Model,
  { key, blob, plaintext }: Ciphertext,
  region: ModelRegion,
): Promise<void> {
  const wanted = opened(model.keys[key]?.places.get(region), plaintext)
  assert.equal(await open(real.server.kms(region), blob), wanted, `${plaintext} of key ${key} in ${region}`)
}

/** A grantee learns as much of a key as a grant lets it. */
async function requireOpeningByGrant(
  real: Real,
  model: Model,
  { key, blob, plaintext }: Ciphertext,
): Promise<void> {
  for (const region of modelRegions) {
    const place = model.keys[key]?.places.get(region)
    const wanted = place?.granted === true ? opened(place, plaintext) : 'AccessDeniedException'
    const got = await open(real.server.kms(region, real.grantee), blob)
    assert.equal(got, wanted, `${plaintext} of key ${key} in ${region}, for the grantee`)
  }
}

async function open(kms: KMS, CiphertextBlob: Uint8Array): Promise<string> {
  try {
    const { Plaintext } = await kms.decrypt({ CiphertextBlob })
    return Buffer.from(Plaintext ?? []).toString()
  } catch (error) {
    return (error as Error).name
  }
}

function opened(place: Place | undefined, plaintext: string): string {
  if (place === undefined) return 'AccessDeniedException'
  if (place.state === 'Enabled') return plaintext
  return place.state === 'Disabled' ? 'DisabledException' : 'KMSInvalidStateException'
}
