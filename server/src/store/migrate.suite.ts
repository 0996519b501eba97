import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { heldClock } from '../testing/held-clock.ts'
import { migrations } from './migrate.ts'
import { addAccount, freshStores, rowKey, type FreshTarget, type StoreTarget } from './store.suite.ts'
import { openStore, StoreError, type Store } from './store.ts'

export function migrateSuite(fresh: FreshTarget): void {
  const open = freshStores(fresh)
  const targets: StoreTarget[] = []
  after(async () => {
    for (const target of targets) await target.remove()
  })
  const empty = async () => {
    const target = await fresh('empty')
    targets.push(target)
    return target
  }

  test('starters that meet an empty database at once all come up, and the schema is made once', async () => {
    const { options } = await empty()
    const stores = await Promise.all(
      Array.from({ length: 4 }, () => openStore(options, { clock: heldClock() })),
    )
    try {
      for (const store of stores) store.authenticateWith(rowKey)
      await Promise.all(stores.map((store, i) => addAccount(store, String(i))))
      const [store] = stores as [Store]
      const done = await store.db.selectFrom('migrations').selectAll().orderBy('number').execute()
      assert.deepEqual(
        done.map(({ number, name }) => [number, name]),
        [[0, 'lock'], ...migrations.map(({ number, name }) => [number, name])],
      )
      assert.equal(await store.feed.head(), 4)
    } finally {
      for (const store of stores) await store.close()
    }
  })

  test('opening again changes nothing', async () => {
    const { options } = await empty()
    for (const expected of ['0', '1']) {
      const store = await openStore(options, { clock: heldClock() })
      store.authenticateWith(rowKey)
      assert.equal(String(await store.feed.head()), expected)
      if (expected === '0') await addAccount(store, '1')
      await store.close()
    }
  })

  test('a database of a newer version is refused in one line that says what to do', async () => {
    const { options } = await empty()
    const store = await openStore(options, { clock: heldClock() })
    await store.transition((tx) => {
      tx.unrecorded = 'a test'
      return tx.db.insertInto('migrations').values({ number: 99, name: 'future', applied_at: 1 }).execute()
    })
    await store.close()
    await assert.rejects(
      openStore(options, { clock: heldClock() }),
      (error) =>
        error instanceof StoreError &&
        /newer version.*start that version/.test(error.message) &&
        !error.message.includes('\n'),
    )
  })

  test('every table is there, and the migrations are numbered without gaps', async () => {
    const [store] = (await open()) as [Store]
    const real = (await store.db.introspection.getTables()).map(({ name }) => name).toSorted()
    const made = migrations.flatMap(({ tables }) => tables.map(({ name }) => name))
    assert.deepEqual(real, [...made, 'migrations'].toSorted())
    assert.deepEqual(
      migrations.map(({ number }) => number),
      migrations.map((_, i) => i + 1),
    )
  })
}
