import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { kmsClient, newKey } from '../kms-client.ts'
import { assertRefused } from '../refusal.ts'
import { startServer } from '../server-process.ts'

const server = await startServer()
const kms = kmsClient(server)
after(() => server.stop())

const arnOf = (name: string) => `arn:aws:kms:us-east-1:000000000000:${name}`
const prefixText =
  /^Alias must start with the prefix "alias\/"\. Please see https:\/\/docs\.aws\.amazon\.com\/kms\/latest\/developerguide\/\S+$/

async function aliasesOf(KeyId: string): Promise<string[]> {
  return (await kms.listAliases({ KeyId })).Aliases?.map((alias) => alias.AliasName ?? '') ?? []
}

test('an alias names its key from its creation on, and is listed with its ARN and dates', async () => {
  const key = await newKey(kms)
  const before = Date.now()
  await kms.createAlias({ AliasName: 'alias/app/first_key-1', TargetKeyId: key.id })
  const { Aliases = [] } = await kms.listAliases({ KeyId: key.arn })
  const [{ CreationDate, LastUpdatedDate, ...alias } = {}] = Aliases
  assert.equal(Aliases.length, 1)
  assert.deepEqual(alias, {
    AliasName: 'alias/app/first_key-1',
    AliasArn: arnOf('alias/app/first_key-1'),
    TargetKeyId: key.id,
  })
  assert.ok((CreationDate?.getTime() ?? 0) >= before - 1)
  assert.deepEqual(LastUpdatedDate, CreationDate)
  for (const KeyId of ['alias/app/first_key-1', arnOf('alias/app/first_key-1')]) {
    assert.equal((await kms.describeKey({ KeyId })).KeyMetadata?.KeyId, key.id)
  }
})

test('an updated alias names the new key at once, for use and for description', async () => {
  const [old, next] = [await newKey(kms), await newKey(kms)]
  await kms.createAlias({ AliasName: 'alias/moving', TargetKeyId: old.arn })
  const sealed = await kms.encrypt({ KeyId: 'alias/moving', Plaintext: Buffer.from('before') })
  assert.equal(sealed.KeyId, old.arn)
  await kms.updateAlias({ AliasName: 'alias/moving', TargetKeyId: next.id })
  assert.equal(
    (await kms.encrypt({ KeyId: 'alias/moving', Plaintext: Buffer.from('after') })).KeyId,
    next.arn,
  )
  assert.equal((await kms.describeKey({ KeyId: 'alias/moving' })).KeyMetadata?.KeyId, next.id)
  assert.deepEqual([await aliasesOf(old.id), await aliasesOf(next.id)], [[], ['alias/moving']])
  const opened = await kms.decrypt({ CiphertextBlob: sealed.CiphertextBlob })
  assert.equal(Buffer.from(opened.Plaintext ?? []).toString(), 'before')
  const [alias] = (await kms.listAliases({ KeyId: next.id })).Aliases ?? []
  assert.ok((alias?.LastUpdatedDate ?? 0) >= (alias?.CreationDate ?? 1))
  await assertRefused(
    kms.decrypt({ CiphertextBlob: sealed.CiphertextBlob, KeyId: 'alias/moving' }),
    'IncorrectKeyException',
    'The key ID in the request does not identify a CMK that can perform this operation.',
  )
})

test('a deleted alias names nothing, and its name is free again', async () => {
  const key = await newKey(kms)
  await kms.createAlias({ AliasName: 'alias/short', TargetKeyId: key.id })
  await kms.encrypt({ KeyId: 'alias/short', Plaintext: Buffer.from('x') })
  await kms.deleteAlias({ AliasName: 'alias/short' })
  const gone = `Alias ${arnOf('alias/short')} is not found.`
  await assertRefused(
    kms.encrypt({ KeyId: 'alias/short', Plaintext: Buffer.from('x') }),
    'NotFoundException',
    gone,
  )
  await assertRefused(kms.describeKey({ KeyId: 'alias/short' }), 'NotFoundException', gone)
  await assertRefused(kms.deleteAlias({ AliasName: 'alias/short' }), 'NotFoundException', gone)
  await assertRefused(
    kms.updateAlias({ AliasName: 'alias/short', TargetKeyId: key.id }),
    'NotFoundException',
    gone,
  )
  await kms.createAlias({ AliasName: 'alias/short', TargetKeyId: key.id })
})

test('a name is taken once, also by another case of it not', async () => {
  const key = await newKey(kms)
  await kms.createAlias({ AliasName: 'alias/taken', TargetKeyId: key.id })
  await assertRefused(
    kms.createAlias({ AliasName: 'alias/taken', TargetKeyId: key.id }),
    'AlreadyExistsException',
    `An alias with the name ${arnOf('alias/taken')} already exists`,
  )
  await kms.createAlias({ AliasName: 'alias/Taken', TargetKeyId: key.id })
  assert.deepEqual((await aliasesOf(key.id)).toSorted(), ['alias/Taken', 'alias/taken'])
})

