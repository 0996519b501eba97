import { timingSafeEqual, type KeyObject } from 'node:crypto'
import type { Kysely, Transaction } from 'kysely'
import { authenticatedTables, type AuthenticatedTable } from './authenticated-tables.ts'
import { rowMac } from './row-mac.ts'
import type { Database, Row } from './schema.ts'
import { CorruptRowError, DuplicateRowError, StaleVersionError } from './store-errors.ts'

/** Columns that may be null may be left out. */
export type NewRow<T extends AuthenticatedTable> = Omit<Row<T>, 'version' | 'mac' | NullableColumn<T>> &
  Partial<Pick<Row<T>, NullableColumn<T>>>
type NullableColumn<T extends AuthenticatedTable> = {
  [Column in keyof Row<T>]: null extends Row<T>[Column] ? Column : never
}[keyof Row<T>]
/** Tables whose rows change: those with a version. */
type VersionedTable = Exclude<AuthenticatedTable, 'outbox'>
type PrimaryKey<T extends AuthenticatedTable> = (typeof authenticatedTables)[T]['key'][number]
type RowChange<T extends VersionedTable> = Partial<Omit<Row<T>, 'version' | 'mac' | PrimaryKey<T>>>

/** The transition that writes. */
interface Within {
  readonly db: Transaction<Database>
}

/** The only way to rows that can allow something: what it returns is authentic, what it writes becomes so. */
export interface AuthenticatedRows {
  /** Returns the row, which must have all of its columns. @throws CorruptRowError */
  check<T extends AuthenticatedTable>(table: T, row: Row<T>): Row<T>
  /** Version 1 of a row. @throws DuplicateRowError */
  insert<T extends AuthenticatedTable>(tx: Within, table: T, row: NewRow<T>): Promise<Row<T>>
  /** The same for many rows at once, some hundred a statement. @throws DuplicateRowError */
  insertMany<T extends AuthenticatedTable>(tx: Within, table: T, rows: readonly NewRow<T>[]): Promise<void>
  /** The next version of a row. @throws StaleVersionError when the database holds another version than `current`; CorruptRowError */
  update<T extends VersionedTable>(
    tx: Within,
    table: T,
    current: Row<T>,
    change: RowChange<T>,
  ): Promise<Row<T>>
  /** @throws StaleVersionError when the database holds another version than `current`; CorruptRowError */
  remove<T extends VersionedTable>(tx: Within, table: T, current: Row<T>): Promise<void>
}

// SQLite takes 32766 values in a statement, PostgreSQL 65535.
const VALUES_PER_STATEMENT = 4000

/** Rows as this file handles them: by name, whatever the table. */
type AnyRow = Record<string, unknown>
type AnyDatabase = Record<string, AnyRow>

/**
 * @param rowKey throws until the row key is there
 * @param onCorruptRow told before the error is thrown
 */
export function authenticatedRows(
  rowKey: () => KeyObject,
  onCorruptRow: (error: CorruptRowError) => void,
): AuthenticatedRows {
  const check = (table: AuthenticatedTable, checked: object): void => {
    const row = checked as AnyRow
    const expected = rowMac(rowKey(), table, row)
    const { mac } = row
    if (mac instanceof Uint8Array && mac.length === expected.length && timingSafeEqual(mac, expected)) return
    const error = new CorruptRowError(table, primaryKeyOf(table, row))
    onCorruptRow(error)
    throw error
  }

  const firstVersion = (table: AuthenticatedTable, row: object): AnyRow => {
    const first: AnyRow = {}
    for (const column of authenticatedTables[table].columns) first[column] = null
    Object.assign(first, row)
    if (table !== 'outbox') first['version'] = 1
    first['mac'] = rowMac(rowKey(), table, first)
    return first
  }

  const insertAll = async (tx: Within, table: AuthenticatedTable, rows: readonly AnyRow[]): Promise<void> => {
    // A refused insert would abort PostgreSQL's whole transaction; one that does nothing can be told by its count.
    const [{ numInsertedOrUpdatedRows } = { numInsertedOrUpdatedRows: 0n }] = await untyped(tx)
      .insertInto(table)
      .values(rows)
      .onConflict((conflict) => conflict.doNothing())
      .execute()
    if (Number(numInsertedOrUpdatedRows) !== rows.length) throw new DuplicateRowError(table)
  }

  return {
    check(table, row) {
      check(table, row)
      return row
    },

    async insert<T extends AuthenticatedTable>(tx: Within, table: T, row: NewRow<T>) {
      const first = firstVersion(table, row)
      await insertAll(tx, table, [first])
      return first as unknown as Row<T>
    },

    async insertMany(tx, table, rows) {
      const { key, columns } = authenticatedTables[table]
      const rowsPerStatement = Math.floor(VALUES_PER_STATEMENT / (key.length + columns.length + 1))
      for (let from = 0; from < rows.length; from += rowsPerStatement) {
        const some = rows.slice(from, from + rowsPerStatement)
        await insertAll(
          tx,
          table,
          some.map((row) => firstVersion(table, row)),
        )
      }
    },

    async update<T extends VersionedTable>(tx: Within, table: T, current: Row<T>, change: RowChange<T>) {
      // An unauthentic row must not become authentic by being updated.
      check(table, current)
      const next: AnyRow = { ...current, ...change, version: current.version + 1 }
      for (const [column, value] of Object.entries(primaryKeyOf(table, current))) {
        if (next[column] !== value) throw new TypeError('A primary key does not change')
      }
      next['mac'] = rowMac(rowKey(), table, next)
      const { numUpdatedRows } = await untyped(tx)
        .updateTable<string>(table)
        .set(next)
        .where((eb) => eb.and(currentVersion(table, current)))
        .executeTakeFirstOrThrow()
      if (numUpdatedRows !== 1n) throw new StaleVersionError(table)
      return next as unknown as Row<T>
    },

    async remove(tx, table, current) {
      check(table, current)
      const { numDeletedRows } = await untyped(tx)
        .deleteFrom<string>(table)
        .where((eb) => eb.and(currentVersion(table, current)))
        .executeTakeFirstOrThrow()
      if (numDeletedRows !== 1n) throw new StaleVersionError(table)
    },
  }
}

function untyped(tx: Within): Kysely<AnyDatabase> {
  return tx.db as unknown as Kysely<AnyDatabase>
}

function currentVersion(table: VersionedTable, current: Readonly<{ version: number }>): AnyRow {
  return { ...primaryKeyOf(table, current), version: current.version }
}

function primaryKeyOf(table: AuthenticatedTable, row: object): AnyRow {
  return Object.fromEntries(authenticatedTables[table].key.map((column) => [column, (row as AnyRow)[column]]))
}
