import assert from 'node:assert/strict'
import { test } from 'node:test'
import { quietLog } from '../../deployment/testing/deployment-fixture.ts'
import type { Standing } from '../../identity/standing.ts'
import { keySets } from '../../schedule/key-sets.ts'
import { keyDeletions } from '../../schedule/key-deletions.ts'
import { keyRotations } from '../../schedule/key-rotations.ts'
import type { TimerKind } from '../../schedule/timers.ts'
import { wholeFile } from '../../testing/whole-file.ts'
import type { OperationName, RequestOf, ResponseOf } from './shapes.ts'
import { kmsRig } from './testing/kms-rig.ts'

const DAY_MS = 86_400_000
const HOME = 'us-east-1'
const AWAY = 'eu-west-1'
const THIRD = 'ap-south-1'
const Plaintext = Buffer.from('kept')

const rig = await kmsRig(wholeFile())
const { clock, opened } = rig
const root = await rig.root()

/** Asks in a Region. */
function inRegion(region: string, standing: Standing = root) {
  return <Name extends OperationName>(operation: Name, request: RequestOf<Name>): Promise<ResponseOf<Name>> =>
    rig.ask(standing, operation, request, { region })
}
const home = inRegion(HOME)
const away = inRegion(AWAY)
const third = inRegion(THIRD)

const timer = { store: opened.store, keys: opened.keys, clock, log: quietLog }
/** What the timers do when their time has come. */
async function run(kind: TimerKind): Promise<void> {
  assert.equal(await kind.runDue(clock.now(), () => false), undefined)
}
const settle = () => run(keySets(timer))

async function newSet(
  request: RequestOf<'CreateKey'> = {},
  regions: readonly string[] = [AWAY],
): Promise<string> {
  const { KeyMetadata } = await home('CreateKey', { MultiRegion: true, ...request })
  const KeyId = KeyMetadata?.KeyId ?? ''
  for (const ReplicaRegion of regions) await home('ReplicateKey', { KeyId, ReplicaRegion })
  await settle()
  return KeyId
}

const arnIn = (region: string, id: string) => `arn:aws:kms:${region}:${opened.firstAccountId}:key/${id}`
const describe = async (ask: typeof home, KeyId: string) => {
  const { KeyMetadata } = await ask('DescribeKey', { KeyId })
  assert.ok(KeyMetadata)
  return KeyMetadata
}
const stateOf = async (ask: typeof home, KeyId: string) => (await describe(ask, KeyId)).KeyState
const setOf = async (ask: typeof home, KeyId: string) => {
  const { MultiRegionConfiguration: set } = await describe(ask, KeyId)
  return {
    type: set?.MultiRegionKeyType,
    primary: set?.PrimaryKey?.Region,
    replicas: set?.ReplicaKeys?.map(({ Region }) => Region),
  }
}
const seal = async (ask: typeof home, KeyId: string) => {
  const { CiphertextBlob } = await ask('Encrypt', { KeyId, Plaintext })
  assert.ok(CiphertextBlob)
  return CiphertextBlob
}
const opens = async (ask: typeof home, CiphertextBlob: Uint8Array, more: object = {}) => {
  const answer = await ask('Decrypt', { CiphertextBlob: Buffer.from(CiphertextBlob), ...more })
  assert.deepEqual(answer.Plaintext, Plaintext)
  return answer
}
const materials = async (ask: typeof home, KeyId: string) =>
  (await ask('ListKeyRotations', { KeyId, IncludeKeyMaterial: 'ALL_KEY_MATERIAL' })).Rotations
const invalidState = (region: string, id: string, state: string) => ({
  code: 'KMSInvalidStateException',
  message: `${arnIn(region, id)} is ${state}.`,
})

