/** A column's type; with a question mark it may be null. Integers have 64 bits. */
export type ColumnType = 'text' | 'integer' | 'blob' | 'text?' | 'integer?' | 'blob?'

export interface TableDefinition {
  readonly name: string
  readonly columns: Readonly<Record<string, ColumnType>>
  readonly primaryKey: readonly string[]
  /** Index name → its columns. */
  readonly indexes?: Readonly<Record<string, readonly string[]>>
  /** The same, where no two rows may agree. */
  readonly uniqueIndexes?: Readonly<Record<string, readonly string[]>>
  /** Rows that the table starts with. */
  readonly rows?: readonly Readonly<Record<string, string | number>>[]
}

/**
 * One step of the schema, as data. A migration that was released never changes; a new one only adds,
 * so that nodes of the release before can go on working while the first new node starts.
 */
export interface Migration {
  readonly number: number
  readonly name: string
  readonly tables: readonly TableDefinition[]
  /** Table → columns that it gets; each may be null, and is in the rows that exist. */
  readonly addedColumns?: Readonly<Record<string, Readonly<Record<string, `${string}?` & ColumnType>>>>
  /** Index name → the table that was there before, and its columns. */
  readonly addedIndexes?: Readonly<
    Record<string, { readonly table: string; readonly columns: readonly string[] }>
  >
}
