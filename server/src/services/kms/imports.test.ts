import assert from 'node:assert/strict'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { wrapMaterial } from '../../../../test/wrap-material.ts'
import { AwsError } from '../../aws-error.ts'
import type { KeySpec } from '../../keys/specs.ts'
import { timersAtWork } from '../../schedule/testing/timers-at-work.ts'
import { wholeFile } from '../../testing/whole-file.ts'
import type { RequestOf } from './shapes.ts'
import { kmsRig } from './testing/kms-rig.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

const rig = await kmsRig(wholeFile())
const { clock, opened } = rig
const root = await rig.root()
const Plaintext = Buffer.from('kept')

type Import = RequestOf<'ImportKeyMaterial'>

async function newKey(KeySpec: KeySpec = 'SYMMETRIC_DEFAULT', more: object = {}): Promise<string> {
  const { KeyMetadata } = await rig.ask(root, 'CreateKey', { Origin: 'EXTERNAL', KeySpec, ...more })
  assert.ok(KeyMetadata)
  return KeyMetadata.KeyId
}

/** What is sent with material for a key. */
async function sent(
  KeyId: string,
  material: Buffer,
): Promise<Pick<Import, 'ImportToken' | 'EncryptedKeyMaterial'>> {
  const asked = { WrappingAlgorithm: 'RSAES_OAEP_SHA_256', WrappingKeySpec: 'RSA_2048' } as const
  const { ImportToken, PublicKey } = await rig.ask(root, 'GetParametersForImport', { KeyId, ...asked })
  assert.ok(ImportToken && PublicKey)
  return { ImportToken, EncryptedKeyMaterial: wrapMaterial(PublicKey, asked.WrappingAlgorithm, material) }
}

async function bring(KeyId: string, material: Buffer, more: Partial<Import> = {}): Promise<string> {
  const ExpirationModel = more.ValidTo === undefined ? 'KEY_MATERIAL_DOES_NOT_EXPIRE' : undefined
  const { KeyMaterialId } = await rig.ask(root, 'ImportKeyMaterial', {
    KeyId,
    ...(await sent(KeyId, material)),
    ...(ExpirationModel && { ExpirationModel }),
    ...more,
  })
  return KeyMaterialId ?? ''
}

const describe = async (KeyId: string) => {
  const { KeyMetadata } = await rig.ask(root, 'DescribeKey', { KeyId })
  assert.ok(KeyMetadata)
  return KeyMetadata
}
const state = async (KeyId: string) => (await describe(KeyId)).KeyState
const listed = async (KeyId: string) =>
  (await rig.ask(root, 'ListKeyRotations', { KeyId, IncludeKeyMaterial: 'ALL_KEY_MATERIAL' })).Rotations ?? []
const after = (ms: number) => new Date(clock.now() + ms)
const sealed = async (KeyId: string) => {
  const { CiphertextBlob } = await rig.ask(root, 'Encrypt', { KeyId, Plaintext })
  assert.ok(CiphertextBlob)
  return CiphertextBlob
}
const refused = (asking: Promise<unknown>, code: string, text?: RegExp) =>
  assert.rejects(asking, (error) => {
    assert.ok(error instanceof AwsError)
    assert.equal(error.code, code, error.message)
    if (text !== undefined) assert.match(error.message, text)
    return true
  })

const timers = () => timersAtWork(opened, clock)

test('a key without material waits for it, and has it when it was imported', async () => {
  const KeyId = await newKey()
  assert.equal(await state(KeyId), 'PendingImport')
  await refused(
    rig.ask(root, 'Encrypt', { KeyId, Plaintext }),
    'KMSInvalidStateException',
    /is pending import\.$/,
  )
  const id = await bring(KeyId, randomBytes(32), { KeyMaterialDescription: 'of the safe' })
  const metadata = await describe(KeyId)
  assert.equal(metadata.KeyState, 'Enabled')
  assert.equal(metadata.CurrentKeyMaterialId, id)
  assert.equal(metadata.ExpirationModel, 'KEY_MATERIAL_DOES_NOT_EXPIRE')
  assert.deepEqual(
    (await rig.ask(root, 'Decrypt', { CiphertextBlob: await sealed(KeyId) })).Plaintext,
    Plaintext,
  )
  const [entry] = await listed(KeyId)
  assert.equal(entry?.KeyMaterialDescription, 'of the safe')
  assert.equal(entry?.ImportState, 'IMPORTED')
  assert.equal(entry?.KeyMaterialState, 'CURRENT')
})