test('of many who make one alias at once, one succeeds and the others are told', async () => {
  const keys = await Promise.all(Array.from({ length: 6 }, () => newKey(kms)))
  const outcomes = await Promise.allSettled(
    keys.map(({ id }) => kms.createAlias({ AliasName: 'alias/contended', TargetKeyId: id })),
  )
  const winners = keys.filter((_, index) => outcomes[index]?.status === 'fulfilled')
  const losses = outcomes.flatMap((each) => (each.status === 'rejected' ? [(each.reason as Error).name] : []))
  assert.deepEqual(losses, Array<string>(5).fill('AlreadyExistsException'))
  assert.equal((await kms.describeKey({ KeyId: 'alias/contended' })).KeyMetadata?.KeyId, winners[0]?.id)
})

test('names of the wrong form are refused in each operation that takes one', async () => {
  const { id: TargetKeyId } = await newKey(kms)
  const calls = [
    (AliasName: string) => kms.createAlias({ AliasName, TargetKeyId }),
    (AliasName: string) => kms.updateAlias({ AliasName, TargetKeyId }),
    (AliasName: string) => kms.deleteAlias({ AliasName }),
  ]
  for (const call of calls) {
    await assertRefused(call('no-prefix'), 'ValidationException', prefixText)
    await assertRefused(call('ALIAS/upper'), 'ValidationException', prefixText)
    await assertRefused(call('alias/with:colon'), 'ValidationException', /alias\/with:colon/)
    await assertRefused(call('alias/'), 'ValidationException', /./)
    await assertRefused(
      call('alias/with space'),
      'ValidationException',
      "1 validation error detected: Value 'alias/with space' at 'aliasName' failed to satisfy constraint: " +
        'Member must satisfy regular expression pattern: ^[a-zA-Z0-9:/_-]+$',
    )
    await assertRefused(
      call(`alias/${'x'.repeat(251)}`),
      'ValidationException',
      /^1 validation error detected: Value 'alias\/x+' at 'aliasName' failed to satisfy constraint: Member must have length less than or equal to 256$/,
    )
  }
  await kms.createAlias({ AliasName: `alias/${'x'.repeat(250)}`, TargetKeyId })
})

test("AWS's own aliases can be neither made, moved nor removed", async () => {
  const { id: TargetKeyId } = await newKey(kms)
  const AliasName = 'alias/aws/mine'
  await assertRefused(kms.createAlias({ AliasName, TargetKeyId }), 'InvalidAliasNameException', /./)
  await assertRefused(kms.updateAlias({ AliasName, TargetKeyId }), 'ValidationException', /./)
  await assertRefused(kms.deleteAlias({ AliasName }), 'ValidationException', /./)
  assert.deepEqual(await aliasesOf(TargetKeyId), [])
})

test('an alias needs a key that is there and not pending deletion', async () => {
  const missing = '12345678-1234-4234-8234-123456789012'
  await assertRefused(
    kms.createAlias({ AliasName: 'alias/lost', TargetKeyId: missing }),
    'NotFoundException',
    `Key 'arn:aws:kms:us-east-1:000000000000:key/${missing}' does not exist`,
  )
  const [doomed, kept] = [await newKey(kms), await newKey(kms)]
  await kms.createAlias({ AliasName: 'alias/of-doomed', TargetKeyId: doomed.id })
  await kms.scheduleKeyDeletion({ KeyId: doomed.id, PendingWindowInDays: 7 })
  const pending = `${doomed.arn} is pending deletion.`
  await assertRefused(
    kms.createAlias({ AliasName: 'alias/lost', TargetKeyId: doomed.id }),
    'KMSInvalidStateException',
    pending,
  )
  await kms.createAlias({ AliasName: 'alias/of-kept', TargetKeyId: kept.id })
  await assertRefused(
    kms.updateAlias({ AliasName: 'alias/of-kept', TargetKeyId: doomed.id }),
    'KMSInvalidStateException',
    pending,
  )
  // The alias of the key that goes may be moved to one that stays.
  await kms.updateAlias({ AliasName: 'alias/of-doomed', TargetKeyId: kept.id })
  assert.deepEqual(await aliasesOf(kept.id), ['alias/of-doomed', 'alias/of-kept'])
})

test('a key has at most 50 aliases', async () => {
  const [full, other] = [await newKey(kms), await newKey(kms)]
  for (let i = 0; i < 50; i++) await kms.createAlias({ AliasName: `alias/many/${i}`, TargetKeyId: full.id })
  await assertRefused(
    kms.createAlias({ AliasName: 'alias/many/50', TargetKeyId: full.id }),
    'LimitExceededException',
    /./,
  )
  await kms.createAlias({ AliasName: 'alias/many/50', TargetKeyId: other.id })
  await assertRefused(
    kms.updateAlias({ AliasName: 'alias/many/50', TargetKeyId: full.id }),
    'LimitExceededException',
    /./,
  )
  // An alias that stays where it is needs no room.
  await kms.updateAlias({ AliasName: 'alias/many/0', TargetKeyId: full.id })
  await kms.deleteAlias({ AliasName: 'alias/many/7' })
  await kms.updateAlias({ AliasName: 'alias/many/50', TargetKeyId: full.id })
  assert.deepEqual(await aliasesOf(other.id), [])
})
