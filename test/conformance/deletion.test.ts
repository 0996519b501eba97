import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { kmsClient, newKey } from '../kms-client.ts'
import { assertRefused } from '../refusal.ts'
import { clockAhead, startServer, temporaryFolder } from '../server-process.ts'

const DAY_MS = 86_400_000
const dataDir = join(temporaryFolder(), 'data')
const server = await startServer({ dataDir })
const kms = kmsClient(server)
after(() => server.stop())

test('a deletion is scheduled after 30 days unless told otherwise, and the answer says when', async () => {
  for (const [PendingWindowInDays, days] of [
    [undefined, 30],
    [7, 7],
    [30, 30],
  ] as const) {
    const { id, arn } = await newKey(kms)
    const before = Date.now()
    const answer = await kms.scheduleKeyDeletion({ KeyId: id, PendingWindowInDays })
    const dueIn = (answer.DeletionDate?.getTime() ?? 0) - before
    assert.ok(Math.abs(dueIn - days * DAY_MS) < 60_000, `${dueIn} ms`)
    assert.equal(answer.KeyId, arn)
    assert.equal(answer.KeyState, 'PendingDeletion')
    assert.equal(answer.PendingWindowInDays, days)
    const { KeyMetadata } = await kms.describeKey({ KeyId: id })
    assert.equal(KeyMetadata?.KeyState, 'PendingDeletion')
    assert.equal(KeyMetadata?.Enabled, false)
    assert.deepEqual(KeyMetadata?.DeletionDate, answer.DeletionDate)
    assert.equal(KeyMetadata?.PendingDeletionWindowInDays, undefined)
  }
})

test('the waiting period is 7 to 30 days', async () => {
  const { id } = await newKey(kms)
  for (const PendingWindowInDays of [0, 6, 31, 365, -7]) {
    await assertRefused(
      kms.scheduleKeyDeletion({ KeyId: id, PendingWindowInDays }),
      'ValidationException',
      /./,
    )
  }
  assert.equal((await kms.describeKey({ KeyId: id })).KeyMetadata?.KeyState, 'Enabled')
})

test('a deletion cannot be scheduled twice, and cancelling leaves the key disabled', async () => {
  const { id, arn } = await newKey(kms)
  const { CiphertextBlob } = await kms.encrypt({ KeyId: id, Plaintext: Buffer.from('kept') })
  await assertRefused(
    kms.cancelKeyDeletion({ KeyId: id }),
    'KMSInvalidStateException',
    `${arn} is not pending deletion.`,
  )
  await kms.scheduleKeyDeletion({ KeyId: arn })
  await assertRefused(
    kms.scheduleKeyDeletion({ KeyId: id }),
    'KMSInvalidStateException',
    `${arn} is pending deletion.`,
  )
  assert.equal((await kms.cancelKeyDeletion({ KeyId: id })).KeyId, arn)
  const { KeyMetadata } = await kms.describeKey({ KeyId: id })
  assert.equal(KeyMetadata?.KeyState, 'Disabled')
  assert.equal(KeyMetadata?.DeletionDate, undefined)
  await assertRefused(kms.decrypt({ CiphertextBlob }), 'DisabledException', `${arn} is disabled.`)
  await kms.enableKey({ KeyId: id })
  assert.equal(Buffer.from((await kms.decrypt({ CiphertextBlob })).Plaintext ?? []).toString(), 'kept')
  await kms.scheduleKeyDeletion({ KeyId: id })
  await kms.cancelKeyDeletion({ KeyId: arn })
})

test('of many who schedule a deletion at once, one succeeds', async () => {
  const { id } = await newKey(kms)
  const windows = [7, 9, 11, 13]
  const outcomes = await Promise.allSettled(
    windows.map((PendingWindowInDays) => kms.scheduleKeyDeletion({ KeyId: id, PendingWindowInDays })),
  )
  const dates = outcomes.flatMap((each) => (each.status === 'fulfilled' ? [each.value.DeletionDate] : []))
  assert.equal(dates.length, 1)
  assert.deepEqual((await kms.describeKey({ KeyId: id })).KeyMetadata?.DeletionDate, dates[0])
})

