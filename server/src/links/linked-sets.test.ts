import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PinnedExchange } from '../egress/pinned-exchange.ts'
import { heldClock } from '../testing/held-clock.ts'
import {
  away,
  back,
  beginMove,
  destroy,
  isPrimary,
  link,
  losing,
  materialsOf,
  newLinkedSet,
  newPrimary,
  openSide,
  replicate,
  rotate,
  settle,
  type Side,
} from './testing/linked-pair.ts'

type Context = Parameters<typeof openSide>[0]

async function pair(t: Context) {
  const clock = heldClock()
  const one = await openSide(t, 'us-east-1', clock)
  const other = await openSide(t, 'eu-west-1', clock)
  await link(one, other)
  /** Lets pending retries come, and all that follows from them. */
  const retry = async () => {
    for (let times = 0; times < 4; times++) {
      clock.advance(61_000)
      await settle(one, other)
    }
  }
  return { clock, one, other, retry }
}

async function agree(one: Side, other: Side, keyId: string): Promise<void> {
  const [mine, theirs] = [await one.key(keyId), await other.key(keyId)]
  assert(mine && theirs)
  assert.equal(mine.key.currentMaterialId, theirs.key.currentMaterialId)
  assert.deepEqual(mine.key.multiRegion, theirs.key.multiRegion)
  assert.deepEqual(await materialsOf(one, keyId), await materialsOf(other, keyId))
}

test('material, Regions and rotations of a set come to be the same on both sides', async (t) => {
  const { one, other } = await pair(t)
  const keyId = await newLinkedSet(one, other)
  await agree(one, other, keyId)
  await rotate(one, keyId)
  await settle(one, other)
  await agree(one, other, keyId)
  assert.equal(Object.keys(await materialsOf(one, keyId)).length, 2)
})

test('whichever message or answer is lost, a replica is made once and agrees', async (t) => {
  const { one, other, retry } = await pair(t)
  for (const kind of ['message', 'answer'] as const) {
    for (let number = 0; number < 3; number++) {
      const { keyId } = await newPrimary(one)
      await replicate(one, other, keyId).catch(() => undefined)
      one.exchange = losing({ [kind]: number })
      await retry()
      one.exchange = back
      if ((await one.key(keyId))?.key.multiRegion?.replicaRegions.length === 0) {
        await replicate(one, other, keyId)
      }
      await retry()
      await agree(one, other, keyId)
    }
  }
})

test('while a linked deployment is away new material encrypts nothing; when it is back, it does everywhere', async (t) => {
  const { one, other, retry } = await pair(t)
  const keyId = await newLinkedSet(one, other)
  const before = (await one.key(keyId))?.key.currentMaterialId
  one.exchange = away
  await rotate(one, keyId)
  await retry()
  assert.equal((await one.key(keyId))?.key.currentMaterialId, before)
  assert.equal(Object.keys(await materialsOf(one, keyId)).length, 2)
  // A second rotation does not pile up behind it.
  await rotate(one, keyId)
  assert.equal(Object.keys(await materialsOf(one, keyId)).length, 2)
  await one.restart()
  await settle(one, other)
  assert.equal((await one.key(keyId))?.key.currentMaterialId, before)
  one.exchange = back
  await retry()
  await agree(one, other, keyId)
  assert.notEqual((await one.key(keyId))?.key.currentMaterialId, before)
})

test('new material is current nowhere before the other side holds it, whichever answer is lost', async (t) => {
  const { one, other, retry } = await pair(t)
  for (let number = 0; number < 4; number++) {
    const keyId = await newLinkedSet(one, other)
    one.exchange = losing({ answer: number })
    await rotate(one, keyId)
    for (let step = 0; step < 4; step++) {
      await settle(one, other)
      const current = (await one.key(keyId))?.key.currentMaterialId ?? ''
      assert.ok(current in (await materialsOf(other, keyId)), `step ${step}`)
      await retry()
    }
    one.exchange = back
    await retry()
    await agree(one, other, keyId)
  }
})

for (const kind of ['message', 'answer'] as const) {
  for (const who of ['one', 'other'] as const) {
    test(`a primary key moves once, and never are there two, when ${who} restarts at the loss of any ${kind}`, async (t) => {
      const { one, other, retry } = await pair(t)
      const both = { one, other }
      const watch = async (keyId: string) => {
        const primaries = [await one.key(keyId), await other.key(keyId)].filter(isPrimary)
        assert.ok(primaries.length <= 1, 'there are two primary keys')
        return primaries.length
      }
      for (let number = 0; number < 5; number++) {
        const keyId = await newLinkedSet(one, other)
        await beginMove(one, other, keyId)
        one.exchange = losing({ [kind]: number })
        other.exchange = losing({ [kind]: number })
        await settle(one, other)
        await watch(keyId)
        await both[who].restart()
        await watch(keyId)
        one.exchange = back
        other.exchange = back
        await retry()
        assert.equal(await watch(keyId), 1)
        assert.ok(isPrimary(await other.key(keyId)))
        for (const side of [one, other]) assert.equal((await side.key(keyId))?.key.state, 'Enabled')
        await agree(one, other, keyId)
        await rotate(other, keyId)
        await retry()
        await agree(one, other, keyId)
      }
    })
  }
}