test('a replica is creating when ReplicateKey answers, and works when its material was brought', async () => {
  const { KeyMetadata } = await home('CreateKey', { MultiRegion: true, Description: 'of the primary key' })
  const KeyId = KeyMetadata?.KeyId ?? ''
  assert.match(KeyId, /^mrk-[0-9a-f]{32}$/)
  const Tags = [{ TagKey: 'team', TagValue: 'a' }]
  const answer = await home('ReplicateKey', { KeyId, ReplicaRegion: AWAY, Description: 'its own', Tags })
  const { ReplicaKeyMetadata: made } = answer
  assert.equal(made?.KeyState, 'Creating')
  assert.equal(made?.Enabled, false)
  assert.equal(made?.Arn, arnIn(AWAY, KeyId))
  assert.equal(made?.Description, 'its own')
  assert.deepEqual(made?.MultiRegionConfiguration, {
    MultiRegionKeyType: 'REPLICA',
    PrimaryKey: { Arn: arnIn(HOME, KeyId), Region: HOME },
    ReplicaKeys: [{ Arn: arnIn(AWAY, KeyId), Region: AWAY }],
  })
  assert.match(answer.ReplicaPolicy ?? '', /Enable IAM User Permissions/)
  assert.deepEqual(answer.ReplicaTags, Tags)
  assert.deepEqual((await away('ListResourceTags', { KeyId })).Tags, Tags)

  await assert.rejects(away('Encrypt', { KeyId, Plaintext }), invalidState(AWAY, KeyId, 'creating'))
  await away('UpdateKeyDescription', { KeyId, Description: 'managed meanwhile' })
  await settle()
  const done = await describe(away, KeyId)
  assert.equal(done.KeyState, 'Enabled')
  assert.equal(done.CurrentKeyMaterialId, (await describe(home, KeyId)).CurrentKeyMaterialId)
  await opens(away, await seal(home, KeyId))
  await opens(home, await seal(away, KeyId), { KeyId: arnIn(HOME, KeyId) })
})

test('every Region shows the whole set, and lists the key as its own', async () => {
  const id = await newSet({}, [THIRD, AWAY])
  const replicas = [THIRD, AWAY].sort()
  assert.deepEqual(await setOf(home, id), { type: 'PRIMARY', primary: HOME, replicas })
  for (const ask of [away, third]) {
    assert.deepEqual(await setOf(ask, id), { type: 'REPLICA', primary: HOME, replicas })
  }
  for (const [ask, region] of [
    [home, HOME],
    [away, AWAY],
    [third, THIRD],
  ] as const) {
    const { Keys = [] } = await ask('ListKeys', { Limit: 1000 })
    assert.deepEqual(
      Keys.filter(({ KeyId }) => KeyId === id),
      [{ KeyId: id, KeyArn: arnIn(region, id) }],
    )
  }
})

test('a request must name the key of its own Region, whatever Region the ciphertext is from', async () => {
  const id = await newSet()
  const CiphertextBlob = await seal(home, id)
  for (const KeyId of [undefined, id, arnIn(AWAY, id)]) {
    const answer = await opens(away, CiphertextBlob, KeyId === undefined ? {} : { KeyId })
    assert.equal(answer.KeyId, arnIn(AWAY, id))
  }
  await assert.rejects(away('Decrypt', { CiphertextBlob, KeyId: arnIn(HOME, id) }), {
    code: 'NotFoundException',
    message: `Invalid arn ${HOME}`,
  })
  const unrelated = await newSet()
  await assert.rejects(away('Decrypt', { CiphertextBlob, KeyId: unrelated }), {
    code: 'IncorrectKeyException',
  })
})

