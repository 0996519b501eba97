import { sql, type Kysely, type RawBuilder } from 'kysely'
import type { Clock } from '../clock.ts'
import type { Engine } from './engine.ts'
import { firstTables } from './migrations/0001-first-tables.ts'
import { identityAndAccess } from './migrations/0002-identity-and-access.ts'
import { timers } from './migrations/0003-timers.ts'
import { keyRotation } from './migrations/0004-key-rotation.ts'
import { keyLife } from './migrations/0005-key-life.ts'
import { keyUses } from './migrations/0006-key-uses.ts'
import { requestShares } from './migrations/0007-request-shares.ts'
import { regionLinks } from './migrations/0008-region-links.ts'
import type { ColumnType, Migration, TableDefinition } from './migrations/migration.ts'
import { rerun } from './rerun.ts'
import type { Database } from './schema.ts'
import { DatabaseError, StoreError } from './store-errors.ts'

export const migrations: readonly Migration[] = [
  firstTables,
  identityAndAccess,
  timers,
  keyRotation,
  keyLife,
  keyUses,
  requestShares,
  regionLinks,
]

/**
 * Brings the schema to what this version knows. Starters that come at once wait for one another: each
 * takes the lock row (number 0) in the transaction that migrates, looks again, and finds nothing left.
 *
 * @throws StoreError when the database is of a newer version
 */
export async function migrate(
  engine: Engine,
  clock: Clock,
  known: readonly Migration[] = migrations,
): Promise<void> {
  if ((await pending(engine.db, known).catch(noTableYet))?.length === 0) return
  await rerun(() => createMigrationsTable(engine))
  await rerun(() =>
    engine.looseTransaction(async (db) => {
      const lock = db.selectFrom('migrations').select('number').where('number', '=', 0)
      await (engine.name === 'postgres' ? lock.forUpdate() : lock).execute()
      for (const { number, name, tables, addedColumns = {}, addedIndexes = {} } of await pending(db, known)) {
        for (const table of tables) await createTable(engine.name, db, table)
        for (const [table, columns] of Object.entries(addedColumns)) {
          for (const [column, type] of Object.entries(columns)) {
            await db.schema.alterTable(table).addColumn(column, TYPES[engine.name][bareType(type)]).execute()
          }
        }
        for (const [index, { table, columns }] of Object.entries(addedIndexes)) {
          await db.schema
            .createIndex(index)
            .on(table)
            .columns([...columns])
            .execute()
        }
        await db.insertInto('migrations').values({ number, name, applied_at: clock.now() }).execute()
      }
    }),
  )
}

async function pending(db: Kysely<Database>, known: readonly Migration[]): Promise<Migration[]> {
  const done = await db.selectFrom('migrations').select('number').execute()
  const newest = Math.max(0, ...done.map(({ number }) => number))
  const newestKnown = Math.max(0, ...known.map(({ number }) => number))
  if (newest > newestKnown) {
    throw new StoreError(
      `The database is of a newer version of Keywright (schema ${newest}, this version knows ${newestKnown}): ` +
        'start that version, or restore a backup made before the upgrade',
    )
  }
  return known
    .filter(({ number }) => !done.some((migration) => migration.number === number))
    .sort((a, b) => a.number - b.number)
}

/** A missing table cannot be told from other refusals on every engine; making it will tell. */
function noTableYet(error: unknown): undefined {
  if (error instanceof DatabaseError && error.kind === 'other') return undefined
  throw error
}

const MIGRATIONS_TABLE: TableDefinition = {
  name: 'migrations',
  columns: { number: 'integer', name: 'text', applied_at: 'integer' },
  primaryKey: ['number'],
}

async function createMigrationsTable(engine: Engine): Promise<void> {
  try {
    await engine.looseTransaction(async (db) => {
      await createTable(engine.name, db, MIGRATIONS_TABLE)
      await db
        .insertInto('migrations')
        .values({ number: 0, name: 'lock', applied_at: 0 })
        .onConflict((conflict) => conflict.doNothing())
        .execute()
    })
  } catch (error) {
    // PostgreSQL's `if not exists` does not cover two that create at once: the loser finds a duplicate.
    if (!(error instanceof DatabaseError) || error.kind !== 'duplicate') throw error
  }
}

// Text is compared by its bytes on both engines, so pages come in one order.
const TYPES: Record<Engine['name'], Record<'text' | 'integer' | 'blob', RawBuilder<unknown>>> = {
  sqlite: { text: sql`text`, integer: sql`integer`, blob: sql`blob` },
  postgres: { text: sql`text collate "C"`, integer: sql`bigint`, blob: sql`bytea` },
}

async function createTable(
  engineName: Engine['name'],
  db: Kysely<Database>,
  { name, columns, primaryKey, indexes = {}, uniqueIndexes = {}, rows = [] }: TableDefinition,
): Promise<void> {
  let table = db.schema.createTable(name)
  if (name === MIGRATIONS_TABLE.name) table = table.ifNotExists()
  for (const [column, type] of Object.entries(columns)) {
    const base = TYPES[engineName][bareType(type)]
    table = table.addColumn(column, base, (it) => (type.endsWith('?') ? it : it.notNull()))
  }
  const constraint = `${name}_key` as const
  table = table.addPrimaryKeyConstraint(constraint, primaryKey as never)
  // SQLite stores any type in any column unless it is told to be strict.
  if (engineName === 'sqlite') table = table.modifyEnd(sql`strict`)
  await table.execute()

  for (const [index, on] of Object.entries(indexes)) {
    await db.schema
      .createIndex(index)
      .on(name)
      .columns([...on])
      .execute()
  }
  for (const [index, on] of Object.entries(uniqueIndexes)) {
    await db.schema
      .createIndex(index)
      .unique()
      .on(name)
      .columns([...on])
      .execute()
  }
  for (const row of rows) {
    await db
      .insertInto(name as 'feed_head')
      .values(row as never)
      .execute()
  }
}

function bareType(type: ColumnType): 'text' | 'integer' | 'blob' {
  return type.replace('?', '') as 'text' | 'integer' | 'blob'
}
