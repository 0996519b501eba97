import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { kmsClient, newKey } from '../kms-client.ts'
import { assertRefused } from '../refusal.ts'
import { runKeywright, startServer, temporaryFolder } from '../server-process.ts'

const server = await startServer({
  args: ['--quota-keys', '3', '--quota-aliases-per-key', '2', '--quota-grants-per-key', '2'],
})
after(() => server.stop())
const kms = kmsClient(server)
const limit = 'LimitExceededException'

test('an account has as many aliases and grants on a key as its quota says', async () => {
  const europe = kmsClient(server, { region: 'eu-west-1' })
  const { id: KeyId } = await newKey(europe)
  const { id: other } = await newKey(europe)
  for (const name of ['one', 'two'])
    await europe.createAlias({ AliasName: `alias/${name}`, TargetKeyId: KeyId })
  const aliases = 'Aliases per key quota for this account in this region is 2, current usage is 2.'
  await assertRefused(europe.createAlias({ AliasName: 'alias/three', TargetKeyId: KeyId }), limit, aliases)
  await europe.createAlias({ AliasName: 'alias/three', TargetKeyId: other })
  await assertRefused(europe.updateAlias({ AliasName: 'alias/three', TargetKeyId: KeyId }), limit, aliases)
  await europe.deleteAlias({ AliasName: 'alias/one' })
  await europe.updateAlias({ AliasName: 'alias/three', TargetKeyId: KeyId })

  const grant = {
    KeyId,
    GranteePrincipal: 'arn:aws:iam::000000000000:root',
    Operations: ['Encrypt'],
  } as const
  const made = (Name: string) => europe.createGrant({ ...grant, Name, Operations: [...grant.Operations] })
  const { GrantId } = await made('one')
  await made('two')
  const grants = 'Grants per key quota for this account in this region is 2, current usage is 2.'
  await assertRefused(made('three'), limit, grants)
  // One that is there already needs no room.
  assert.equal((await made('one')).GrantId, GrantId)
  await europe.revokeGrant({ KeyId, GrantId })
  await made('three')
})

test('an account has as many keys in a Region as its quota says, in whatever state', async () => {
  const [first] = [await newKey(kms), await newKey(kms), await newKey(kms)]
  const full = 'Key quota for this account in this region is 3 but the current usage is 3.'
  await assertRefused(kms.createKey({}), limit, full)
  await kms.scheduleKeyDeletion({ KeyId: first.id, PendingWindowInDays: 7 })
  await assertRefused(kms.createKey({}), limit, full)
  await assertRefused(kms.createKey({ Origin: 'EXTERNAL' }), limit, full)
  await newKey(kmsClient(server, { region: 'ap-south-1' }))
})

test('a replica needs room in its own Region', async () => {
  const [here, there] = [
    kmsClient(server, { region: 'us-west-1' }),
    kmsClient(server, { region: 'us-west-2' }),
  ]
  const { id: KeyId } = await newKey(here, { MultiRegion: true })
  for (let n = 0; n < 3; n++) await newKey(there)
  await assertRefused(
    here.replicateKey({ KeyId, ReplicaRegion: 'us-west-2' }),
    limit,
    /^Key quota .* is 3\.$/,
  )
})

test('a quota that nobody could keep is refused at the start', async () => {
  for (const quota of [
    ['--quota-keys', '0'],
    ['--quota-aliases-per-key', '1001'],
    ['--quota-grants-per-key', 'x'],
  ]) {
    const { code } = await runKeywright(['serve', '--port', '0', ...quota], { dataDir: temporaryFolder() })
    assert.equal(code, 2)
  }
})