test('material ids are random: the same material in two keys has two of them', async () => {
  const material = randomBytes(32)
  const [one, other] = [await bring(await newKey(), material), await bring(await newKey(), material)]
  assert.match(one, /^[0-9a-f]{64}$/)
  assert.notEqual(one, other)
  const rows = await opened.store.db
    .selectFrom('key_materials')
    .select('fingerprint')
    .where('material_id', 'in', [one, other])
    .execute()
  const [first, second] = rows.map(({ fingerprint }) => fingerprint?.toString('hex'))
  assert.ok(first)
  assert.notEqual(first, second, 'nobody sees in the database that they are the same')
})

test('deleted material makes the key wait for the same again, under the same id, and what was sealed opens', async () => {
  const KeyId = await newKey()
  const material = randomBytes(32)
  const id = await bring(KeyId, material, { KeyMaterialDescription: 'first' })
  const CiphertextBlob = await sealed(KeyId)
  assert.deepEqual((await rig.ask(root, 'DeleteImportedKeyMaterial', { KeyId })).KeyMaterialId, id)
  assert.equal(await state(KeyId), 'PendingImport')
  const row = await opened.store.db
    .selectFrom('key_materials')
    .select('wrapped')
    .where('key_id', '=', KeyId)
    .executeTakeFirst()
  assert.equal(row?.wrapped.length, 0)
  await refused(rig.ask(root, 'Decrypt', { CiphertextBlob }), 'KMSInvalidStateException')
  assert.equal((await listed(KeyId))[0]?.ImportState, 'PENDING_IMPORT')

  await refused(bring(KeyId, randomBytes(32)), 'IncorrectKeyMaterialException')
  assert.equal(await bring(KeyId, material), id)
  assert.equal(await state(KeyId), 'Enabled')
  assert.deepEqual((await rig.ask(root, 'Decrypt', { CiphertextBlob })).Plaintext, Plaintext)
  assert.equal((await listed(KeyId))[0]?.KeyMaterialDescription, 'first', 'what was said before is kept')
})

test('deleting what is not there changes nothing and answers', async () => {
  const KeyId = await newKey()
  const answer = await rig.ask(root, 'DeleteImportedKeyMaterial', { KeyId })
  assert.equal(answer.KeyMaterialId, undefined)
  assert.match(answer.KeyId ?? '', /^arn:/)
  const id = await bring(KeyId, randomBytes(32))
  await rig.ask(root, 'DeleteImportedKeyMaterial', { KeyId })
  assert.equal((await rig.ask(root, 'DeleteImportedKeyMaterial', { KeyId })).KeyMaterialId, id)
  assert.equal(await state(KeyId), 'PendingImport')
  const KeyMaterialId = '0'.repeat(64)
  await refused(rig.ask(root, 'DeleteImportedKeyMaterial', { KeyId, KeyMaterialId }), 'NotFoundException')
})

test('the expiry of material is set anew by importing it again', async () => {
  const KeyId = await newKey()
  const material = randomBytes(32)
  const soon = after(HOUR_MS)
  await bring(KeyId, material, { ValidTo: soon })
  assert.deepEqual((await describe(KeyId)).ValidTo, soon)
  assert.equal((await describe(KeyId)).ExpirationModel, 'KEY_MATERIAL_EXPIRES')
  const later = after(365 * DAY_MS)
  await bring(KeyId, material, { ValidTo: later })
  assert.deepEqual((await describe(KeyId)).ValidTo, later)
  await bring(KeyId, material)
  assert.equal((await describe(KeyId)).ValidTo, undefined)
  assert.equal((await describe(KeyId)).ExpirationModel, 'KEY_MATERIAL_DOES_NOT_EXPIRE')
})

