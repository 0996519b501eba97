import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, test } from 'node:test'
import type { CreateKeyCommandInput } from '@aws-sdk/client-kms'
import { DAY_MS, HOUR_MS, startHeldServer, type TestRegion } from '../held-server.ts'
import { importMaterial, newImportable } from '../imported-material.ts'
import { newKey } from '../kms-client.ts'
import { assertRefused } from '../refusal.ts'
import { runKeywright } from '../server-process.ts'

const HOME: TestRegion = 'us-east-1'
const AWAY: TestRegion = 'eu-west-1'
/** Longer than a year, so that what happens yearly has happened. */
const LAST_DAY = 372

const LOST = 'imported, never brought back'
const LOST_LATER = 'imported, expired while nothing ran'
const APART = 'imported into two Regions'
const LATE = 'imported, brought back late'

interface YearKey {
  readonly name: string
  readonly id: string
  readonly regions: Set<TestRegion>
  /** Automatic rotation as this test counts it. */
  rotation?: { readonly periodMs: number; nextMs: number; isPaused: boolean }
  rotations: number
  onDemand: number
}

interface Sealed {
  readonly key: YearKey
  readonly blob: Uint8Array
  readonly text: string
  readonly region: TestRegion
}

const server = await startHeldServer()
after(() => server.stop())
const startMs = server.clock.now()
const keys: YearKey[] = []
const sealed: Sealed[] = []
const bytes = new Map<string, Buffer>()

async function make(
  name: string,
  request: CreateKeyCommandInput = {},
  rotationDays?: number,
): Promise<YearKey> {
  const { id } = await newKey(server.kms(), request)
  const key: YearKey = { name, id, regions: new Set([HOME]), rotations: 0, onDemand: 0 }
  if (rotationDays !== undefined) {
    await server.kms().enableKeyRotation({ KeyId: id, RotationPeriodInDays: rotationDays })
    const periodMs = rotationDays * DAY_MS
    key.rotation = { periodMs, nextMs: server.clock.now() + periodMs, isPaused: false }
  }
  keys.push(key)
  return key
}

async function replicate(key: YearKey): Promise<void> {
  await server.kms().replicateKey({ KeyId: key.id, ReplicaRegion: AWAY })
  await server.settle()
  key.regions.add(AWAY)
}

/** @param material its name; the same name stands for the same bytes */
async function bring(
  key: YearKey,
  material: string,
  more: { untilDay?: number; region?: TestRegion; isNew?: boolean } = {},
): Promise<void> {
  const kms = server.kms(more.region)
  const known = bytes.get(material) ?? randomBytes(32)
  bytes.set(material, known)
  await importMaterial(kms, await newImportable(kms, key.id, 'SYMMETRIC_DEFAULT', known), {
    ...(more.untilDay !== undefined && { ValidTo: new Date(startMs + more.untilDay * DAY_MS) }),
    ...(more.isNew === true && { ImportType: 'NEW_KEY_MATERIAL' as const }),
  })
}

/** Something new under every key that can be used, wherever it can be. */
async function sealAll(at: Pick<typeof server, 'kms'> = server, enough = () => false): Promise<void> {
  for (const key of keys) {
    for (const region of key.regions) {
      if (enough()) return
      const text = `${key.name}, message ${sealed.length}`
      const made = await at
        .kms(region)
        .encrypt({ KeyId: key.id, Plaintext: Buffer.from(text) })
        .catch((error: Error) => {
          // Of a process that was just killed there is no answer, and no promise.
          const isRefused = /^(Disabled|KMSInvalidState|NotFound|AccessDenied)Exception$/.test(error.name)
          assert.ok(isRefused || enough(), `${key.name}: ${error.name} ${error.message}`)
        })
      if (made?.CiphertextBlob !== undefined) sealed.push({ key, blob: made.CiphertextBlob, text, region })
    }
  }
}

