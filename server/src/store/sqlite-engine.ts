import { Kysely, sql } from 'kysely'
import { systemClock, type Clock } from '../clock.ts'
import type { Engine, StoreLog } from './engine.ts'
import type { Database } from './schema.ts'
import { sqliteDialect } from './sqlite-dialect.ts'
import { createSqliteEraser } from './sqlite-eraser.ts'
import { SqliteThread } from './sqlite-thread.ts'
import { StoreError } from './store-errors.ts'
import { createTurns } from './turns.ts'

export interface SqliteEngine extends Engine {
  /** Ends the database thread where it stands, as a crash of it would. */
  terminate(): Promise<void>
}

/**
 * Opens the database file, which is made when it is absent.
 *
 * @param onDeath called when the database thread ends without being closed: nothing works from then on
 * @throws StoreError when it is damaged, no database, or another program's
 */
export async function openSqlite(
  file: string,
  onDeath: (error: StoreError) => void,
  { clock = systemClock, log }: { clock?: Clock; log?: StoreLog | undefined } = {},
): Promise<SqliteEngine> {
  const thread = await SqliteThread.open(file, onDeath)
  const reader = new Kysely<Database>({ dialect: sqliteDialect(thread, 'reader') })
  const writer = new Kysely<Database>({ dialect: sqliteDialect(thread, 'writer') })
  const inTurn = createTurns()

  try {
    await refuseForeignFile(reader, file)
  } catch (error) {
    await thread.close()
    throw error
  }

  const transaction: Engine['transaction'] = (work) => inTurn(() => writer.transaction().execute(work))
  const eraser = createSqliteEraser({ thread, inTurn, transaction, reader, clock, log })
  await eraser.resume()
  return {
    name: 'sqlite',
    db: reader,
    transaction,
    // Transactions that write follow one another, so there is nothing that a strict one would see and a loose one not.
    looseTransaction: transaction,
    eraser,
    async close() {
      await eraser.close()
      await thread.close()
    },
    terminate: () => thread.terminate(),
  }
}

async function refuseForeignFile(db: Kysely<Database>, file: string): Promise<void> {
  const { rows: tables } = await sql<{
    name: string
  }>`select name from sqlite_master where type = 'table'`.execute(db)
  if (tables.length > 0 && !tables.some(({ name }) => name === 'migrations')) {
    throw new StoreError(`${file} is another program's database: choose another data directory`)
  }
}
