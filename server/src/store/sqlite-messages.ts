/** What the main thread and the SQLite thread tell each other. */

export type SqliteValue = string | number | bigint | null | Uint8Array

/** Only transactions use the writer; the reader sees what is committed and cannot write. */
export type SqliteConnectionName = 'writer' | 'reader'

/** Statements in the order they are to run. */
export type SqliteRequest =
  | { readonly statements: readonly SqliteStatement[] }
  | { readonly scrub: SqliteScrub }
  | { readonly close: true }

/** Of taking erased bytes out of the files. */
export type ScrubStep = 'checkpoint' | 'scan' | 'rewrite'
/** `busy` when another process reads the database. */
export type ScrubOutcome = 'done' | 'busy' | 'found' | 'clean'

/** A step of taking erased bytes out of the files; its result is one row with its outcome. */
export interface SqliteScrub {
  readonly id: number
  readonly step: ScrubStep
  /** What is looked for. */
  readonly wanted: readonly Uint8Array[]
}

export interface SqliteStatement {
  readonly id: number
  readonly connection: SqliteConnectionName
  readonly sql: string
  readonly values: readonly SqliteValue[]
}

export type SqliteReply =
  | { readonly ready: true }
  | { readonly failedToOpen: SqliteFailure }
  | { readonly results: readonly SqliteResult[] }

/** Rows are arrays in the order of `columns`: names cross the thread once, not once a row. */
export type SqliteResult =
  | {
      readonly id: number
      readonly columns: readonly string[]
      readonly rows: readonly (readonly SqliteValue[])[]
      readonly changes: number
    }
  | { readonly id: number; readonly failure: SqliteFailure }

export interface SqliteFailure {
  /** SQLite's extended result code; 0 when the failure is not SQLite's. */
  readonly code: number
  readonly message: string
}