test('policies, descriptions, tags, aliases, grants and states are of one Region alone', async () => {
  const id = await newSet()
  const Policy = JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        Sid: 'away',
        Effect: 'Allow',
        Principal: { AWS: opened.firstAccountId },
        Action: 'kms:*',
        Resource: '*',
      },
    ],
  })
  await away('PutKeyPolicy', { KeyId: id, Policy })
  await away('UpdateKeyDescription', { KeyId: id, Description: 'away' })
  await away('TagResource', { KeyId: id, Tags: [{ TagKey: 'where', TagValue: 'away' }] })
  await away('CreateAlias', { AliasName: 'alias/away', TargetKeyId: id })
  await away('CreateGrant', {
    KeyId: id,
    GranteePrincipal: `arn:aws:iam::${opened.firstAccountId}:root`,
    Operations: ['Decrypt'],
  })
  await away('DisableKey', { KeyId: id })

  assert.notEqual((await home('GetKeyPolicy', { KeyId: id })).Policy, Policy)
  assert.equal((await describe(home, id)).Description, '')
  assert.deepEqual((await home('ListResourceTags', { KeyId: id })).Tags, [])
  assert.deepEqual((await home('ListAliases', { KeyId: id })).Aliases, [])
  assert.deepEqual((await home('ListGrants', { KeyId: id })).Grants, [])
  assert.equal(await stateOf(home, id), 'Enabled')
  await seal(home, id)
  await assert.rejects(away('Encrypt', { KeyId: id, Plaintext }), { code: 'DisabledException' })
  assert.equal((await third('ListAliases', {})).Aliases?.length, 0)
})

