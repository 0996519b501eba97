import assert from 'node:assert/strict'
import { createSecretKey, randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { systemRandom } from '../crypto/random.ts'
import { CorruptRowError, openStore, type Transition } from '../store/store.ts'
import { heldClock } from '../testing/held-clock.ts'
import { createMfaAttempts } from './mfa-attempts.ts'
import { createMfaDevices, type StoredMfaDevice } from './mfa-devices.ts'
import { codeOfStep, stepOf } from './mfa-totp.ts'
import type { Db } from '../store/db.ts'

const serialNumber = 'arn:aws:iam::111122223333:mfa/alice'
const principalId = 'AIDAALICE'
const STEP_MS = 30_000

async function rig(t: TestContext) {
  const directory = mkdtempSync(join(tmpdir(), 'keywright-mfa-'))
  const clock = heldClock()
  const store = await openStore({ engine: 'sqlite', file: join(directory, 'keywright.db') }, { clock })
  t.after(async () => {
    await store.close()
    rmSync(directory, { recursive: true })
  })
  store.authenticateWith(createSecretKey(randomBytes(32)))
  const secretsKey = createSecretKey(randomBytes(32))
  const node = () => createMfaDevices({ store, secretsKey, random: systemRandom, now: () => clock.now() })
  const devices = node()
  const change = <T>(work: (tx: Transition) => Promise<T>): Promise<T> =>
    store.transition((tx) => {
      tx.unrecorded = 'a test'
      return work(tx)
    })
  const read = async (tx: { readonly db: Db } = store): Promise<StoredMfaDevice> => {
    const stored = await devices.read(tx.db, serialNumber)
    assert.ok(stored)
    return stored
  }
  const { seed } = await change((tx) =>
    devices.create(tx, { serialNumber, accountId: '111122223333', tags: [] }),
  )
  const code = (stepsOff = 0) => codeOfStep(seed, stepOf(clock.now()) + stepsOff)
  const enable = () =>
    change(async (tx) => devices.enable(tx, await read(tx), principalId, [code(-1), code()]))
  const accept = (text: string, by = devices) => change(async (tx) => by.accept(tx, await read(tx), text))
  return { store, clock, node, devices, change, read, seed, code, enable, accept }
}

test('a device is enabled by two codes in a row, and then belongs to its user', async (t) => {
  const { clock, devices, change, read, code, enable } = await rig(t)
  const wrong = await change(async (tx) => devices.enable(tx, await read(tx), principalId, [code(), code()]))
  assert.equal(wrong, false)
  assert.equal((await read()).device.principalId, undefined)
  assert.equal(await enable(), true)
  const { device } = await read()
  assert.equal(device.principalId, principalId)
  assert.equal(device.enabledAtMs, clock.now())
})

test('a code is accepted once over all nodes, that by which the device was enabled included', async (t) => {
  const { clock, node, code, enable, accept } = await rig(t)
  await enable()
  assert.equal(await accept(code()), false)
  clock.advance(STEP_MS)
  const now = code()
  assert.equal(await accept(now), true)
  assert.equal(await accept(now), false)
  assert.equal(await accept(now, node()), false)
  assert.equal(await accept(code(-1), node()), false)
  assert.equal(await accept(code(1), node()), true)
})

test('of two nodes that get one code at the same moment one accepts it', async (t) => {
  const { clock, node, code, enable, accept } = await rig(t)
  await enable()
  clock.advance(2 * STEP_MS)
  const text = code()
  const both = await Promise.all([accept(text), accept(text, node())])
  assert.deepEqual(both.toSorted(), [false, true])
})

test('a code that is checked is not accepted by that', async (t) => {
  const { clock, devices, read, code, enable, accept } = await rig(t)
  await enable()
  clock.advance(STEP_MS)
  assert.equal(devices.check(await read(), code()), true)
  assert.equal(devices.check(await read(), code(5)), false)
  assert.equal(await accept(code()), true)
  assert.equal(devices.check(await read(), code()), false)
})

test('a device that is taken away from its user keeps which codes were used', async (t) => {
  const { clock, devices, change, read, code, enable, accept } = await rig(t)
  await enable()
  clock.advance(STEP_MS)
  assert.equal(await accept(code()), true)
  await change(async (tx) => devices.deactivate(tx, await read(tx)))
  assert.equal((await read()).device.principalId, undefined)
  assert.equal(await enable(), false)
  clock.advance(2 * STEP_MS)
  assert.equal(await enable(), true)
})

test('the seed is stored wrapped, and bound to its device', async (t) => {
  const { store, seed, devices, read, change, code } = await rig(t)
  const { row } = await read()
  assert.ok(!row.wrapped_seed.includes(seed))
  const other = 'arn:aws:iam::111122223333:mfa/mallory'
  await change((tx) => devices.create(tx, { serialNumber: other, accountId: '111122223333', tags: [] }))
  // Whoever writes the database puts the seed of a device that it owns into another's row.
  const stored = await devices.read(store.db, other)
  assert.ok(stored)
  const forged = { ...row, wrapped_seed: stored.row.wrapped_seed }
  assert.throws(() => devices.check({ ...stored, row: forged }, code()))
  await change((tx) =>
    tx.db
      .updateTable('mfa_devices')
      .set({ wrapped_seed: stored.row.wrapped_seed })
      .where('serial_number', '=', serialNumber)
      .execute(),
  )
  await assert.rejects(devices.read(store.db, serialNumber), CorruptRowError)
})

test('lists are of an account or a principal, in pages', async (t) => {
  const { store, devices, change, enable } = await rig(t)
  await enable()
  for (const name of ['b', 'c']) {
    const serial = `arn:aws:iam::111122223333:mfa/${name}`
    await change((tx) => devices.create(tx, { serialNumber: serial, accountId: '111122223333', tags: [] }))
  }
  const accountId = '111122223333'
  const names = async (page: Parameters<typeof devices.list>[2]) =>
    (await devices.list(store.db, { accountId }, page)).map((device) => device.serialNumber.split('/').at(-1))
  assert.deepEqual(await names({ after: '', limit: 2 }), ['alice', 'b'])
  assert.deepEqual(await names({ after: 'arn:aws:iam::111122223333:mfa/b', limit: 2 }), ['c'])
  assert.deepEqual(await names({ after: '', limit: 9, assigned: true }), ['alice'])
  assert.deepEqual(await names({ after: '', limit: 9, assigned: false }), ['b', 'c'])
  assert.equal((await devices.list(store.db, { principalId }, { after: '', limit: 9 })).length, 1)
  assert.equal(await devices.countOf(store.db, principalId), 1)
})

test('guessing is made slow: after five wrong codes there is one try in thirty seconds', () => {
  const clock = heldClock()
  const attempts = createMfaAttempts(() => clock.now())
  for (let i = 0; i < 5; i++) {
    assert.equal(attempts.allows('a'), true)
    attempts.failed('a')
  }
  assert.equal(attempts.allows('a'), false)
  assert.equal(attempts.allows('b'), true)
  clock.advance(STEP_MS)
  assert.equal(attempts.allows('a'), true)
  attempts.failed('a')
  assert.equal(attempts.allows('a'), false)
  clock.advance(STEP_MS)
  attempts.succeeded('a')
  assert.equal(attempts.allows('a'), true)
})