test('material expires on time, with an event of its own, and is gone from the database', async () => {
  const KeyId = await newKey()
  const material = randomBytes(32)
  const id = await bring(KeyId, material, { ValidTo: after(2 * HOUR_MS) })
  const CiphertextBlob = await sealed(KeyId)
  const { ran, stop } = timers()
  await ran()
  let run = ran()
  clock.advance(HOUR_MS)
  await run
  assert.equal(await state(KeyId), 'Enabled')
  run = ran()
  clock.advance(HOUR_MS)
  assert.equal((await run)[0], true)
  await stop()
  assert.equal(await state(KeyId), 'PendingImport')
  const row = await opened.store.db
    .selectFrom('key_materials')
    .selectAll()
    .where('key_id', '=', KeyId)
    .executeTakeFirstOrThrow()
  assert.equal(row.wrapped.length, 0)
  assert.equal(row.valid_to, null)
  await refused(rig.ask(root, 'Decrypt', { CiphertextBlob }), 'KMSInvalidStateException', /pending import/)

  const events = (await recordsOf(KeyId)).filter(({ eventName }) => eventName === 'DeleteExpiredKeyMaterial')
  assert.equal(events.length, 1)
  assert.deepEqual(events[0]?.serviceEventDetails, { keyId: KeyId, keyMaterialId: id })
  assert.equal(events[0]?.eventType, 'AwsServiceEvent')

  assert.equal(await bring(KeyId, material), id)
  assert.deepEqual((await rig.ask(root, 'Decrypt', { CiphertextBlob })).Plaintext, Plaintext)
})

test('material that has expired is of no use while the timer waits, not even from the cache', async () => {
  const KeyId = await newKey()
  const material = randomBytes(32)
  await bring(KeyId, material, { ValidTo: after(HOUR_MS) })
  const CiphertextBlob = await sealed(KeyId)
  // Nothing runs.
  clock.advance(HOUR_MS - 1)
  assert.equal(await state(KeyId), 'Enabled')
  await rig.ask(root, 'Decrypt', { CiphertextBlob })
  clock.advance(1)
  assert.equal(await state(KeyId), 'PendingImport')
  assert.equal((await describe(KeyId)).ValidTo, undefined)
  assert.equal((await listed(KeyId))[0]?.ImportState, 'PENDING_IMPORT')
  for (const asking of [
    rig.ask(root, 'Decrypt', { CiphertextBlob }),
    rig.ask(root, 'Encrypt', { KeyId, Plaintext }),
    rig.ask(root, 'GenerateDataKey', { KeyId, KeySpec: 'AES_256' }),
    rig.ask(root, 'EnableKey', { KeyId }),
  ]) {
    await refused(asking, 'KMSInvalidStateException', /is pending import\.$/)
  }
  await bring(KeyId, material)
  assert.equal(await state(KeyId), 'Enabled')
  await rig.ask(root, 'Decrypt', { CiphertextBlob })
})

test('after a jump of the clock an expiry waits with what else cannot be undone', async () => {
  const KeyId = await newKey()
  await bring(KeyId, randomBytes(32), { ValidTo: after(HOUR_MS) })
  const before = timers()
  await before.ran()
  await before.stop()
  clock.advance(30 * DAY_MS)
  const { ran, stop } = timers()
  await ran()
  const lengthOf = async () => {
    const row = await opened.store.db
      .selectFrom('key_materials')
      .select('wrapped')
      .where('key_id', '=', KeyId)
      .executeTakeFirstOrThrow()
    return row.wrapped.length
  }
  assert.notEqual(await lengthOf(), 0)
  const run = ran()
  clock.advance(HOUR_MS)
  await run
  assert.equal(await lengthOf(), 0)
  await stop()
})

