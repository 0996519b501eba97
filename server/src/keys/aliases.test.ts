import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { OpenedDeployment } from '../deployment/open-deployment.ts'
import { openHeld } from '../deployment/testing/deployment-fixture.ts'
import type { Transition } from '../store/store.ts'
import { keyEntityId, type StoredKey } from './key.ts'
import { createKey } from './testing/new-key.ts'

const region = 'us-east-1'
const keyA = '00000000-0000-4000-8000-00000000000a'
const keyB = '00000000-0000-4000-8000-00000000000b'

async function opening(t: { after(cleanUp: () => Promise<void> | void): void }) {
  const { opened, change } = await openHeld(t)
  const { keys, aliases, firstAccountId: accountId } = opened
  const key = async (tx: Transition, keyId: string): Promise<StoredKey> => {
    const found = await keys.read(tx.db, region, keyId)
    assert.ok(found)
    return found
  }
  for (const keyId of [keyA, keyB]) await createKey(opened, keyId)
  const id = (name: string) => ({ accountId, region, name: `alias/${name}` })
  const add = (name: string, keyId: string) =>
    change(async (tx) => aliases.create(tx, id(name), await key(tx, keyId)))
  return { opened, change, key, id, add }
}

async function namesOf({ keys, store }: OpenedDeployment, keyId: string): Promise<readonly string[]> {
  const [stored, loaded] = [await keys.read(store.db, region, keyId), await keys.load(region, keyId)]
  assert.deepEqual(loaded?.value.key.aliasNames, stored?.key.aliasNames)
  return stored?.key.aliasNames ?? []
}

test('a key knows the names of its aliases, in order, through every change', async (t) => {
  const { opened, change, key, id, add } = await opening(t)
  assert.deepEqual(await namesOf(opened, keyA), [])
  await add('b', keyA)
  await add('a', keyA)
  await add('c', keyB)
  assert.deepEqual(await namesOf(opened, keyA), ['alias/a', 'alias/b'])
  const { aliases } = opened
  const aliasOf = async (tx: Transition, name: string) => {
    const found = await aliases.read(tx.db, id(name))
    assert.ok(found)
    return found
  }
  const before = [await opened.keys.load(region, keyA), await opened.keys.load(region, keyB)]
  await change(async (tx) =>
    aliases.move(tx, await aliasOf(tx, 'b'), await key(tx, keyA), await key(tx, keyB)),
  )
  assert.deepEqual(
    before.map((entry) => entry?.valid),
    [false, false],
  )
  assert.deepEqual(await namesOf(opened, keyA), ['alias/a'])
  assert.deepEqual(await namesOf(opened, keyB), ['alias/b', 'alias/c'])
  // One that stays where it is.
  await change(async (tx) =>
    aliases.move(tx, await aliasOf(tx, 'b'), await key(tx, keyB), await key(tx, keyB)),
  )
  await change(async (tx) => aliases.remove(tx, await aliasOf(tx, 'c'), await key(tx, keyB)))
  assert.deepEqual(await namesOf(opened, keyB), ['alias/b'])
})

test('a change of a key keeps the names of its aliases', async (t) => {
  const { opened, change, key, add } = await opening(t)
  await add('kept', keyA)
  await change(async (tx) => {
    const changed = await opened.keys.change(tx, await key(tx, keyA), { description: 'other' })
    assert.deepEqual(changed.aliasNames, ['alias/kept'])
  })
  assert.deepEqual(await namesOf(opened, keyA), ['alias/kept'])
})

test("a row of before it held its aliases' names has those of the table", async (t) => {
  const { opened, change, key, id, add } = await opening(t)
  await add('b', keyA)
  await add('a', keyA)
  await change(async (tx) => {
    await opened.store.rows.update(tx, 'kms_keys', (await key(tx, keyA)).row, { alias_names: null })
    tx.changed('key', keyEntityId(region, keyA))
  })
  assert.deepEqual(await namesOf(opened, keyA), ['alias/a', 'alias/b'])
  await add('c', keyA)
  assert.deepEqual(await namesOf(opened, keyA), ['alias/a', 'alias/b', 'alias/c'])
  const entry = opened.aliases.find(id('c')) ?? (await opened.aliases.load(id('c')))
  assert.equal(entry?.value.keyId, keyA)
})
