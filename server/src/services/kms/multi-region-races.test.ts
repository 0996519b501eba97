import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { AwsError } from '../../aws-error.ts'
import { quietLog } from '../../deployment/testing/deployment-fixture.ts'
import { relatedRegions } from '../../keys/multi-region.ts'
import { keyDeletions } from '../../schedule/key-deletions.ts'
import { keyRotations } from '../../schedule/key-rotations.ts'
import { keySets } from '../../schedule/key-sets.ts'
import { wholeFile } from '../../testing/whole-file.ts'
import type { OperationName, RequestOf, ResponseOf } from './shapes.ts'
import { kmsRig } from './testing/kms-rig.ts'

/** Operations on one set that are under way at once, from all of its Regions. */

const REGIONS = ['us-east-1', 'eu-west-1', 'ap-south-1'] as const
type Region = (typeof REGIONS)[number]
const DAY_MS = 86_400_000
const Plaintext = Buffer.from('kept')

const rig = await kmsRig(wholeFile())
const { clock, opened } = rig
const { keys, store } = opened
const root = await rig.root()
const parts = { store, keys, clock, log: quietLog }
const kinds = [keySets(parts), keyDeletions(parts), keyRotations(parts)]

const ask = <Name extends OperationName>(
  region: Region,
  operation: Name,
  request: RequestOf<Name>,
): Promise<ResponseOf<Name>> => rig.ask(root, operation, request, { region })

async function runTimers(): Promise<void> {
  for (const kind of kinds) assert.equal(await kind.runDue(clock.now(), () => false), undefined)
}

async function newKey(): Promise<string> {
  const { KeyMetadata } = await ask(REGIONS[0], 'CreateKey', { MultiRegion: true })
  return KeyMetadata?.KeyId ?? ''
}

const region = fc.constantFrom(...REGIONS)
const operation = fc.oneof(
  fc.record({ do: fc.constant('ReplicateKey' as const), in: region, to: region }),
  fc.record({ do: fc.constant('UpdatePrimaryRegion' as const), in: region, to: region }),
  fc.record({
    do: fc.constantFrom(
      'RotateKeyOnDemand',
      'EnableKeyRotation',
      'DisableKeyRotation',
      'ScheduleKeyDeletion',
      'CancelKeyDeletion',
      'EnableKey',
      'DisableKey',
      'Encrypt',
    ),
    in: region,
  }),
  fc.record({ do: fc.constantFrom('the timers run', 'ten days pass') }),
)
type Step = typeof operation extends fc.Arbitrary<infer T> ? T : never

/** What one step leaves to be opened, if anything. What AWS would refuse may be refused; nothing else may go wrong. */
async function take(KeyId: string, step: Step): Promise<Uint8Array | undefined> {
  try {
    switch (step.do) {
      case 'the timers run':
        await runTimers()
        return undefined
      case 'ten days pass':
        clock.advance(10 * DAY_MS)
        return undefined
      case 'ReplicateKey':
        await ask(step.in, 'ReplicateKey', { KeyId, ReplicaRegion: step.to })
        return undefined
      case 'UpdatePrimaryRegion':
        await ask(step.in, 'UpdatePrimaryRegion', { KeyId, PrimaryRegion: step.to })
        return undefined
      case 'Encrypt':
        return (await ask(step.in, 'Encrypt', { KeyId, Plaintext })).CiphertextBlob
      case 'EnableKeyRotation':
        await ask(step.in, 'EnableKeyRotation', { KeyId, RotationPeriodInDays: 90 })
        return undefined
      case 'ScheduleKeyDeletion':
        await ask(step.in, 'ScheduleKeyDeletion', { KeyId, PendingWindowInDays: 7 })
        return undefined
      default:
        await ask(step.in, step.do, { KeyId })
        return undefined
    }
  } catch (error) {
    assert.ok(error instanceof AwsError && error.code !== 'KMSInternalException', String(error))
    return undefined
  }
}

/** What all Regions of a set that nothing is under way with must agree on. */
async function requireAgreement(keyId: string, sealed: readonly Uint8Array[]): Promise<void> {
  const found = await Promise.all(REGIONS.map((each) => keys.read(store.db, each, keyId)))
  const rows = found.filter((stored) => stored !== undefined)
  const regions = rows.map(({ key }) => key.region).sort()
  const [first] = rows
  if (first === undefined) return
  for (const { key, row } of rows) {
    assert.deepEqual([key.region, ...relatedRegions(key)].sort(), regions)
    assert.deepEqual(key.multiRegion, first.key.multiRegion)
    assert.deepEqual(key.rotation, first.key.rotation)
    assert.equal(key.currentMaterialId, first.key.currentMaterialId)
    assert.equal(row.sync_at, null)
    const isPrimary = key.multiRegion?.primaryRegion === key.region
    assert.equal(row.rotation_at === null, !isPrimary || key.rotation === undefined)
    assert.ok(key.state !== 'Creating' && key.state !== 'Updating')
    if (key.state === 'PendingReplicaDeletion') assert.ok(isPrimary && regions.length > 1)
    if (key.state === 'PendingDeletion') assert.ok(!isPrimary || regions.length === 1)
    assert.deepEqual(await keys.versions(store.db, key), await keys.versions(store.db, first.key))
    if (key.state !== 'Enabled') continue
    for (const CiphertextBlob of sealed) {
      const opened = await ask(key.region as Region, 'Decrypt', {
        CiphertextBlob: Buffer.from(CiphertextBlob),
      })
      assert.deepEqual(opened.Plaintext, Plaintext)
    }
  }
}

test('whatever is asked of a set at once from all Regions, they agree when nothing is under way, and open all there is', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(operation, { maxLength: 4 }), { maxLength: 8 }), async (rounds) => {
      const KeyId = await newKey()
      const sealed: Uint8Array[] = []
      for (const steps of rounds) {
        const done = await Promise.all(steps.map((step) => take(KeyId, step)))
        sealed.push(...done.filter((ciphertext) => ciphertext !== undefined))
      }
      await runTimers()
      await requireAgreement(KeyId, sealed)
    }),
    { numRuns: 60 },
  )
})

test('of two ReplicateKeys to one Region exactly one succeeds', async () => {
  for (let round = 0; round < 10; round++) {
    const KeyId = await newKey()
    const request = { KeyId, ReplicaRegion: REGIONS[1] }
    const outcomes = await Promise.allSettled([
      ask(REGIONS[0], 'ReplicateKey', request),
      ask(REGIONS[0], 'ReplicateKey', request),
    ])
    const refusals = outcomes.flatMap((each) =>
      each.status === 'rejected' ? [(each.reason as AwsError).code] : [],
    )
    assert.deepEqual(refusals, ['AlreadyExistsException'])
    await runTimers()
    await requireAgreement(KeyId, [])
  }
})
