import assert from 'node:assert/strict'
import { createSecretKey, randomBytes } from 'node:crypto'
import { after, describe, test } from 'node:test'
import { sql } from 'kysely'
import { heldClock } from '../testing/held-clock.ts'
import { authenticatedRowsSuite } from './authenticated-rows.suite.ts'
import { crashSuite } from './crash.suite.ts'
import { feedSuite } from './feed.suite.ts'
import { migrateSuite } from './migrate.suite.ts'
import {
  DatabaseError,
  DuplicateRowError,
  openStore,
  StaleVersionError,
  type Row,
  type Store,
  type StoreDependencies,
  type StoreOptions,
  type Transition,
} from './store.ts'

/** A database of an engine, for the tests that both engines must pass. */
export interface StoreTarget {
  readonly options: StoreOptions
  remove(): Promise<void>
}

/** `migrated` has the current schema and nothing else, `empty` has no tables. */
export type FreshTarget = (state: 'migrated' | 'empty') => Promise<StoreTarget>

export const rowKey = createSecretKey(randomBytes(32))

/** Stores on one fresh database, closed and removed when the suite is through. */
export function freshStores(
  fresh: FreshTarget,
): (dependencies?: Partial<StoreDependencies>[]) => Promise<Store[]> {
  const cleanups: (() => Promise<void>)[] = []
  after(async () => {
    for (const cleanup of cleanups.reverse()) await cleanup()
  })
  return async (dependencies = [{}]) => {
    const target = await fresh('migrated')
    cleanups.push(() => target.remove())
    const stores: Store[] = []
    for (const some of dependencies) {
      const store = await openStore(target.options, { clock: heldClock(), ...some })
      store.authenticateWith(rowKey)
      cleanups.push(() => store.close())
      stores.push(store)
    }
    return stores
  }
}

/** A recorded transition that makes an account. */
export function addAccount(store: Store, accountId: string): Promise<Row<'accounts'>> {
  return store.transition((tx) => insertAccount(store, tx, accountId))
}

export function insertAccount(store: Store, tx: Transition, accountId: string): Promise<Row<'accounts'>> {
  tx.changed('account', accountId)
  tx.record((position) => ({ eventId: `event-${accountId}`, record: `{"position":${position}}` }))
  return store.rows.insert(tx, 'accounts', { account_id: accountId, name: 'a name', created_at: 1 })
}

export function accountIds(store: Store): Promise<string[]> {
  return store.db
    .selectFrom('accounts')
    .select('account_id')
    .orderBy('account_id')
    .execute()
    .then((rows) => rows.map((row) => row.account_id))
}

/** What a statement reads that no table of ours can say. */
export async function rowsOf(store: Store, text: string): Promise<unknown[]> {
  return (await sql.raw(text).execute(store.db)).rows
}

export function storeSuite(name: string, fresh: FreshTarget): void {
  describe(name, () => {
    describe('transitions', () => {
      transitionSuite(fresh)
    })
    describe('feed', () => {
      feedSuite(fresh)
    })
    describe('authenticated rows', () => {
      authenticatedRowsSuite(fresh)
    })
    describe('migrations', () => {
      migrateSuite(fresh)
    })
    describe('crash', () => {
      crashSuite(fresh)
    })
  })
}

