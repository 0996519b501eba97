import assert from 'node:assert/strict'
import { test } from 'node:test'
import { timersAtWork } from '../../schedule/testing/timers-at-work.ts'
import { wholeFile } from '../../testing/whole-file.ts'
import { kmsRig } from './testing/kms-rig.ts'

const DAY_MS = 86_400_000

const rig = await kmsRig(wholeFile())
const { clock, opened } = rig
const root = await rig.root()
const Plaintext = Buffer.from('kept')

async function newKey(request: object = {}): Promise<{ id: string; arn: string }> {
  const { KeyMetadata } = await rig.ask(root, 'CreateKey', request)
  assert.ok(KeyMetadata?.Arn)
  return { id: KeyMetadata.KeyId, arn: KeyMetadata.Arn }
}

const timers = () => timersAtWork(opened, clock)
const status = (KeyId: string) => rig.ask(root, 'GetKeyRotationStatus', { KeyId })
const rotations = async (KeyId: string, more: object = {}) =>
  (await rig.ask(root, 'ListKeyRotations', { KeyId, ...more })).Rotations ?? []
const currentMaterial = async (KeyId: string) =>
  (await rig.ask(root, 'DescribeKey', { KeyId })).KeyMetadata?.CurrentKeyMaterialId

async function sealed(KeyId: string) {
  const { CiphertextBlob } = await rig.ask(root, 'Encrypt', { KeyId, Plaintext })
  assert.ok(CiphertextBlob)
  const { KeyMaterialId } = await rig.ask(root, 'Decrypt', { CiphertextBlob })
  return { CiphertextBlob, KeyMaterialId }
}

test('rotation is off until it is switched on, a year apart unless told otherwise', async () => {
  const { id, arn } = await newKey()
  assert.deepEqual(await status(id), { KeyId: arn, KeyRotationEnabled: false })
  await rig.ask(root, 'EnableKeyRotation', { KeyId: id })
  const switchedOnMs = clock.now()
  assert.deepEqual(await status(id), {
    KeyId: arn,
    KeyRotationEnabled: true,
    RotationPeriodInDays: 365,
    NextRotationDate: new Date(switchedOnMs + 365 * DAY_MS),
  })
  clock.advance(10 * DAY_MS)
  await rig.ask(root, 'EnableKeyRotation', { KeyId: id, RotationPeriodInDays: 90 })
  const { RotationPeriodInDays, NextRotationDate } = await status(id)
  assert.equal(RotationPeriodInDays, 90)
  assert.deepEqual(NextRotationDate, new Date(switchedOnMs + 90 * DAY_MS))
  await rig.ask(root, 'DisableKeyRotation', { KeyId: id })
  assert.deepEqual(await status(id), { KeyId: arn, KeyRotationEnabled: false })
})

test('a key is rotated when its period is over and every period after, and what it sealed before still opens', async () => {
  const { id } = await newKey()
  const before = await sealed(id)
  await rig.ask(root, 'EnableKeyRotation', { KeyId: id, RotationPeriodInDays: 90 })
  const running = timers()
  await running.ran()
  await running.pass(90 * DAY_MS - 1)
  assert.deepEqual(await rotations(id), [])
  await running.pass(1)
  const rotatedAt = new Date(clock.now())
  const after = await sealed(id)
  assert.notEqual(after.KeyMaterialId, before.KeyMaterialId)
  assert.deepEqual(await rotations(id), [
    {
      KeyId: id,
      KeyMaterialId: after.KeyMaterialId,
      KeyMaterialState: 'CURRENT',
      RotationDate: rotatedAt,
      RotationType: 'AUTOMATIC',
    },
  ])
  await running.pass(90 * DAY_MS)
  await running.stop()
  const all = await rotations(id, { IncludeKeyMaterial: 'ALL_KEY_MATERIAL' })
  assert.deepEqual(
    all.map(({ KeyMaterialState, RotationType }) => [KeyMaterialState, RotationType]),
    [
      ['NON_CURRENT', undefined],
      ['NON_CURRENT', 'AUTOMATIC'],
      ['CURRENT', 'AUTOMATIC'],
    ],
  )
  for (const { CiphertextBlob, KeyMaterialId } of [before, after, await sealed(id)]) {
    const opened = await rig.ask(root, 'Decrypt', { CiphertextBlob })
    assert.deepEqual(opened.Plaintext, Plaintext)
    assert.equal(opened.KeyMaterialId, KeyMaterialId)
  }
})