/** Counts the rotations that are due by now, at their times or, after a time with nothing running, one at its end. */
function countRotations(wasRunning: boolean): void {
  const nowMs = server.clock.now()
  for (const key of keys) {
    const { rotation } = key
    if (rotation === undefined || rotation.isPaused) continue
    while (rotation.nextMs <= nowMs) {
      key.rotations++
      rotation.nextMs = (wasRunning ? rotation.nextMs : nowMs) + rotation.periodMs
    }
  }
}

async function until(day: number): Promise<void> {
  await server.pass(startMs + day * DAY_MS - server.clock.now())
  countRotations(true)
  await sealAll()
}

/** @param untilDay days that pass with nothing running */
async function down(how: 'restart' | 'crash', untilDay: number): Promise<void> {
  await server[how](startMs + untilDay * DAY_MS - server.clock.now())
  countRotations(false)
  // What cannot be undone waits an hour when the clock has jumped.
  await server.pass(2 * HOUR_MS)
  countRotations(true)
  await sealAll()
}

/** Killed while every key is being used and the timers do what fell due on the days before. */
async function killed(untilDay: number, answers: number): Promise<void> {
  await server.crashInProcess(startMs + untilDay * DAY_MS - server.clock.now(), async (there) => {
    const before = sealed.length
    let killing: Promise<void> | undefined
    const enough = () => {
      if (sealed.length - before >= answers) killing ??= there.kill()
      return killing !== undefined
    }
    while (!enough()) await sealAll(there, enough)
    await killing
  })
  countRotations(false)
  await server.pass(2 * HOUR_MS)
  countRotations(true)
  await sealAll()
}

function pause(key: YearKey, isPaused: boolean): void {
  if (key.rotation !== undefined) key.rotation.isPaused = isPaused
}

async function enable({ id }: YearKey): Promise<void> {
  await server.kms().enableKey({ KeyId: id })
}

/** The AWS managed key of a service, which nobody but the service makes or uses. */
async function makeManaged(): Promise<YearKey> {
  const { keys: kmsKeys, firstAccountId: accountId } = server.opened
  const keyId = '00000000-0000-4000-8000-0000000000aa'
  const material = await kmsKeys.newMaterial('SYMMETRIC_DEFAULT', accountId)
  const made = {
    keyId,
    accountId,
    region: HOME,
    spec: 'SYMMETRIC_DEFAULT',
    usage: 'ENCRYPT_DECRYPT',
    description: '',
    policy: JSON.stringify({
      Version: '2012-10-17',
      Statement: {
        Effect: 'Allow',
        Principal: { AWS: `arn:aws:iam::${accountId}:root` },
        Action: 'kms:*',
        Resource: '*',
      },
    }),
    tags: [],
    manager: 'AWS',
    rotation: { periodDays: 365, fromMs: startMs },
  } as const
  await server.change((tx) => kmsKeys.create(tx, made, material))
  const key: YearKey = { name: 'managed', id: keyId, regions: new Set([HOME]), rotations: 0, onDemand: 0 }
  key.rotation = { periodMs: 365 * DAY_MS, nextMs: startMs + 365 * DAY_MS, isPaused: false }
  keys.push(key)
  return key
}