test('material that was imported for it becomes the current one by a rotation on demand, and the former one opens', async () => {
  const KeyId = await newKey()
  const [first, second] = [randomBytes(32), randomBytes(32)]
  const firstId = await bring(KeyId, first)
  const old = await sealed(KeyId)
  const nothing = /^No available key material pending rotation for the key: arn:/
  await refused(rig.ask(root, 'RotateKeyOnDemand', { KeyId }), 'KMSInvalidStateException', nothing)
  const secondId = await bring(KeyId, second, {
    ImportType: 'NEW_KEY_MATERIAL',
    KeyMaterialDescription: 'next',
  })
  assert.deepEqual(
    (await listed(KeyId)).map(({ KeyMaterialState, RotationType }) => [KeyMaterialState, RotationType]),
    [
      ['CURRENT', undefined],
      ['PENDING_ROTATION', undefined],
    ],
  )
  assert.equal((await describe(KeyId)).CurrentKeyMaterialId, firstId)
  assert.deepEqual((await rig.ask(root, 'ListKeyRotations', { KeyId })).Rotations, [])

  await rig.ask(root, 'RotateKeyOnDemand', { KeyId })
  assert.equal((await describe(KeyId)).CurrentKeyMaterialId, secondId)
  assert.equal((await rig.ask(root, 'Decrypt', { CiphertextBlob: old })).KeyMaterialId, firstId)
  const anew = await sealed(KeyId)
  assert.equal((await rig.ask(root, 'Decrypt', { CiphertextBlob: anew })).KeyMaterialId, secondId)
  assert.deepEqual(
    (await listed(KeyId)).map(({ KeyMaterialState, RotationType }) => [KeyMaterialState, RotationType]),
    [
      ['NON_CURRENT', undefined],
      ['CURRENT', 'ON_DEMAND'],
    ],
  )
  await refused(rig.ask(root, 'RotateKeyOnDemand', { KeyId }), 'KMSInvalidStateException', nothing)

  // Now it needs both.
  await rig.ask(root, 'DeleteImportedKeyMaterial', { KeyId, KeyMaterialId: firstId })
  assert.equal(await state(KeyId), 'PendingImport')
  await rig.ask(root, 'DeleteImportedKeyMaterial', { KeyId })
  await bring(KeyId, second)
  assert.equal(await state(KeyId), 'PendingImport')
  await bring(KeyId, first, { KeyMaterialId: firstId })
  assert.equal(await state(KeyId), 'Enabled')
  await rig.ask(root, 'Decrypt', { CiphertextBlob: old })
})

test('a key has one piece of material at most that waits, and forgets it whole when it is deleted or expires', async () => {
  const KeyId = await newKey()
  await bring(KeyId, randomBytes(32))
  const next = { ImportType: 'NEW_KEY_MATERIAL' } as const
  const pending = await bring(KeyId, randomBytes(32), next)
  await refused(bring(KeyId, randomBytes(32), next), 'KMSInvalidStateException')
  await rig.ask(root, 'DeleteImportedKeyMaterial', { KeyId, KeyMaterialId: pending })
  assert.equal(await state(KeyId), 'Enabled')
  assert.equal((await listed(KeyId)).length, 1)

  await bring(KeyId, randomBytes(32), { ...next, ValidTo: after(HOUR_MS) })
  assert.equal((await describe(KeyId)).ValidTo, undefined, 'the key does not need it yet')
  clock.advance(HOUR_MS)
  await refused(rig.ask(root, 'RotateKeyOnDemand', { KeyId }), 'KMSInvalidStateException')
  assert.equal(await state(KeyId), 'Enabled')
  const { ran, stop } = timers()
  await ran()
  await stop()
  assert.equal((await listed(KeyId)).length, 1)
  await bring(KeyId, randomBytes(32), next)
  await rig.ask(root, 'RotateKeyOnDemand', { KeyId })
})

test('new material is new, existing material exists, and an id is that of the material', async () => {
  const KeyId = await newKey()
  const [first, second] = [randomBytes(32), randomBytes(32)]
  const existing = { ImportType: 'EXISTING_KEY_MATERIAL' } as const
  await refused(bring(KeyId, first, existing), 'IncorrectKeyMaterialException')
  await refused(bring(KeyId, first, { KeyMaterialId: '1'.repeat(64) }), 'IncorrectKeyMaterialException')
  const firstId = await bring(KeyId, first)
  await refused(bring(KeyId, first, { ImportType: 'NEW_KEY_MATERIAL' }), 'IncorrectKeyMaterialException')
  await refused(bring(KeyId, second), 'IncorrectKeyMaterialException')
  await refused(
    bring(KeyId, second, { ImportType: 'NEW_KEY_MATERIAL', KeyMaterialId: firstId }),
    'ValidationException',
  )
  const secondId = await bring(KeyId, second, { ImportType: 'NEW_KEY_MATERIAL' })
  await refused(bring(KeyId, first, { KeyMaterialId: secondId }), 'IncorrectKeyMaterialException')
  assert.equal(await bring(KeyId, first, { ...existing, KeyMaterialId: firstId }), firstId)
  assert.equal(await bring(KeyId, second, existing), secondId)
})

