import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { test } from 'node:test'
import { kmsRig } from '../services/kms/testing/kms-rig.ts'
import { wholeFile } from '../testing/whole-file.ts'
import { timersAtWork } from './testing/timers-at-work.ts'

const DAY_MS = 86_400_000
const rig = await kmsRig(wholeFile())
const { clock, opened } = rig
const root = await rig.root()

const timers = (name: string) => timersAtWork(opened, clock, { name, jumpWaitMs: 0 })

async function newKey(request: object = {}): Promise<string> {
  const { KeyMetadata } = await rig.ask(root, 'CreateKey', request)
  return KeyMetadata?.KeyId ?? ''
}

const stateOf = (KeyId: string) =>
  rig.ask(root, 'DescribeKey', { KeyId }).then(
    ({ KeyMetadata }) => KeyMetadata?.KeyState,
    (error: { code?: string }) => error.code,
  )

/** The names of what a key left behind in the database. */
async function remains(keyId: string): Promise<string[]> {
  const { db } = opened.store
  const found: string[] = []
  for (const table of ['kms_keys', 'key_materials', 'aliases', 'grants'] as const) {
    const rows = await db.selectFrom(table).select('key_id').where('key_id', '=', keyId).execute()
    if (rows.length > 0) found.push(table)
  }
  return found
}

test('a cancellation in the last moment either keeps the key, whole, or comes too late; never both, never neither', async () => {
  const seen = new Set<string>()
  // How long a deletion takes, in turns of the loop, depends on the disk: the window follows what came about.
  let window = 16
  for (let round = 0; round < 40 || (seen.size < 2 && round < 400); round++) {
    const KeyId = await newKey()
    await rig.ask(root, 'CreateAlias', { AliasName: `alias/round-${round}`, TargetKeyId: KeyId })
    const { CiphertextBlob } = await rig.ask(root, 'Encrypt', { KeyId, Plaintext: Buffer.from('x') })
    assert.ok(CiphertextBlob)
    await rig.ask(root, 'ScheduleKeyDeletion', { KeyId, PendingWindowInDays: 7 })
    clock.advance(7 * DAY_MS)
    const process = timers(`round ${round}`)
    let over = false
    const ran = process.ran().finally(() => {
      over = true
    })
    for (let turns = randomInt(Math.ceil(window)); turns > 0 && !over; turns--) {
      await new Promise((resolve) => {
        setImmediate(resolve)
      })
    }
    const cancelled = await rig.ask(root, 'CancelKeyDeletion', { KeyId }).then(
      () => 'kept',
      (error: { code?: string }) => error.code,
    )
    await ran
    await process.stop()
    seen.add(String(cancelled))
    window = cancelled === 'kept' ? Math.min(2 ** 20, window * 1.5) : Math.max(1, window / 1.5)
    if (cancelled === 'kept') {
      assert.equal(await stateOf(KeyId), 'Disabled')
      await rig.ask(root, 'EnableKey', { KeyId })
      const opens = await rig.ask(root, 'Decrypt', { CiphertextBlob })
      assert.equal(Buffer.from(opens.Plaintext ?? []).toString(), 'x')
    } else {
      assert.equal(cancelled, 'NotFoundException')
      assert.equal(await stateOf(KeyId), 'NotFoundException')
      assert.deepEqual(await remains(KeyId), [])
    }
  }
  assert.equal(seen.size, 2, 'one of the outcomes never came about')
})

test('keys of every kind and state are deleted with all that they have, and the id never comes back', async () => {
  const grantee = await rig.user({ name: 'grantee' })
  const made: { KeyId: string; before: string }[] = []
  for (const [request, before] of [
    [{}, 'Enabled'],
    [{}, 'Disabled'],
    [{ KeySpec: 'RSA_2048', KeyUsage: 'SIGN_VERIFY' }, 'Enabled'],
    [{ KeySpec: 'ECC_NIST_P256', KeyUsage: 'KEY_AGREEMENT' }, 'Disabled'],
    [{ KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC' }, 'Enabled'],
    [{ KeySpec: 'ML_DSA_44', KeyUsage: 'SIGN_VERIFY' }, 'Enabled'],
    [{ Origin: 'EXTERNAL' }, 'PendingImport'],
  ] as const) {
    const KeyId = await newKey(request)
    await rig.ask(root, 'CreateAlias', { AliasName: `alias/${KeyId}`, TargetKeyId: KeyId })
    if (before !== 'PendingImport') {
      await rig.ask(root, 'CreateGrant', {
        KeyId,
        GranteePrincipal: grantee.arn,
        Operations: ['DescribeKey'],
      })
    }
    if (before === 'Disabled') await rig.ask(root, 'DisableKey', { KeyId })
    assert.equal(await stateOf(KeyId), before)
    const { DeletionDate, KeyState } = await rig.ask(root, 'ScheduleKeyDeletion', {
      KeyId,
      PendingWindowInDays: 7,
    })
    assert.equal(KeyState, 'PendingDeletion')
    assert.deepEqual(DeletionDate, new Date(clock.now() + 7 * DAY_MS))
    made.push({ KeyId, before })
  }
  clock.advance(7 * DAY_MS)
  const [one, other] = [timers('one'), timers('other')]
  await Promise.all([one.ran(), other.ran()])
  await one.stop()
  await other.stop()
  for (const { KeyId, before } of made) {
    assert.deepEqual(await remains(KeyId), [], before)
    assert.equal(await stateOf(KeyId), 'NotFoundException')
  }
  const { Grants = [] } = await rig.ask(root, 'ListRetirableGrants', { RetiringPrincipal: grantee.arn })
  assert.deepEqual(Grants, [])
})
