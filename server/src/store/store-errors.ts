/** What an operator must know, in one line that says what to do. Never holds a database URL or a row's contents. */
export class StoreError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'StoreError'
  }
}

/**
 * - conflict: the transaction lost against another one; run it again
 * - busy: another process holds the database; run it again
 * - duplicate: a unique value exists already
 * - unavailable: the database cannot be reached, is stopping, or its disk fails. A commit that ends so may have happened
 * - corrupt: the database file is damaged
 * - other: a statement that the database refuses, which is a mistake of ours
 */
export type DatabaseErrorKind = 'conflict' | 'busy' | 'duplicate' | 'unavailable' | 'corrupt' | 'other'

/** An engine's error, said in words of ours, because an engine's own words may quote a row. */
export class DatabaseError extends StoreError {
  readonly kind: DatabaseErrorKind
  /** The engine's own code: SQLSTATE, SQLite's extended result code, or a system error's name. */
  readonly code: string

  constructor(kind: DatabaseErrorKind, code: string, message: string) {
    super(message)
    this.name = 'DatabaseError'
    this.kind = kind
    this.code = code
  }
}

/** The row was changed or removed since it was read. */
export class StaleVersionError extends Error {
  constructor(table: string) {
    super(`A row of ${table} changed since it was read`)
    this.name = 'StaleVersionError'
  }
}

/** A row with this primary key exists already. */
export class DuplicateRowError extends Error {
  readonly table: string

  constructor(table: string) {
    super(`A row of ${table} with this primary key exists already`)
    this.name = 'DuplicateRowError'
    this.table = table
  }
}

/** A row is not as this deployment wrote it: somebody changed the database, or the row key is another deployment's. */
export class CorruptRowError extends Error {
  readonly table: string
  readonly primaryKey: Readonly<Record<string, unknown>>

  constructor(table: string, primaryKey: Readonly<Record<string, unknown>>) {
    super(`A row of ${table} is not authentic`)
    this.name = 'CorruptRowError'
    this.table = table
    this.primaryKey = primaryKey
  }
}