test('signatures, MACs and shared secrets of one Region are those of the others', async () => {
  const Message = Buffer.from('message')
  const signer = await newSet({ KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' })
  const asked = { KeyId: signer, Message, SigningAlgorithm: 'ECDSA_SHA_256' } as const
  const { Signature } = await home('Sign', asked)
  assert.ok(Signature)
  assert.equal((await away('Verify', { ...asked, Signature })).SignatureValid, true)
  const keys = [
    await home('GetPublicKey', { KeyId: signer }),
    await away('GetPublicKey', { KeyId: signer }),
  ] as const
  assert.deepEqual(keys[0].PublicKey, keys[1].PublicKey)

  const mac = await newSet({ KeySpec: 'HMAC_384', KeyUsage: 'GENERATE_VERIFY_MAC' })
  const of = { KeyId: mac, Message, MacAlgorithm: 'HMAC_SHA_384' } as const
  const { Mac } = await away('GenerateMac', of)
  assert.ok(Mac)
  assert.equal((await home('VerifyMac', { ...of, Mac })).MacValid, true)

  const agreement = await newSet({ KeySpec: 'ECC_NIST_P384', KeyUsage: 'KEY_AGREEMENT' })
  const { PublicKey } = await home('GetPublicKey', { KeyId: agreement })
  assert.ok(PublicKey)
  const secrets = []
  for (const ask of [home, away]) {
    const shared = await ask('DeriveSharedSecret', {
      KeyId: agreement,
      KeyAgreementAlgorithm: 'ECDH',
      PublicKey,
    })
    secrets.push(shared.SharedSecret)
  }
  assert.deepEqual(secrets[0], secrets[1])
})

test('a rotation gives every Region the same new material in one step, and all old material is everywhere', async () => {
  const id = await newSet()
  const before = await seal(away, id)
  await home('RotateKeyOnDemand', { KeyId: id })
  assert.deepEqual(await materials(away, id), await materials(home, id))
  const now = await seal(away, id)
  const { KeyMaterialId } = await opens(home, now)
  assert.equal(KeyMaterialId, (await describe(home, id)).CurrentKeyMaterialId)
  await opens(home, before)

  await home('ReplicateKey', { KeyId: id, ReplicaRegion: THIRD })
  await settle()
  assert.deepEqual(await materials(third, id), await materials(home, id))
  for (const ciphertext of [before, now]) await opens(third, ciphertext)
})

test('a replica that is still creating, or waits for its deletion, gets the material of a rotation too', async () => {
  const id = await newSet()
  await home('ReplicateKey', { KeyId: id, ReplicaRegion: THIRD })
  await away('ScheduleKeyDeletion', { KeyId: id })
  await home('RotateKeyOnDemand', { KeyId: id })
  assert.equal(await stateOf(third, id), 'Creating')
  assert.equal(await stateOf(away, id), 'PendingDeletion')
  await settle()
  await away('CancelKeyDeletion', { KeyId: id })
  await away('EnableKey', { KeyId: id })
  const sealed = await seal(home, id)
  for (const ask of [away, third]) {
    await opens(ask, sealed)
    assert.deepEqual(await materials(ask, id), await materials(home, id))
  }
})

test('a replica that is to be deleted before it had its material gets it all the same', async () => {
  const id = await newSet({}, [])
  await home('ReplicateKey', { KeyId: id, ReplicaRegion: AWAY })
  await away('ScheduleKeyDeletion', { KeyId: id })
  await settle()
  assert.equal(await stateOf(away, id), 'PendingDeletion')
  await away('CancelKeyDeletion', { KeyId: id })
  assert.equal(await stateOf(away, id), 'Disabled')
  await away('EnableKey', { KeyId: id })
  await opens(away, await seal(home, id))
})

test('rotation is managed on the primary key and seen from every Region', async () => {
  const id = await newSet()
  const notPrimary = {
    code: 'UnsupportedOperationException',
    message: `${arnIn(AWAY, id)} is not a multi-region primary key.`,
  }
  for (const operation of ['EnableKeyRotation', 'DisableKeyRotation', 'RotateKeyOnDemand'] as const) {
    await assert.rejects(away(operation, { KeyId: id }), notPrimary)
  }
  await home('EnableKeyRotation', { KeyId: id, RotationPeriodInDays: 100 })
  const { KeyId: _, ...status } = await home('GetKeyRotationStatus', { KeyId: id })
  assert.deepEqual(await away('GetKeyRotationStatus', { KeyId: id }), { KeyId: arnIn(AWAY, id), ...status })
  await home('ReplicateKey', { KeyId: id, ReplicaRegion: THIRD })
  assert.deepEqual(await third('GetKeyRotationStatus', { KeyId: id }), { KeyId: arnIn(THIRD, id), ...status })

  clock.advance(100 * DAY_MS)
  await run(keyRotations(timer))
  const [first, second, ...more] = (await materials(away, id)) ?? []
  assert.deepEqual(more, [])
  assert.equal(first?.KeyMaterialState, 'NON_CURRENT')
  assert.equal(second?.RotationType, 'AUTOMATIC')
  const next = new Date(clock.now() + 100 * DAY_MS)
  for (const ask of [home, away, third]) {
    assert.deepEqual((await ask('GetKeyRotationStatus', { KeyId: id })).NextRotationDate, next)
  }
  await settle()
  await home('DisableKeyRotation', { KeyId: id })
  for (const ask of [away, third]) {
    assert.equal((await ask('GetKeyRotationStatus', { KeyId: id })).KeyRotationEnabled, false)
  }
})

test('what a set cannot be replicated from or to is refused as AWS does', async () => {
  const { KeyMetadata } = await home('CreateKey', {})
  const single = KeyMetadata?.KeyId ?? ''
  const id = await newSet()
  const notPrimary = (region: string, of: string) => ({
    code: 'UnsupportedOperationException',
    message: `${arnIn(region, of)} is not a multi-region primary key.`,
  })
  await assert.rejects(home('ReplicateKey', { KeyId: single, ReplicaRegion: AWAY }), notPrimary(HOME, single))
  await assert.rejects(away('ReplicateKey', { KeyId: id, ReplicaRegion: THIRD }), notPrimary(AWAY, id))
  await assert.rejects(away('UpdatePrimaryRegion', { KeyId: id, PrimaryRegion: AWAY }), notPrimary(AWAY, id))
  for (const ReplicaRegion of [HOME, AWAY]) {
    await assert.rejects(home('ReplicateKey', { KeyId: id, ReplicaRegion }), {
      code: 'AlreadyExistsException',
    })
  }
  for (const ReplicaRegion of ['cn-north-1', 'us-gov-west-1', 'xx-nowhere-1']) {
    await assert.rejects(home('ReplicateKey', { KeyId: id, ReplicaRegion }), {
      code: 'UnsupportedOperationException',
    })
  }
  for (const PrimaryRegion of [THIRD, 'xx-nowhere-1']) {
    await assert.rejects(home('UpdatePrimaryRegion', { KeyId: id, PrimaryRegion }), {
      code: 'NotFoundException',
      message: `Key '${arnIn(PrimaryRegion, id)}' does not exist`,
    })
  }
  await assert.rejects(home('UpdatePrimaryRegion', { KeyId: id, PrimaryRegion: HOME }), {
    code: 'UnsupportedOperationException',
  })
  await assert.rejects(
    home('ReplicateKey', { KeyId: id, ReplicaRegion: THIRD, Tags: [{ TagKey: 'aws:x', TagValue: '' }] }),
    { code: 'TagException' },
  )
  const unable = JSON.stringify({ Version: '2012-10-17', Statement: [] })
  await assert.rejects(home('ReplicateKey', { KeyId: id, ReplicaRegion: THIRD, Policy: unable }), {
    code: 'MalformedPolicyDocumentException',
  })
  assert.equal(
    (await third('ListKeys', { Limit: 1000 })).Keys?.some(({ KeyId }) => KeyId === id),
    false,
  )
  await home('DisableKey', { KeyId: id })
  await assert.rejects(home('ReplicateKey', { KeyId: id, ReplicaRegion: THIRD }), {
    code: 'DisabledException',
  })
})

test('the primary moves: both keys are updating and of use meanwhile, and the parts are exchanged for good', async () => {
  const id = await newSet({}, [AWAY, THIRD])
  await home('EnableKeyRotation', { KeyId: id, RotationPeriodInDays: 90 })
  await home('RotateKeyOnDemand', { KeyId: id })
  await home('UpdatePrimaryRegion', { KeyId: id, PrimaryRegion: AWAY })
  assert.deepEqual(await Promise.all([home, away, third].map((ask) => stateOf(ask, id))), [
    'Updating',
    'Updating',
    'Enabled',
  ])
  await opens(away, await seal(home, id))
  for (const ask of [home, away]) {
    await assert.rejects(ask('DisableKey', { KeyId: id }), { code: 'KMSInvalidStateException' })
    await assert.rejects(ask('ScheduleKeyDeletion', { KeyId: id }), { code: 'KMSInvalidStateException' })
  }
  await assert.rejects(
    away('ReplicateKey', { KeyId: id, ReplicaRegion: 'eu-west-2' }),
    invalidState(AWAY, id, 'updating'),
  )
  await settle()
  for (const ask of [home, away, third]) {
    assert.equal(await stateOf(ask, id), 'Enabled')
    const { primary, replicas } = await setOf(ask, id)
    assert.deepEqual([primary, replicas], [AWAY, [THIRD, HOME]])
  }
  assert.equal((await setOf(away, id)).type, 'PRIMARY')
  assert.equal((await setOf(home, id)).type, 'REPLICA')

  // What the set shares goes with the primary key: who rotates it, when, and how often it was.
  await assert.rejects(home('RotateKeyOnDemand', { KeyId: id }), { code: 'UnsupportedOperationException' })
  clock.advance(90 * DAY_MS)
  await run(keyRotations(timer))
  for (const ask of [home, away, third]) {
    assert.deepEqual(
      (await materials(ask, id))?.map(({ RotationType }) => RotationType),
      [undefined, 'ON_DEMAND', 'AUTOMATIC'],
    )
  }
  for (let left = 24; left > 0; left--) await away('RotateKeyOnDemand', { KeyId: id })
  await assert.rejects(away('RotateKeyOnDemand', { KeyId: id }), { code: 'LimitExceededException' })
})

test('a disabled replica cannot become the primary key, and neither can one that is to be deleted', async () => {
  const id = await newSet()
  await away('DisableKey', { KeyId: id })
  await assert.rejects(home('UpdatePrimaryRegion', { KeyId: id, PrimaryRegion: AWAY }), {
    code: 'DisabledException',
    message: `${arnIn(AWAY, id)} is disabled.`,
  })
  await away('ScheduleKeyDeletion', { KeyId: id })
  await assert.rejects(
    home('UpdatePrimaryRegion', { KeyId: id, PrimaryRegion: AWAY }),
    invalidState(AWAY, id, 'pending deletion'),
  )
  assert.deepEqual(await setOf(home, id), { type: 'PRIMARY', primary: HOME, replicas: [AWAY] })
})

test('a primary key waits for its replicas to go, and its waiting period begins with the last one gone', async () => {
  const id = await newSet({}, [AWAY, THIRD])
  const sealed = await seal(home, id)
  const answer = await home('ScheduleKeyDeletion', { KeyId: id, PendingWindowInDays: 10 })
  assert.deepEqual(answer, {
    KeyId: arnIn(HOME, id),
    KeyState: 'PendingReplicaDeletion',
    PendingWindowInDays: 10,
  })
  const waiting = await describe(home, id)
  assert.equal(waiting.PendingDeletionWindowInDays, 10)
  assert.equal(waiting.DeletionDate, undefined)
  await assert.rejects(
    home('Encrypt', { KeyId: id, Plaintext }),
    invalidState(HOME, id, 'pending replica deletion'),
  )
  await opens(away, sealed)

  await away('ScheduleKeyDeletion', { KeyId: id, PendingWindowInDays: 7 })
  clock.advance(100 * DAY_MS)
  await run(keyDeletions(timer))
  await assert.rejects(away('DescribeKey', { KeyId: id }), { code: 'NotFoundException' })
  assert.deepEqual(await setOf(home, id), { type: 'PRIMARY', primary: HOME, replicas: [THIRD] })
  assert.deepEqual((await setOf(third, id)).replicas, [THIRD])
  assert.equal(await stateOf(home, id), 'PendingReplicaDeletion')

  await third('ScheduleKeyDeletion', { KeyId: id, PendingWindowInDays: 7 })
  clock.advance(7 * DAY_MS)
  await run(keyDeletions(timer))
  const last = await describe(home, id)
  assert.equal(last.KeyState, 'PendingDeletion')
  assert.deepEqual(last.DeletionDate, new Date(clock.now() + 10 * DAY_MS))
  assert.equal(last.PendingDeletionWindowInDays, undefined)
  clock.advance(10 * DAY_MS)
  await run(keyDeletions(timer))
  await assert.rejects(home('DescribeKey', { KeyId: id }), { code: 'NotFoundException' })
  const left = await opened.store.db
    .selectFrom('key_materials')
    .select('region')
    .where('key_id', '=', id)
    .execute()
  assert.deepEqual(left, [])
})

test('a deletion that waits for replicas can be cancelled, and a replica that is gone can be made again', async () => {
  const id = await newSet()
  const sealed = await seal(away, id)
  await home('ScheduleKeyDeletion', { KeyId: id })
  await home('CancelKeyDeletion', { KeyId: id })
  assert.equal(await stateOf(home, id), 'Disabled')
  await home('EnableKey', { KeyId: id })
  await away('ScheduleKeyDeletion', { KeyId: id, PendingWindowInDays: 7 })
  clock.advance(7 * DAY_MS)
  await run(keyDeletions(timer))
  assert.equal(await stateOf(home, id), 'Enabled')
  assert.deepEqual((await setOf(home, id)).replicas, [])
  await home('ReplicateKey', { KeyId: id, ReplicaRegion: AWAY })
  await settle()
  await opens(away, sealed)
  const scheduled = await away('ScheduleKeyDeletion', { KeyId: id })
  assert.equal(scheduled.KeyState, 'PendingDeletion')
  assert.ok(scheduled.DeletionDate)
})

test('each Region has its own wrapping of the shared material', async () => {
  const id = await newSet()
  const rows = await opened.store.db
    .selectFrom('key_materials')
    .selectAll()
    .where('key_id', '=', id)
    .execute()
  assert.equal(rows.length, 2)
  assert.equal(rows[0]?.material_id, rows[1]?.material_id)
  assert.notDeepEqual(rows[0]?.wrapped, rows[1]?.wrapped)
})
