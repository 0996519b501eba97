import assert from 'node:assert/strict'
import { createSecretKey, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import type { Kysely } from 'kysely'
import { heldClock } from '../testing/held-clock.ts'
import { authenticatedTables, type AuthenticatedTable } from './authenticated-tables.ts'
import { addAccount, freshStores, rowKey, type FreshTarget } from './store.suite.ts'
import {
  CorruptRowError,
  DatabaseError,
  openStore,
  StoreError,
  type Store,
  type Transition,
} from './store.ts'
import { samples } from './testing/sample-rows.ts'

type AnyRow = Record<string, unknown>

const tables = Object.keys(authenticatedTables) as AuthenticatedTable[]

export function authenticatedRowsSuite(fresh: FreshTarget): void {
  const open = freshStores(fresh)

  test('the list of authenticated columns is that of the real tables', async () => {
    const [store] = (await open()) as [Store]
    const real = await store.db.introspection.getTables()
    const withMac = real.filter(({ columns }) => columns.some(({ name }) => name === 'mac'))
    assert.deepEqual(withMac.map(({ name }) => name).toSorted(), tables.toSorted())
    for (const { name, columns } of withMac) {
      const { key, columns: others } = authenticatedTables[name as AuthenticatedTable]
      assert.deepEqual(
        columns.map((column) => column.name).toSorted(),
        [...key, ...others, 'mac'].toSorted(),
        name,
      )
    }
  })

  for (const table of tables) {
    test(`a row of ${table} in which any column was changed is not authentic`, async () => {
      const reported: CorruptRowError[] = []
      const [store] = (await open([{ onCorruptRow: (error) => reported.push(error) }])) as [Store]
      for (const sample of samples[table]) {
        const row = await undone(store, (tx) => insert(store, tx, table, sample))
        assert.ok(row)
        let stored = 0
        for (const column of Object.keys(row)) {
          for (const changed of otherValues(row[column])) {
            const read = await undone(store, async (tx) => {
              const inserted = await insert(store, tx, table, sample)
              await setColumn(tx, table, inserted, column, changed)
              return readRow(tx, table, { ...inserted, [column]: changed })
            })
            if (!read) continue
            stored++
            assert.notDeepEqual(read, row)
            const before = reported.length
            assert.throws(() => store.rows.check(table, read as never), CorruptRowError, `${table}.${column}`)
            assert.equal(reported.length, before + 1)
            assert.equal(reported.at(-1)?.table, table)
            assert.deepEqual(Object.keys(reported.at(-1)?.primaryKey ?? {}), [
              ...authenticatedTables[table].key,
            ])
          }
        }
        assert.ok(stored >= Object.keys(row).length, 'each column has a value that the database does take')
      }
    })

    test(`two rows of ${table} that exchanged their contents are not authentic`, async () => {
      const [store] = (await open()) as [Store]
      const [a, b] = samples[table]
      const [first, second] = await store.transition(async (tx) => {
        tx.unrecorded = 'a test'
        return [await insert(store, tx, table, a), await insert(store, tx, table, b)] as const
      })
      const { key } = authenticatedTables[table]
      const keyOf = (row: AnyRow) => Object.fromEntries(key.map((column) => [column, row[column]]))
      store.rows.check(table, first as never)
      store.rows.check(table, second as never)
      assert.throws(() => store.rows.check(table, { ...second, ...keyOf(first) } as never), CorruptRowError)
      assert.throws(() => store.rows.check(table, { ...first, ...keyOf(second) } as never), CorruptRowError)
    })
  }

  test('a row of another table with the same columns, or of another row key, is not authentic', async () => {
    const [store] = (await open()) as [Store]
    const row = await addAccount(store, '1')
    store.authenticateWith(createSecretKey(randomBytes(32)))
    assert.throws(() => store.rows.check('accounts', row), CorruptRowError)
    store.authenticateWith(rowKey)
    assert.equal(store.rows.check('accounts', row), row)
  })

  test('an unauthentic row cannot be updated or removed', async () => {
    const [store] = (await open()) as [Store]
    const row = await addAccount(store, '1')
    const forged = { ...row, name: 'forged' }
    const attempt = (work: (tx: Transition) => Promise<unknown>) =>
      store.transition((tx) => {
        tx.unrecorded = 'a test'
        return work(tx)
      })
    await assert.rejects(
      attempt((tx) => store.rows.update(tx, 'accounts', forged, { created_at: 2 })),
      CorruptRowError,
    )
    await assert.rejects(
      attempt((tx) => store.rows.remove(tx, 'accounts', forged)),
      CorruptRowError,
    )
    await assert.rejects(
      attempt((tx) => store.rows.update(tx, 'accounts', row, { account_id: '2' } as never)),
      /primary key/,
    )
    assert.deepEqual(await store.db.selectFrom('accounts').selectAll().execute(), [row])
  })

  test('a changed outbox row is not handed out', async () => {
    const [store] = (await open()) as [Store]
    await addAccount(store, '1')
    await store.transition((tx) => {
      tx.unrecorded = 'a test'
      return tx.db.updateTable('outbox').set({ record: '{"forged":true}' }).execute()
    })
    await assert.rejects(store.pendingOutbox(10), CorruptRowError)
  })

  test('before the row key is there, authenticated rows are neither read nor written', async () => {
    const target = await fresh('migrated')
    const store = await openStore(target.options, { clock: heldClock() })
    try {
      await assert.rejects(addAccount(store, '1'), StoreError)
      assert.throws(
        () =>
          store.rows.check('accounts', {
            account_id: '1',
            name: '',
            created_at: 1,
            account_alias: null,
            organization_path: null,
            quarantine: null,
            version: 1,
            mac: Buffer.alloc(32),
          }),
        StoreError,
      )
      assert.deepEqual(await store.db.selectFrom('accounts').selectAll().execute(), [])
    } finally {
      await store.close()
      await target.remove()
    }
  })
}

class Undo extends Error {}

/** Runs `work` in a transaction that leaves nothing behind. Undefined when the database itself refuses such a value. */
async function undone<T>(store: Store, work: (tx: Transition) => Promise<T>): Promise<T | undefined> {
  let result: T | undefined
  try {
    await store.transition(async (tx) => {
      result = await work(tx)
      throw new Undo()
    })
  } catch (error) {
    if (error instanceof DatabaseError && (error.kind === 'other' || error.kind === 'duplicate'))
      return undefined
    if (!(error instanceof Undo)) throw error
  }
  return result
}

function insert(store: Store, tx: Transition, table: AuthenticatedTable, row: object): Promise<AnyRow> {
  return store.rows.insert(tx, table, row as never) as unknown as Promise<AnyRow>
}

function untyped(tx: Transition): Kysely<Record<string, AnyRow>> {
  return tx.db as unknown as Kysely<Record<string, AnyRow>>
}

async function setColumn(
  tx: Transition,
  table: string,
  row: AnyRow,
  column: string,
  value: unknown,
): Promise<void> {
  await untyped(tx)
    .updateTable<string>(table)
    .set({ [column]: value })
    .where('mac', '=', row['mac'])
    .execute()
}

async function readRow(tx: Transition, table: AuthenticatedTable, row: AnyRow): Promise<AnyRow> {
  const key = Object.fromEntries(authenticatedTables[table].key.map((column) => [column, row[column]]))
  return untyped(tx)
    .selectFrom(table)
    .selectAll()
    .where((eb) => eb.and(key))
    .executeTakeFirstOrThrow()
}

/** Values that an attacker may put in the place of this one. */
function otherValues(value: unknown): unknown[] {
  if (value === null) return ['', 0]
  if (typeof value === 'number') return [value + 1, null]
  if (typeof value === 'string') return [`${value} `, value.slice(1) || 'x', null]
  const flipped = Buffer.from(value as Buffer)
  flipped[flipped.length - 1] = (flipped.at(-1) ?? 0) ^ 1
  return [flipped, Buffer.alloc(0), null]
}