test('ReEncrypt moves what older material sealed to the current one', async () => {
  const { id } = await newKey()
  const before = await sealed(id)
  await rig.ask(root, 'RotateKeyOnDemand', { KeyId: id })
  const moved = await rig.ask(root, 'ReEncrypt', {
    CiphertextBlob: before.CiphertextBlob,
    DestinationKeyId: id,
  })
  assert.equal(moved.SourceKeyMaterialId, before.KeyMaterialId)
  assert.equal(moved.DestinationKeyMaterialId, await currentMaterial(id))
  assert.notEqual(moved.DestinationKeyMaterialId, before.KeyMaterialId)
})

test('a rotation on demand happens before its answer, and leaves the automatic ones where they were', async () => {
  const { id, arn } = await newKey()
  await rig.ask(root, 'EnableKeyRotation', { KeyId: id })
  const { NextRotationDate } = await status(id)
  const before = await currentMaterial(id)
  clock.advance(DAY_MS)
  assert.deepEqual(await rig.ask(root, 'RotateKeyOnDemand', { KeyId: arn }), { KeyId: arn })
  assert.notEqual(await currentMaterial(id), before)
  assert.deepEqual((await status(id)).NextRotationDate, NextRotationDate)
  const [only] = await rotations(id)
  assert.equal(only?.RotationType, 'ON_DEMAND')
})

test('a key can be rotated on demand 25 times, in all its life', async () => {
  const { id, arn } = await newKey()
  for (let i = 0; i < 25; i++) await rig.ask(root, 'RotateKeyOnDemand', { KeyId: id })
  await assert.rejects(rig.ask(root, 'RotateKeyOnDemand', { KeyId: id }), {
    code: 'LimitExceededException',
    message:
      'The on-demand rotations limit has been reached for the given keyId. ' +
      `No more on-demand rotations can be performed for this key: ${arn}`,
  })
  assert.equal((await rotations(id)).length, 25)
})

test('pages of rotations hold each once, and a marker of another list is refused', async () => {
  const { id } = await newKey()
  for (let i = 0; i < 4; i++) {
    clock.advance(1000)
    await rig.ask(root, 'RotateKeyOnDemand', { KeyId: id })
  }
  const ids: (string | undefined)[] = []
  let Marker: string | undefined
  do {
    const page = await rig.ask(root, 'ListKeyRotations', { KeyId: id, Limit: 2, ...(Marker && { Marker }) })
    assert.ok((page.Rotations?.length ?? 0) <= 2)
    ids.push(...(page.Rotations ?? []).map(({ KeyMaterialId }) => KeyMaterialId))
    Marker = page.NextMarker
  } while (Marker !== undefined)
  assert.deepEqual(
    ids,
    (await rotations(id)).map(({ KeyMaterialId }) => KeyMaterialId),
  )
  assert.equal(new Set(ids).size, 4)
  await assert.rejects(rig.ask(root, 'ListKeyRotations', { KeyId: id, Marker: 'bm8' }), {
    code: 'InvalidMarkerException',
  })
})

test('no rotation on demand begins twenty minutes before an automatic one', async () => {
  const { id } = await newKey()
  await rig.ask(root, 'EnableKeyRotation', { KeyId: id, RotationPeriodInDays: 90 })
  clock.advance(90 * DAY_MS - 20 * 60_000)
  await assert.rejects(rig.ask(root, 'RotateKeyOnDemand', { KeyId: id }), { code: 'ConflictException' })
  await rig.ask(root, 'DisableKeyRotation', { KeyId: id })
  await rig.ask(root, 'RotateKeyOnDemand', { KeyId: id })
})