function transitionSuite(fresh: FreshTarget): void {
  const open = freshStores(fresh)

  test('reads do not see a transaction before it has committed', async () => {
    const [store] = await one(open)
    await store.transition(async (tx) => {
      await insertAccount(store, tx, '1')
      assert.deepEqual(await accountIds(store), [])
      assert.equal((await tx.db.selectFrom('accounts').selectAll().execute()).length, 1)
    })
    assert.deepEqual(await accountIds(store), ['1'])
  })

  test('a transition that throws changes nothing and takes no position', async () => {
    const [store] = await one(open)
    await addAccount(store, '1')
    const failure = new Error('refused')
    await assert.rejects(
      store.transition(async (tx) => {
        await insertAccount(store, tx, '2')
        throw failure
      }),
      failure,
    )
    await addAccount(store, '3')
    assert.deepEqual(await accountIds(store), ['1', '3'])
    assert.equal(await store.feed.head(), 2)
    assert.deepEqual(
      (await store.pendingOutbox(10)).map(({ eventId, position }) => [eventId, position]),
      [
        ['event-1', 1],
        ['event-3', 2],
      ],
    )
  })

  test('a transition without a record throws and changes nothing, unless it says why it needs none', async () => {
    const [store] = await one(open)
    const insert = (tx: Transition) =>
      store.rows.insert(tx, 'accounts', { account_id: '1', name: '', created_at: 1 })
    await assert.rejects(store.transition(insert), /must leave a record/)
    assert.deepEqual(await accountIds(store), [])
    await store.transition((tx) => {
      tx.unrecorded = 'a test'
      return insert(tx)
    })
    assert.deepEqual(await accountIds(store), ['1'])
  })

  test('a record without a change has the position of the newest change', async () => {
    const [store] = await one(open)
    await addAccount(store, '1')
    await store.transition(async (tx) => {
      tx.record((position) => ({ eventId: 'read', record: String(position) }))
      await Promise.resolve()
    })
    assert.equal(await store.feed.head(), 1)
    assert.deepEqual(
      (await store.pendingOutbox(10)).find(({ eventId }) => eventId === 'read'),
      { eventId: 'read', record: '1', position: 1 },
    )
  })

  test('the change is applied, then the records are handed over, then the transition resolves', async () => {
    const [store] = await one(open)
    const seen: unknown[] = []
    store.feed.onChange((change) => seen.push(change))
    store.onOutbox((records) => seen.push([store.feed.applied, ...records]))
    await addAccount(store, '1')
    assert.deepEqual(seen, [
      { position: 1, kind: 'account', id: '1' },
      [1, { eventId: 'event-1', record: '{"position":1}', position: 1 }],
    ])
  })

  test('a removed outbox row is pending no more', async () => {
    const [store] = await one(open)
    for (const id of ['1', '2', '3']) await addAccount(store, id)
    await store.removeOutbox(['event-1', 'event-3', 'never was'])
    assert.deepEqual(
      (await store.pendingOutbox(10)).map(({ eventId }) => eventId),
      ['event-2'],
    )
  })

  test('an update of a version that is gone is a StaleVersionError and changes nothing', async () => {
    const [store] = await one(open)
    const first = await addAccount(store, '1')
    const second = await rename(store, first, 'second')
    assert.equal(second.version, 2)
    await assert.rejects(rename(store, first, 'third'), StaleVersionError)
    await assert.rejects(
      store.transition(async (tx) => {
        tx.unrecorded = 'a test'
        await store.rows.remove(tx, 'accounts', first)
      }),
      StaleVersionError,
    )
    assert.deepEqual(await store.db.selectFrom('accounts').selectAll().execute(), [second])
    await store.transition(async (tx) => {
      tx.unrecorded = 'a test'
      await store.rows.remove(tx, 'accounts', second)
    })
    assert.deepEqual(await accountIds(store), [])
  })

  test('a transition is run again with what it lost to', async () => {
    const [store] = await one(open)
    const stale = await addAccount(store, '1')
    let runs = 0
    await rename(store, stale, 'changed meanwhile')
    await store.transition(async (tx) => {
      tx.unrecorded = 'a test'
      const row = runs++ === 0 ? stale : await readAccount(store, tx, '1')
      return store.rows.update(tx, 'accounts', row, { name: `${row.name}, again` })
    })
    assert.equal(runs, 2)
    assert.equal(
      (await store.db.selectFrom('accounts').select('name').executeTakeFirst())?.name,
      'changed meanwhile, again',
    )
  })

  test('increments from two stores on one database lose none', async () => {
    const [a, b] = (await open([{}, {}])) as [Store, Store]
    await addAccount(a, '1')
    const increment = (store: Store) =>
      store.transition(async (tx) => {
        tx.unrecorded = 'a test'
        tx.changed('account', '1')
        const row = await readAccount(store, tx, '1')
        await store.rows.update(tx, 'accounts', row, { created_at: row.created_at + 1 })
      })
    await Promise.all(Array.from({ length: 30 }, (_, i) => increment(i % 2 ? a : b)))
    const row = await a.db.selectFrom('accounts').selectAll().executeTakeFirstOrThrow()
    assert.equal(row.created_at, 31)
    assert.equal(row.version, 31)
    assert.equal(await b.feed.head(), 31)
  })

  test('inserting an existing primary key is a DuplicateRowError that the transition can live with', async () => {
    const [store] = await one(open)
    await addAccount(store, '1')
    await store.transition(async (tx) => {
      tx.unrecorded = 'a test'
      const row = (account_id: string) => ({ account_id, name: '', created_at: 1 })
      await assert.rejects(store.rows.insert(tx, 'accounts', row('1')), DuplicateRowError)
      await assert.rejects(store.rows.insertMany(tx, 'accounts', [row('1'), row('1')]), DuplicateRowError)
      await store.rows.insert(tx, 'accounts', row('2'))
    })
    assert.deepEqual(await accountIds(store), ['1', '2'])
  })

  test('thousands of rows go in at once, each authentic', async () => {
    const [store] = await one(open)
    const many = Array.from({ length: 5000 }, (_, i) => ({ account_id: String(i), name: 'n', created_at: i }))
    await store.transition((tx) => {
      tx.unrecorded = 'a test'
      for (const { account_id } of many) tx.changed('account', account_id)
      return store.rows.insertMany(tx, 'accounts', many)
    })
    const rows = await store.db.selectFrom('accounts').selectAll().execute()
    assert.equal(rows.length, many.length)
    for (const row of rows) store.rows.check('accounts', row)
    assert.equal(await store.feed.catchUp(), 1)
  })

  test('a transition within a transition is refused instead of waiting for itself', async () => {
    const [store] = await one(open)
    await assert.rejects(
      store.transition(async () => {
        await addAccount(store, '1')
      }),
      /within a transition/,
    )
    await addAccount(store, '2')
    assert.deepEqual(await accountIds(store), ['2'])
  })

  test('a statement that was not awaited does not run after the transaction', async () => {
    const [store] = await one(open)
    let late: Transition | undefined
    await store.transition(async (tx) => {
      await insertAccount(store, tx, '1')
      late = tx
    })
    const tx = late as Transition
    await assert.rejects(store.rows.insert(tx, 'accounts', { account_id: '2', name: '', created_at: 1 }))
    assert.throws(() => {
      tx.changed('account', '2')
    }, /over/)
    assert.throws(() => {
      tx.record(() => ({ eventId: '', record: '' }))
    }, /over/)
    assert.deepEqual(await accountIds(store), ['1'])
  })

  test('values come back as they went in, text in the order of its bytes', async () => {
    const [store] = await one(open)
    const wrapped = randomBytes(100).subarray(3, 40)
    const names = ['Z', 'a', 'b/c', 'b_c', 'É', '\u{1F511}', 'emoji \u{1F511} and "quotes" \\ \n']
    await store.transition(async (tx) => {
      tx.unrecorded = 'a test'
      await store.rows.insert(tx, 'key_materials', {
        region: 'r',
        key_id: 'k',
        material_id: 'm',
        account_id: '1',
        domain_key_number: Number.MAX_SAFE_INTEGER,
        wrapped,
        created_at: -1,
      })
      await store.rows.insertMany(
        tx,
        'aliases',
        names.map((name) => ({
          account_id: '1',
          region: 'r',
          name,
          key_id: 'k',
          created_at: 1,
          updated_at: 1,
        })),
      )
    })
    const material = await store.db.selectFrom('key_materials').selectAll().executeTakeFirstOrThrow()
    store.rows.check('key_materials', material)
    assert.ok(Buffer.isBuffer(material.wrapped))
    assert.deepEqual(material.wrapped, wrapped)
    assert.equal(material.domain_key_number, Number.MAX_SAFE_INTEGER)
    assert.equal(material.created_at, -1)
    const aliases = await store.db.selectFrom('aliases').select('name').orderBy('name').execute()
    assert.deepEqual(
      aliases.map(({ name }) => name),
      names.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
    )
  })

  test('a refused statement is an error that quotes no value', async () => {
    const [store] = await one(open)
    const secret = 'planted-secret'
    await assert.rejects(
      store.transition(async (tx) => {
        tx.unrecorded = 'a test'
        await sql`insert into accounts (account_id, name) values (${secret}, ${secret})`.execute(tx.db)
      }),
      (error: Error) =>
        error.name === 'DatabaseError' && !JSON.stringify(error, ['message', 'stack']).includes(secret),
    )
  })

  test('work that goes on after a statement failed commits nothing', async () => {
    const [store] = await one(open)
    const insertions: ((tx: Transition) => Promise<unknown>)[] = [
      () => Promise.resolve(),
      (tx) => insertAccount(store, tx, '2'),
    ]
    for (const insertion of insertions) {
      await assert.rejects(
        store.transition(async (tx) => {
          tx.unrecorded = 'a test'
          await store.rows.insert(tx, 'accounts', { account_id: '1', name: '', created_at: 1 })
          const failing = sql`insert into accounts (account_id) values ('incomplete')`.execute(tx.db)
          const sentAtOnce = store.rows.insert(tx, 'accounts', { account_id: '3', name: '', created_at: 1 })
          assert.deepEqual(
            (await Promise.allSettled([failing, sentAtOnce])).map(({ status }) => status),
            ['rejected', 'rejected'],
          )
          await insertion(tx)
        }),
        (error) => error instanceof DatabaseError && error.kind === 'other',
      )
    }
    assert.deepEqual(await accountIds(store), [])
    await addAccount(store, '4')
    assert.deepEqual(await accountIds(store), ['4'])
  })

  test('after close everything is refused', async () => {
    const [store] = await one(open)
    await store.close()
    await store.close()
    await assert.rejects(accountIds(store))
    await assert.rejects(addAccount(store, '1'))
  })
}

async function one(open: ReturnType<typeof freshStores>): Promise<[Store]> {
  return (await open()) as [Store]
}

function rename(store: Store, row: Row<'accounts'>, name: string): Promise<Row<'accounts'>> {
  return store.transition((tx) => {
    tx.unrecorded = 'a test'
    return store.rows.update(tx, 'accounts', row, { name })
  })
}

async function readAccount(store: Store, tx: Transition, accountId: string): Promise<Row<'accounts'>> {
  const row = await tx.db
    .selectFrom('accounts')
    .selectAll()
    .where('account_id', '=', accountId)
    .executeTakeFirstOrThrow()
  return store.rows.check('accounts', row)
}