test("the earliest expiry of what the key needs is the key's", async () => {
  const KeyId = await newKey()
  const second = randomBytes(32)
  const later = after(3 * DAY_MS)
  await bring(KeyId, randomBytes(32), { ValidTo: later })
  await bring(KeyId, second, { ImportType: 'NEW_KEY_MATERIAL', ValidTo: after(DAY_MS) })
  assert.deepEqual((await describe(KeyId)).ValidTo, later)
  await rig.ask(root, 'RotateKeyOnDemand', { KeyId })
  assert.deepEqual((await describe(KeyId)).ValidTo, after(DAY_MS))
  await bring(KeyId, second)
  assert.deepEqual((await describe(KeyId)).ValidTo, later)
})

test('a disabled key stays so when its material is imported again, and is enabled when it was gone', async () => {
  const KeyId = await newKey()
  const material = randomBytes(32)
  await bring(KeyId, material)
  await rig.ask(root, 'DisableKey', { KeyId })
  await bring(KeyId, material, { ValidTo: after(DAY_MS) })
  assert.equal(await state(KeyId), 'Disabled')
  await rig.ask(root, 'DeleteImportedKeyMaterial', { KeyId })
  assert.equal(await state(KeyId), 'PendingImport')
  await bring(KeyId, material)
  assert.equal(await state(KeyId), 'Enabled')
})

test('a key pending deletion stays so without its material, and waits for it when the deletion is cancelled', async () => {
  const KeyId = await newKey()
  const material = randomBytes(32)
  await bring(KeyId, material)
  const request = await sent(KeyId, material)
  await rig.ask(root, 'ScheduleKeyDeletion', { KeyId, PendingWindowInDays: 30 })
  await refused(
    rig.ask(root, 'ImportKeyMaterial', {
      KeyId,
      ...request,
      ExpirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE',
    }),
    'KMSInvalidStateException',
  )
  await refused(sent(KeyId, material), 'KMSInvalidStateException')
  await rig.ask(root, 'CancelKeyDeletion', { KeyId })
  assert.equal(await state(KeyId), 'Disabled')
  await rig.ask(root, 'ScheduleKeyDeletion', { KeyId, PendingWindowInDays: 30 })
  await rig.ask(root, 'DeleteImportedKeyMaterial', { KeyId })
  assert.equal(await state(KeyId), 'PendingDeletion')
  await rig.ask(root, 'CancelKeyDeletion', { KeyId })
  assert.equal(await state(KeyId), 'PendingImport')
})

