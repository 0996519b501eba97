import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { freshStores, type FreshTarget } from '../store/store.suite.ts'
import type { Store } from '../store/store.ts'
import { heldClock } from '../testing/held-clock.ts'
import { lastOf, type UseOperation, type UseRecord } from './key-use.ts'
import { UseBatch } from './key-use-batch.ts'
import { createKeyUses, destroyKeyUses } from './key-uses.ts'

const SECOND_MS = 1_800_000_000_000
const region = 'us-east-1'
const MATERIAL = 'a'.repeat(64)

/** The rollup of a node, whose journal is at any place that a test says. */
export function keyUsesSuite(fresh: FreshTarget): void {
  const open = freshStores(fresh)

  async function nodes(count = 1, maxWaiting?: number) {
    const clock = heldClock(SECOND_MS)
    const stores = await open(Array.from({ length: count }, () => ({ clock })))
    return stores.map((store) => {
      const place = { chain: randomUUID() as string | undefined, lastSequence: 0 }
      const failures: unknown[] = []
      const uses = createKeyUses({
        store,
        clock,
        position: () => place,
        onFailure: (error) => failures.push(error),
        ...(maxWaiting !== undefined && { maxWaiting }),
      })
      return {
        store,
        clock,
        uses,
        place,
        failures,
        /** A use whose record is the next of the node's chain. */
        note(
          keyId: string,
          operation: UseOperation,
          facts: Partial<UseRecord & { materialId: string }> = {},
        ) {
          const { chain = '' } = place
          place.lastSequence += 1
          const record = {
            chain,
            sequence: place.lastSequence,
            eventId: randomUUID(),
            requestId: randomUUID(),
            usedAtMs: SECOND_MS,
            ...facts,
          }
          uses.note({ region, keyId, materialId: facts.materialId }, operation, record)
          return record
        },
        async last(keyId: string) {
          return lastOf(await uses.usesOf(store.db, { region, keyId, createdAtMs: SECOND_MS }))
        },
      }
    })
  }

  async function one(maxWaiting?: number) {
    const [node] = await nodes(1, maxWaiting)
    assert.ok(node)
    return node
  }

  const progressOf = async (store: Store) =>
    (await store.db.selectFrom('key_use_progress').selectAll().execute()).map((row) => row.sequence)
  const rowsOf = (store: Store) => store.db.selectFrom('key_uses').selectAll().orderBy('operation').execute()

  test('a use is known at once, and written within seconds together with the place in the journal', async () => {
    const { clock, last, note, place, store, uses } = await one()
    const key = randomUUID()
    assert.equal(await last(key), undefined)
    note(key, 'Encrypt', { materialId: MATERIAL })
    const { eventId } = note(key, 'Decrypt', { materialId: MATERIAL })
    assert.equal((await last(key))?.eventId, eventId)
    assert.deepEqual(await rowsOf(store), [])
    place.lastSequence = 9
    clock.advance(5000)
    await uses.flush()
    assert.deepEqual(
      (await rowsOf(store)).map((row) => [row.operation, row.material_id, row.sequence]),
      [
        ['Decrypt', MATERIAL, 2],
        ['Encrypt', MATERIAL, 1],
      ],
    )
    assert.deepEqual(await progressOf(store), [9])
    assert.equal((await last(key))?.eventId, eventId)
  })

  test('the last is the one of the latest second, and within a second the later record of a chain', async () => {
    const { last, note, store, uses } = await one()
    const key = randomUUID()
    const inSecond = note(key, 'Encrypt')
    const later = note(key, 'Decrypt')
    assert.equal((await last(key))?.eventId, later.eventId)
    note(key, 'Encrypt', { usedAtMs: SECOND_MS - 1000 })
    await uses.flush()
    const all = await uses.usesOf(store.db, { region, keyId: key, createdAtMs: 0 })
    assert.deepEqual(new Set(all.map(({ eventId }) => eventId)), new Set([inSecond.eventId, later.eventId]))
  })

  test('of two nodes the later use stays, whoever writes it last', async () => {
    const [a, b] = await nodes(2)
    assert.ok(a && b)
    const newest = a.note('k', 'Encrypt', { usedAtMs: SECOND_MS + 5000 })
    await a.uses.flush()
    b.note('k', 'Encrypt')
    await b.uses.flush()
    assert.deepEqual(
      [(await a.last('k'))?.eventId, (await b.last('k'))?.eventId],
      [newest.eventId, newest.eventId],
    )
    const newer = b.note('k', 'Encrypt', { usedAtMs: SECOND_MS + 9000, requestId: null })
    await b.uses.flush()
    assert.deepEqual([(await a.last('k'))?.eventId, (await b.last('k'))?.requestId], [newer.eventId, null])
    const both = new Set([a.place.lastSequence, b.place.lastSequence])
    assert.deepEqual(new Set(await progressOf(a.store)), both)
  })

  test('nodes that write the same keys at once all get through', async () => {
    const all = await nodes(3)
    for (const node of all) {
      for (let key = 0; key < 300; key += 1) node.note(`key-${key}`, 'Encrypt', { usedAtMs: SECOND_MS + key })
    }
    await Promise.all(all.map(({ uses }) => uses.flush()))
    const [first] = all
    assert.ok(first)
    assert.deepEqual(
      all.flatMap(({ failures }) => failures),
      [],
    )
    assert.equal((await rowsOf(first.store)).length, 300)
    assert.deepEqual(await progressOf(first.store), [300, 300, 300])
  })

  test('what cannot be written waits, and is written when it can be', async () => {
    const { failures, last, note, store, uses } = await one()
    const key = randomUUID()
    const { eventId } = note(key, 'Sign')
    const reading = store.db
    const broken = createKeyUses({
      store: { ...store, transition: () => Promise.reject(new Error('the disk is full')) },
      clock: heldClock(),
      position: () => ({ chain: 'chain', lastSequence: 1 }),
      onFailure: (error) => failures.push(error),
    })
    const record = {
      chain: 'chain',
      sequence: 1,
      eventId: randomUUID(),
      requestId: null,
      usedAtMs: SECOND_MS,
    }
    broken.note({ region, keyId: 'k', materialId: undefined }, 'Sign', record)
    await broken.flush()
    await broken.flush()
    assert.equal(failures.length, 2)
    const [kept] = await broken.usesOf(reading, { region, keyId: 'k', createdAtMs: 0 })
    assert.equal(kept?.eventId, record.eventId)
    await broken.close()
    await uses.flush()
    assert.equal((await last(key))?.eventId, eventId)
  })

  test('uses that find no room are left to be read from the journal: its place is not passed before they were', async () => {
    const { note, place, store, uses } = await one(2)
    const { chain } = place
    assert.ok(chain)
    note('k1', 'Encrypt')
    // The next makes half of the room full, so that writing begins; all come in one turn of the loop.
    note('k2', 'Encrypt')
    const left = note('k3', 'Encrypt')
    note('k1', 'Encrypt')
    assert.deepEqual(uses.incompleteChains(), [chain])
    await uses.flush()
    note('k4', 'Encrypt')
    await uses.flush()
    assert.deepEqual(await progressOf(store), [2])
    const read = new UseBatch(10)
    read.note({ region, keyId: 'k3', materialId: undefined }, 'Encrypt', left)
    read.through.set(chain, place.lastSequence)
    await uses.add(read)
    assert.deepEqual(uses.incompleteChains(), [])
    note('k5', 'Encrypt')
    await uses.flush()
    assert.deepEqual(await progressOf(store), [6])
    assert.equal((await rowsOf(store)).length, 5)
  })

  test('a batch that takes several statements has its place with the last of them', async () => {
    const { note, place, store, uses } = await one()
    for (let key = 0; key < 450; key += 1) note(`key-${key}`, 'Encrypt')
    await uses.flush()
    assert.equal((await rowsOf(store)).length, 450)
    assert.deepEqual(await progressOf(store), [place.lastSequence])
    // Nothing new: nothing is written.
    await uses.flush()
    await uses.close()
  })

  test('a key that is destroyed leaves nothing, and one of the same id that is made later has no past', async () => {
    const { note, store, uses } = await one()
    note('kept', 'Encrypt')
    note('mrk-gone', 'Encrypt', { usedAtMs: SECOND_MS - 5000 })
    const made = { region, keyId: 'mrk-gone', createdAtMs: SECOND_MS - 3000 }
    assert.deepEqual(await uses.usesOf(store.db, made), [])
    await uses.flush()
    assert.deepEqual(await uses.usesOf(store.db, made), [])
    await store.transition(async (tx) => {
      tx.unrecorded = 'a test'
      await destroyKeyUses(tx, made)
    })
    assert.deepEqual(
      (await rowsOf(store)).map(({ key_id }) => key_id),
      ['kept'],
    )
  })
}