test('an older database that was put back on either side is noticed and overwrites nothing', async (t) => {
  const { one, other, retry } = await pair(t)
  for (const restored of [one, other]) {
    const keyId = await newLinkedSet(one, other)
    restored.backup('before')
    await rotate(one, keyId)
    await settle(one, other)
    await agree(one, other, keyId)
    const untouched = restored === one ? other : one
    const kept = await materialsOf(untouched, keyId)
    await restored.putBack('before')
    await retry()
    if (restored === one) {
      // The side that decides has forgotten: what it says now contradicts what is there.
      await rotate(one, keyId)
      await retry()
      assert.deepEqual(await materialsOf(other, keyId), kept)
      const [row] = await one.opened.channels
        .ofDeployment(one.opened.store.db, other.opened.deploymentId)
        .then((rows) => rows.filter(({ key_id }) => key_id === keyId))
      assert.match(row?.trouble ?? '', /put back to an earlier state/)
      assert.notEqual((await one.key(keyId))?.key.currentMaterialId, undefined)
    } else {
      // The other side only lacks what it had: it gets it again.
      await rotate(one, keyId)
      await retry()
      await agree(one, other, keyId)
    }
  }
})

test('two primary keys of one set, after a restore, are both reported and stay as they are', async (t) => {
  const { one, other, retry } = await pair(t)
  const keyId = await newLinkedSet(one, other)
  one.backup('before')
  await beginMove(one, other, keyId)
  await settle(one, other)
  assert.ok(isPrimary(await other.key(keyId)))
  await one.putBack('before')
  await rotate(one, keyId)
  await rotate(other, keyId)
  await retry()
  for (const [side, peer] of [
    [one, other],
    [other, one],
  ] as const) {
    const rows = await side.opened.channels.ofDeployment(side.opened.store.db, peer.opened.deploymentId)
    const trouble = rows.find(({ key_id }) => key_id === keyId)?.trouble
    assert.match(trouble ?? '', /both deployments have the primary key|put back/, side.region)
  }
})

test('a primary key stays where it is when the key that was to take over is deleted meanwhile', async (t) => {
  const { one, other, retry } = await pair(t)
  const onlyAsks: PinnedExchange = (request) =>
    request.body.includes('"kind":"primary wanted"') ? back(request) : away(request)
  for (const phase of ['PREPARING', 'GIVEN UP']) {
    const keyId = await newLinkedSet(one, other)
    one.exchange = onlyAsks
    // Material that the other side does not hold yet keeps the primary key here.
    if (phase === 'PREPARING') await rotate(one, keyId)
    await settle(one, other)
    await beginMove(one, other, keyId)
    await settle(one, other)
    assert.equal(isPrimary(await one.key(keyId)), phase === 'PREPARING')
    await destroy(other, keyId)
    one.exchange = back
    await retry()
    const kept = await one.key(keyId)
    assert.ok(isPrimary(kept))
    assert.deepEqual(kept?.key.multiRegion?.replicaRegions, [])
    assert.equal(kept.key.state, 'Enabled')
    assert.equal(await other.key(keyId), undefined)
    await rotate(one, keyId)
    const versions = await one.opened.keys.versions(one.opened.store.db, kept.key)
    assert.equal(versions.length, phase === 'PREPARING' ? 3 : 2)
  }
})

test('three deployments agree on a set whose primary key moves, whoever is away meanwhile', async (t) => {
  const clock = heldClock()
  const one = await openSide(t, 'us-east-1', clock)
  const other = await openSide(t, 'eu-west-1', clock)
  const third = await openSide(t, 'ap-south-1', clock)
  const sides = [one, other, third]
  await link(one, other)
  await link(one, third)
  const keyId = await newLinkedSet(one, other)
  await replicate(one, third, keyId)
  await settle(...sides)
  await assert.rejects(beginMove(one, other, keyId), /is not linked with that of ap-south-1/)
  await link(other, third)
  await beginMove(one, other, keyId)
  // The third hears of it from the new side first, and not from the former one.
  const toThird = new URL(third.url).port
  one.exchange = (request) => (request.url.port === toThird ? away(request) : back(request))
  const retry = async () => {
    for (let times = 0; times < 5; times++) {
      clock.advance(61_000)
      await settle(...sides)
    }
  }
  await retry()
  assert.ok(isPrimary(await other.key(keyId)))
  const before = await other.key(keyId)
  await rotate(other, keyId)
  await retry()
  assert.equal((await other.key(keyId))?.key.currentMaterialId, before?.key.currentMaterialId)
  one.exchange = back
  await retry()
  await agree(one, other, keyId)
  await agree(other, third, keyId)
  assert.notEqual((await third.key(keyId))?.key.currentMaterialId, before?.key.currentMaterialId)
  assert.deepEqual(await troubles(...sides), [])
})

async function troubles(...sides: readonly Side[]): Promise<string[]> {
  const found: string[] = []
  for (const { opened } of sides) {
    const rows = await opened.store.db.selectFrom('linked_sets').select('trouble').execute()
    for (const { trouble } of rows) if (trouble !== null) found.push(trouble)
  }
  return found
}