test('a year of keys that rotate, expire, move and are deleted, with crashes: what should open opens, nothing else does, and everything happened once', async () => {
  const kms = () => server.kms()
  const external = { Origin: 'EXTERNAL' } as const

  for (const days of [90, 120, 180, 365]) await make(`rotated every ${days} days`, {}, days)
  await make('never rotated')
  await makeManaged()
  const paused = await make('disabled for a while', {}, 90)
  const reprieved = await make('almost deleted when it was to be rotated', {}, 90)
  const moving = await make('a set whose primary key moves', { MultiRegion: true }, 90)
  const ending = await make('a set that is deleted', { MultiRegion: true })
  const losing = await make('a set that loses its replica', { MultiRegion: true }, 120)
  const doomed = await make('deleted', {}, 90)
  const saved = await make('almost deleted')
  const doomedLater = await make('deleted while nothing ran')
  const renewed = await make('imported, renewed in time', external)
  const late = await make(LATE, external)
  const lost = await make(LOST, external)
  const lostLater = await make(LOST_LATER, external)
  const changed = await make('imported, rotated', external)
  const apart = await make(APART, { ...external, MultiRegion: true })
  for (const key of [moving, ending, losing]) await replicate(key)
  await bring(renewed, 'renewed', { untilDay: 50 })
  await bring(late, 'late', { untilDay: 60 })
  await bring(lost, 'lost', { untilDay: 30 })
  await bring(lostLater, 'lostLater', { untilDay: 230 })
  await bring(changed, 'changed')
  await bring(apart, 'apart')
  await replicate(apart)
  await bring(apart, 'apart', { region: AWAY, untilDay: 90 })
  await sealAll()

  await until(20)
  await kms().scheduleKeyDeletion({ KeyId: doomed.id, PendingWindowInDays: 7 })
  pause(doomed, true)
  await kms().scheduleKeyDeletion({ KeyId: saved.id, PendingWindowInDays: 7 })
  await until(24)
  await kms().cancelKeyDeletion({ KeyId: saved.id })
  await enable(saved)
  await down('crash', 29)
  await until(31)
  await assertRefused(
    kms().encrypt({ KeyId: lost.id, Plaintext: Buffer.from('x') }),
    'KMSInvalidStateException',
    /is pending import\.$/,
  )
  await until(40)
  await bring(renewed, 'renewed', { untilDay: 400 })
  await server.kms(AWAY).scheduleKeyDeletion({ KeyId: ending.id, PendingWindowInDays: 7 })
  await kms().scheduleKeyDeletion({ KeyId: ending.id, PendingWindowInDays: 7 })
  await killed(47.5, 30)
  ending.regions.delete(AWAY)
  await until(60)
  await server.kms(AWAY).scheduleKeyDeletion({ KeyId: losing.id, PendingWindowInDays: 10 })
  await until(71)
  losing.regions.delete(AWAY)
  await until(80)
  await kms().disableKey({ KeyId: paused.id })
  pause(paused, true)
  await kms().scheduleKeyDeletion({ KeyId: reprieved.id, PendingWindowInDays: 10 })
  pause(reprieved, true)
  await until(89)
  await kms().cancelKeyDeletion({ KeyId: reprieved.id })
  await killed(91, 40)
  await until(95)
  await enable(reprieved)
  pause(reprieved, false)
  countRotations(false)
  await until(100)
  await bring(late, 'late', { untilDay: 160 })
  await until(110)
  await bring(changed, 'changed to', { isNew: true })
  await kms().rotateKeyOnDemand({ KeyId: changed.id })
  changed.onDemand++
  await down('restart', 112)
  await until(130)
  await enable(paused)
  pause(paused, false)
  countRotations(false)
  await until(150)
  await kms().updatePrimaryRegion({ KeyId: moving.id, PrimaryRegion: AWAY })
  await down('crash', 150.2)
  await server.kms(AWAY).rotateKeyOnDemand({ KeyId: moving.id })
  moving.onDemand++
  await until(170)
  const wrong = await newImportable(kms(), late.id, 'SYMMETRIC_DEFAULT')
  await assertRefused(importMaterial(kms(), wrong), 'IncorrectKeyMaterialException', /./)
  await bring(late, 'late')
  await until(175)
  const { Rotations = [] } = await kms().listKeyRotations({
    KeyId: changed.id,
    IncludeKeyMaterial: 'ALL_KEY_MATERIAL',
  })
  await kms().deleteImportedKeyMaterial({
    KeyId: changed.id,
    KeyMaterialId: Rotations[0]?.KeyMaterialId,
  })
  await killed(181, 30)
  await bring(changed, 'changed')
  await until(195)
  await kms().scheduleKeyDeletion({ KeyId: doomedLater.id, PendingWindowInDays: 30 })
  await until(200)
  await down('crash', 275)
  await until(300)
  await down('restart', 300.1)
  await until(LAST_DAY)

  await requireRotations()
  const gone = { [HOME]: 'AccessDeniedException', [AWAY]: 'AccessDeniedException' }
  const fates = new Map<YearKey, Partial<Record<TestRegion, string>>>([
    [doomed, gone],
    [doomedLater, gone],
    [ending, gone],
    [losing, { [AWAY]: 'AccessDeniedException' }],
    [lost, { [HOME]: 'KMSInvalidStateException' }],
    [lostLater, { [HOME]: 'KMSInvalidStateException' }],
    [apart, { [AWAY]: 'KMSInvalidStateException' }],
  ])
  await requireOpening(fates)
  await requireRecords(
    new Map([doomed, doomedLater, ending].map((key) => [key, key === ending ? 2 : 1])).set(losing, 1),
  )

  const verified = await runKeywright(['audit', 'verify'], { dataDir: server.dataDir })
  assert.equal(verified.code, 0, verified.stdout + verified.stderr)
})

