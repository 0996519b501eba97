import assert from 'node:assert/strict'
import { test } from 'node:test'
import { quietLog } from '../deployment/testing/deployment-fixture.ts'
import type { Keys } from '../keys/keys.ts'
import { keyRotations } from '../schedule/key-rotations.ts'
import { heldClock } from '../testing/held-clock.ts'
import { createLinkedSets } from './linked-sets.ts'
import { away, link, materialsOf, newLinkedSet, openSide, rotate, settle } from './testing/linked-pair.ts'

test('while a deployment is away the timer makes new material once, however often it looks', async (t) => {
  const clock = heldClock()
  const one = await openSide(t, 'us-east-1', clock)
  const other = await openSide(t, 'eu-west-1', clock)
  await link(one, other)
  const keyId = await newLinkedSet(one, other)
  const { keys, store } = one.opened
  await one.change(async (tx) => {
    const stored = await keys.read(tx.db, one.region, keyId)
    assert(stored)
    const rotated = { rotation: { periodDays: 90, fromMs: clock.now() } }
    await keys.sets.share(tx, await keys.change(tx, stored, rotated))
  })
  await settle(one, other)
  one.exchange = away
  clock.advance(91 * 86_400_000)
  let made = 0
  const counting: Keys = {
    ...keys,
    newMaterial(...of) {
      made++
      return keys.newMaterial(...of)
    },
  }
  const rotations = keyRotations({ store, keys: counting, clock, log: quietLog })
  for (let times = 0; times < 3; times++) await rotations.runDue(clock.now(), () => false)
  assert.equal(made, 1)
  assert.deepEqual(await keys.dueRotations(clock.now(), 10), [])
  assert.equal(Object.keys(await materialsOf(one, keyId)).length, 2)
  await settle(one, other)
})

test('a rotation that waits for a deployment waits no more when the link is cut, and another one can begin', async (t) => {
  const clock = heldClock()
  const one = await openSide(t, 'us-east-1', clock)
  const other = await openSide(t, 'eu-west-1', clock)
  await link(one, other)
  const keyId = await newLinkedSet(one, other)
  const { keys, store, links } = one.opened
  one.exchange = away
  await rotate(one, keyId)
  await settle(one, other)
  const pending = async () => {
    const stored = await one.key(keyId)
    return stored && (await keys.pendingRotation(store.db, stored.key))
  }
  assert.ok(await pending())
  const sets = createLinkedSets({ ...one.opened, ownRegions: new Set([one.region]) })
  const cut = await links.find(other.opened.deploymentId)
  assert(cut)
  await one.change(async (tx) => {
    await sets.part(tx, cut)
    await links.remove(tx, cut.deploymentId)
  })
  await settle(one, other)
  assert.equal(await pending(), undefined)
  const before = (await one.key(keyId))?.key.currentMaterialId
  await rotate(one, keyId)
  assert.notEqual((await one.key(keyId))?.key.currentMaterialId, before)
})