test('when it is due, also while nothing ran, the key is gone with its aliases, and no other key', async () => {
  const [doomed, saved, later] = [await newKey(kms), await newKey(kms), await newKey(kms)]
  await kms.createAlias({ AliasName: 'alias/doomed', TargetKeyId: doomed.id })
  await kms.createAlias({ AliasName: 'alias/later', TargetKeyId: later.id })
  const seal = async (KeyId: string) =>
    (await kms.encrypt({ KeyId, Plaintext: Buffer.from('x') })).CiphertextBlob
  const [sealedByDoomed, sealedByLater] = [await seal(doomed.id), await seal(later.id)]
  await kms.scheduleKeyDeletion({ KeyId: doomed.id, PendingWindowInDays: 7 })
  await kms.scheduleKeyDeletion({ KeyId: saved.id, PendingWindowInDays: 7 })
  await kms.scheduleKeyDeletion({ KeyId: later.id, PendingWindowInDays: 10 })
  await kms.cancelKeyDeletion({ KeyId: saved.id })
  assert.equal(await server.stop(), 0)

  // The clock has jumped, for all that the server knows; it is told not to wait for somebody to look.
  const env = { KEYWRIGHT_CLOCK_JUMP_WAIT_MS: '0' }
  const future = await startServer({ dataDir, nodeArgs: clockAhead(8 * DAY_MS), env })
  after(() => future.stop())
  const client = kmsClient(future, { clockAheadMs: 8 * DAY_MS })
  const missing = `Key '${doomed.arn}' does not exist`
  // The deletion runs beside the first requests.
  const deadline = performance.now() + 10_000
  const states = new Set<string | undefined>()
  let gone: Error | undefined
  while (gone === undefined) {
    assert.ok(performance.now() < deadline, 'the key is still there')
    await client.describeKey({ KeyId: doomed.id }).then(
      ({ KeyMetadata }) => states.add(KeyMetadata?.KeyState),
      (error: Error) => (gone = error),
    )
  }
  assert.deepEqual([gone.name, gone.message], ['NotFoundException', missing])
  assert.ok(states.size === 0 || states.has('PendingDeletion'), [...states].join())
  assert.ok(states.size < 2)
  await assertRefused(client.cancelKeyDeletion({ KeyId: doomed.id }), 'NotFoundException', missing)
  await assertRefused(
    client.decrypt({ KeyId: doomed.id, CiphertextBlob: sealedByDoomed }),
    'NotFoundException',
    missing,
  )
  await assertRefused(
    client.decrypt({ CiphertextBlob: sealedByDoomed }),
    'AccessDeniedException',
    /this ciphertext/,
  )
  await assertRefused(
    client.describeKey({ KeyId: 'alias/doomed' }),
    'NotFoundException',
    /alias\/doomed is not found/,
  )
  const { Aliases = [] } = await client.listAliases({})
  assert.deepEqual(
    Aliases.map((alias) => alias.AliasName),
    ['alias/later'],
  )
  const ids = (await client.listKeys({ Limit: 1000 })).Keys?.map((key) => key.KeyId) ?? []
  assert.deepEqual(
    [doomed, saved, later].map(({ id }) => ids.includes(id)),
    [false, true, true],
  )
  assert.equal((await client.describeKey({ KeyId: later.id })).KeyMetadata?.KeyState, 'PendingDeletion')
  await client.cancelKeyDeletion({ KeyId: later.id })
  await client.enableKey({ KeyId: later.id })
  assert.equal((await client.decrypt({ CiphertextBlob: sealedByLater })).KeyId, later.arn)
  // The name is free again.
  await client.createAlias({ AliasName: 'alias/doomed', TargetKeyId: saved.id })
})