test('a key that cannot be used is not rotated, and is as soon as it can be again', async () => {
  const { id } = await newKey()
  await rig.ask(root, 'EnableKeyRotation', { KeyId: id, RotationPeriodInDays: 90 })
  await rig.ask(root, 'DisableKey', { KeyId: id })
  const running = timers()
  await running.ran()
  await running.pass(100 * DAY_MS)
  assert.deepEqual(await rotations(id), [])
  assert.equal((await status(id)).KeyRotationEnabled, true)
  const ran = running.ran()
  await rig.ask(root, 'EnableKey', { KeyId: id })
  await ran
  await running.stop()
  const [rotated] = await rotations(id)
  assert.deepEqual(rotated?.RotationDate, new Date(clock.now()))
  assert.deepEqual((await status(id)).NextRotationDate, new Date(clock.now() + 90 * DAY_MS))
})

test('while a key waits for its deletion its rotation reads as off, and comes back when that is cancelled', async () => {
  const { id, arn } = await newKey()
  await rig.ask(root, 'EnableKeyRotation', { KeyId: id })
  await rig.ask(root, 'ScheduleKeyDeletion', { KeyId: id })
  assert.equal((await status(id)).KeyRotationEnabled, false)
  const pending = { code: 'KMSInvalidStateException', message: `${arn} is pending deletion.` }
  for (const operation of ['EnableKeyRotation', 'DisableKeyRotation', 'RotateKeyOnDemand'] as const) {
    await assert.rejects(rig.ask(root, operation, { KeyId: id }), pending)
  }
  await rig.ask(root, 'CancelKeyDeletion', { KeyId: id })
  assert.equal((await status(id)).KeyRotationEnabled, true)
  const disabled = { code: 'DisabledException', message: `${arn} is disabled.` }
  for (const operation of ['EnableKeyRotation', 'DisableKeyRotation', 'RotateKeyOnDemand'] as const) {
    await assert.rejects(rig.ask(root, operation, { KeyId: id }), disabled)
  }
})

test('keys that have no rotation refuse it, and say that it is off', async () => {
  for (const [KeySpec, KeyUsage] of [
    ['ECC_NIST_P256', 'SIGN_VERIFY'],
    ['HMAC_256', 'GENERATE_VERIFY_MAC'],
  ] as const) {
    const { id } = await newKey({ KeySpec, KeyUsage })
    for (const operation of [
      'EnableKeyRotation',
      'DisableKeyRotation',
      'RotateKeyOnDemand',
      'ListKeyRotations',
    ] as const) {
      const asked = rig.ask(root, operation, { KeyId: id })
      await assert.rejects(asked, { code: 'UnsupportedOperationException' })
    }
    assert.equal((await status(id)).KeyRotationEnabled, false)
  }
})

test('a policy can say how often keys are to be rotated', async () => {
  const statement = (Effect: string, more: object = {}) => ({
    Effect,
    Action: 'kms:*',
    Resource: '*',
    ...more,
  })
  const often = { NumericGreaterThan: { 'kms:RotationPeriodInDays': '180' } }
  const { standing } = await rig.user({
    name: 'rotator',
    allow: [statement('Allow'), statement('Deny', { Condition: often })],
  })
  const { id } = await newKey()
  const user = await standing()
  await rig.ask(user, 'EnableKeyRotation', { KeyId: id, RotationPeriodInDays: 180 })
  for (const RotationPeriodInDays of [181, undefined]) {
    const asked = { KeyId: id, ...(RotationPeriodInDays && { RotationPeriodInDays }) }
    await assert.rejects(rig.ask(user, 'EnableKeyRotation', asked), { code: 'AccessDeniedException' })
  }
})

test('a rotation that fell due while nothing ran happens at the next start, once', async () => {
  const { id } = await newKey()
  await rig.ask(root, 'EnableKeyRotation', { KeyId: id, RotationPeriodInDays: 90 })
  clock.advance(1000 * DAY_MS)
  const [one, other] = [timers(), timers()]
  await Promise.all([one.ran(), other.ran()])
  await one.stop()
  await other.stop()
  assert.equal((await rotations(id)).length, 1)
  assert.deepEqual((await status(id)).NextRotationDate, new Date(clock.now() + 90 * DAY_MS))
})