test('a token is good for a day, and for one key', async () => {
  const KeyId = await newKey()
  const material = randomBytes(32)
  const model = { ExpirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE' } as const
  const request = await sent(KeyId, material)
  await refused(
    rig.ask(root, 'ImportKeyMaterial', { KeyId: await newKey(), ...request, ...model }),
    'InvalidImportTokenException',
  )
  clock.advance(DAY_MS - 1)
  await rig.ask(root, 'ImportKeyMaterial', { KeyId, ...request, ...model })
  clock.advance(1)
  await refused(
    rig.ask(root, 'ImportKeyMaterial', { KeyId, ...request, ...model }),
    'ExpiredImportTokenException',
  )
})

test('a key pair that never had material has no public key, and one that had keeps it through expiry', async () => {
  const KeyId = await newKey('ECC_NIST_P256', { KeyUsage: 'SIGN_VERIFY' })
  await refused(rig.ask(root, 'GetPublicKey', { KeyId }), 'KMSInvalidStateException', /is pending import\.$/)
  const symmetric = await newKey()
  await refused(rig.ask(root, 'GetPublicKey', { KeyId: symmetric }), 'UnsupportedOperationException')
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  const material = privateKey.export({ type: 'pkcs8', format: 'der' })
  await bring(KeyId, material, { ValidTo: after(HOUR_MS) })
  const signed = { KeyId, Message: Plaintext, SigningAlgorithm: 'ECDSA_SHA_256' } as const
  const { Signature } = await rig.ask(root, 'Sign', signed)
  assert.ok(Signature)
  clock.advance(HOUR_MS)
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  const shown = async () => (await rig.ask(root, 'GetPublicKey', { KeyId })).PublicKey
  assert.deepEqual(await shown(), spki)
  await refused(rig.ask(root, 'Verify', { ...signed, Signature }), 'KMSInvalidStateException')
  const { ran, stop } = timers()
  await ran()
  await stop()
  assert.deepEqual(await shown(), spki)
})

test('an expiry whose row was edited is not done and turns health red; the others are', async () => {
  const [edited, other] = [await newKey(), await newKey()]
  for (const KeyId of [edited, other]) await bring(KeyId, randomBytes(32), { ValidTo: after(HOUR_MS) })
  const describeMaterial = (description: string | null) =>
    rig.change(async (tx) => {
      await tx.db.updateTable('key_materials').set({ description }).where('key_id', '=', edited).execute()
    })
  await describeMaterial('edited')
  clock.advance(HOUR_MS)
  const { ran, stop } = timers()
  const [ok, reason] = await ran()
  assert.equal(ok, false)
  assert.match(reason ?? '', new RegExp(`the material of key us-east-1/${edited} cannot be deleted`))
  assert.deepEqual((await listed(other))[0]?.ImportState, 'PENDING_IMPORT')
  await describeMaterial(null)
  const mended = ran()
  clock.advance(60_000)
  assert.equal((await mended)[0], true)
  await stop()
})

test('policies can go by the wrapping and by the expiry that is asked for', async () => {
  const KeyId = await newKey()
  const allow = (condition: object) => ({
    Effect: 'Allow',
    Action: ['kms:GetParametersForImport', 'kms:ImportKeyMaterial'],
    Resource: '*',
    Condition: condition,
  })
  const careful = await rig.user({
    name: 'careful',
    allow: [
      allow({
        StringEquals: { 'kms:WrappingAlgorithm': 'RSAES_OAEP_SHA_256', 'kms:WrappingKeySpec': 'RSA_4096' },
      }),
      allow({
        StringEquals: { 'kms:ExpirationModel': 'KEY_MATERIAL_EXPIRES' },
        DateLessThan: { 'kms:ValidTo': after(30 * DAY_MS).toISOString() },
      }),
    ],
  })
  const as = await careful.standing()
  const get = (WrappingKeySpec: 'RSA_2048' | 'RSA_4096') =>
    rig.ask(as, 'GetParametersForImport', { KeyId, WrappingAlgorithm: 'RSAES_OAEP_SHA_256', WrappingKeySpec })
  await refused(get('RSA_2048'), 'AccessDeniedException')
  const { ImportToken, PublicKey } = await get('RSA_4096')
  assert.ok(ImportToken && PublicKey)
  const EncryptedKeyMaterial = wrapMaterial(PublicKey, 'RSAES_OAEP_SHA_256', randomBytes(32))
  const bringAs = (more: Partial<Import>) =>
    rig.ask(as, 'ImportKeyMaterial', { KeyId, ImportToken, EncryptedKeyMaterial, ...more })
  await refused(bringAs({ ExpirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE' }), 'AccessDeniedException')
  await refused(bringAs({ ValidTo: after(31 * DAY_MS) }), 'AccessDeniedException')
  await bringAs({ ValidTo: after(DAY_MS) })
})

interface JournalRecord {
  readonly eventName: string
  readonly eventType: string
  readonly serviceEventDetails?: object
  readonly resources?: readonly { readonly ARN: string }[]
}

/** Of a key, as far as the journal and what is on its way there have them. */
async function recordsOf(keyId: string): Promise<JournalRecord[]> {
  const rows = await opened.store.db.selectFrom('outbox').select('record').execute()
  return rows
    .map(({ record }) => JSON.parse(record) as JournalRecord)
    .filter(({ resources }) => resources?.some(({ ARN }) => ARN.endsWith(`/${keyId}`)))
}