async function requireRotations(): Promise<void> {
  for (const { name, id, regions, rotations, onDemand } of keys) {
    for (const region of regions) {
      const listed = await server
        .kms(region)
        .listKeyRotations({ KeyId: id })
        .catch((error: Error) => {
          assert.equal(error.name, 'NotFoundException')
        })
      if (listed === undefined) continue
      const types = (listed.Rotations ?? []).map(({ RotationType }) => RotationType)
      const count = (type: string) => types.filter((each) => each === type).length
      const counted = [count('AUTOMATIC'), count('ON_DEMAND')]
      assert.deepEqual(counted, [rotations, onDemand], `rotations of ${name} in ${region}`)
    }
  }
}

/** @param fates what keys answer where they do not open what they sealed */
async function requireOpening(
  fates: ReadonlyMap<YearKey, Partial<Record<TestRegion, string>>>,
): Promise<void> {
  assert.ok(sealed.length > 500, `${sealed.length} ciphertexts`)
  for (const { key, blob, text } of sealed) {
    for (const region of [HOME, AWAY]) {
      const opened = await server
        .kms(region)
        .decrypt({ CiphertextBlob: blob })
        .then(
          ({ Plaintext }) => Buffer.from(Plaintext ?? []).toString(),
          (error: Error) => error.name,
        )
      const fate = fates.get(key)?.[region]
      const wanted = fate ?? (key.regions.has(region) ? text : 'AccessDeniedException')
      assert.equal(opened, wanted, `${text} in ${region}`)
    }
  }
}

interface ServiceEvent {
  readonly eventName: string
  readonly resources?: readonly { readonly ARN: string }[]
  readonly serviceEventDetails?: { readonly rotationType?: string }
}

/** What happened by itself happened once, and has one record each. */
async function requireRecords(deletions: ReadonlyMap<YearKey, number>): Promise<void> {
  const counts = new Map<string, number>()
  const { journalReader } = server.opened
  for (const chain of await journalReader.chains()) {
    for await (const line of journalReader.lines(chain)) {
      const { record } = JSON.parse(line.bytes.toString('utf8')) as { record: ServiceEvent }
      const { eventName, resources, serviceEventDetails } = record
      const key = keys.find(({ id }) => resources?.some(({ ARN }) => ARN.endsWith(id)))
      const what = [eventName, serviceEventDetails?.rotationType, key?.name].filter(Boolean).join(' ')
      counts.set(what, (counts.get(what) ?? 0) + 1)
    }
  }
  const expiries = new Map([
    [LATE, 2],
    [LOST, 1],
    [LOST_LATER, 1],
    [APART, 1],
  ])
  for (const key of keys) {
    const { name } = key
    const of = (event: string) => counts.get(`${event} ${name}`) ?? 0
    assert.deepEqual(
      {
        name,
        deletions: of('DeleteKey'),
        rotations: of('RotateKey AUTOMATIC'),
        onDemand: of('RotateKey ON_DEMAND'),
        expiries: of('DeleteExpiredKeyMaterial'),
      },
      {
        name,
        deletions: deletions.get(key) ?? 0,
        rotations: key.rotations,
        onDemand: key.onDemand,
        expiries: expiries.get(name) ?? 0,
      },
    )
  }
}
