import assert from 'node:assert/strict'
import { once } from 'node:events'
import { EventEmitter } from 'node:events'
import { test } from 'node:test'
import { heldClock } from '../testing/held-clock.ts'
import { accountIds, addAccount, freshStores, insertAccount, type FreshTarget } from './store.suite.ts'
import { StoreError, type FeedChange, type Store } from './store.ts'

export function feedSuite(fresh: FreshTarget): void {
  const open = freshStores(fresh)

  test('fifty concurrent transitions of two stores make one feed without gaps, which both see in one order', async () => {
    const stores = (await open([{}, {}])) as [Store, Store]
    const seen: FeedChange[][] = [[], []]
    stores.forEach((store, i) => {
      store.feed.onChange((change) => seen[i]?.push(change))
    })
    const failures: unknown[] = []
    await Promise.all(
      Array.from({ length: 50 }, (_, i) =>
        (stores[i % 2] as Store)
          .transition(async (tx) => {
            await insertAccount(stores[0], tx, `account-${i}`)
            if (i % 5 === 0) throw new Error('refused')
          })
          .catch((error: unknown) => failures.push(error)),
      ),
    )
    assert.equal(failures.length, 10)
    assert.deepEqual(new Set(failures.map(String)), new Set(['Error: refused']))

    const rows = await stores[0].db
      .selectFrom('feed')
      .selectAll()
      .orderBy('position')
      .orderBy('ordinal')
      .execute()
    assert.deepEqual(
      rows.map(({ position, ordinal }) => [position, ordinal]),
      Array.from({ length: 40 }, (_, i) => [i + 1, 0]),
    )
    assert.deepEqual(rows.map((row) => row.entity_id).toSorted(), await accountIds(stores[0]))
    const outbox = await stores[0].pendingOutbox(100)
    assert.deepEqual(
      outbox.map(({ position, eventId }) => [position, eventId]),
      rows.map((row) => [row.position, `event-${row.entity_id}`]),
    )
    const all = rows.map(({ position, kind, entity_id: id }) => ({ position, kind, id }))
    for (const [i, store] of stores.entries()) {
      assert.equal(await store.feed.catchUp(), 40)
      assert.equal(store.feed.applied, 40)
      // An own change may come once more before its turn, when another store's was not applied yet.
      assert.deepEqual(inOrder(seen[i] ?? []), all)
    }
  })

  test('several changes of one transition share its position, each entity once', async () => {
    const [a, b] = (await open([{}, {}])) as [Store, Store]
    const seen: FeedChange[] = []
    b.feed.onChange((change) => seen.push(change))
    await a.transition(async (tx) => {
      tx.unrecorded = 'a test'
      tx.changed('key', 'k')
      tx.changed('alias', 'k')
      tx.changed('key', 'k')
      await Promise.resolve()
    })
    assert.equal(await b.feed.catchUp(), 1)
    assert.deepEqual(seen, [
      { position: 1, kind: 'key', id: 'k' },
      { position: 1, kind: 'alias', id: 'k' },
    ])
  })

  test('catching up applies whatever had committed when it was called', async () => {
    const [a, b] = (await open([{}, {}])) as [Store, Store]
    const early = b.feed.catchUp()
    await addAccount(a, '1')
    assert.equal(await b.feed.catchUp(), 1)
    await early
    await addAccount(a, '2')
    assert.deepEqual(await Promise.all([b.feed.catchUp(), b.feed.catchUp(), b.feed.catchUp()]), [2, 2, 2])
  })

  test('more changes than one page holds are all applied', async () => {
    const [a, b] = (await open([{}, {}])) as [Store, Store]
    await a.transition(async (tx) => {
      tx.unrecorded = 'a test'
      const positions = Array.from({ length: 2500 }, (_, i) => i + 1)
      await tx.db
        .insertInto('feed')
        .values(
          positions.map((position) => ({ position, ordinal: 0, kind: 'key', entity_id: String(position) })),
        )
        .execute()
      await tx.db.updateTable('feed_head').set({ position: 2500 }).execute()
    })
    let count = 0
    b.feed.onChange(() => count++)
    assert.equal(await b.feed.catchUp(), 2500)
    assert.equal(count, 2500)
  })

  test('a store that starts later begins at the head', async () => {
    const [a] = (await open()) as [Store]
    await addAccount(a, '1')
    assert.equal(a.feed.applied, 1)
  })

  test('an idle store applies the changes of another within a second', async () => {
    const clock = heldClock()
    const [a, b] = (await open([{}, { clock }])) as [Store, Store]
    const changes = new EventEmitter()
    b.feed.onChange((change) => changes.emit('change', change))
    await addAccount(a, '1')
    for (const id of ['1', '2']) {
      const next = once(changes, 'change')
      clock.advance(1000)
      assert.equal(((await next) as [FeedChange])[0].id, id)
      if (id === '1') {
        // The next poll is set once this one is through.
        await b.feed.catchUp()
        await addAccount(a, '2')
      }
    }
  })

  test('a database that went back in time, or lost a change, is refused', async () => {
    const [a, b] = (await open([{}, {}])) as [Store, Store]
    await addAccount(a, '1')
    await addAccount(a, '2')
    await b.feed.catchUp()
    await setHead(a, 1)
    await assert.rejects(
      b.feed.catchUp(),
      (error) => error instanceof StoreError && /earlier state/.test(error.message),
    )
    await setHead(a, 4)
    await assert.rejects(
      b.feed.catchUp(),
      (error) => error instanceof StoreError && /lacks position 3/.test(error.message),
    )
  })
}

function setHead(store: Store, position: number): Promise<unknown> {
  return store.transition((tx) => {
    tx.unrecorded = 'a test'
    return tx.db.updateTable('feed_head').set({ position }).execute()
  })
}

/** The changes in the order of their last announcement. */
function inOrder(changes: readonly FeedChange[]): FeedChange[] {
  const last = new Map<number, FeedChange>()
  for (const change of changes) {
    last.delete(change.position)
    last.set(change.position, change)
  }
  return [...last.values()]
}
