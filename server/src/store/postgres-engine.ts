import { Kysely, sql } from 'kysely'
import { Pool, types, type CustomTypesConfig } from 'pg'
import type { Engine, StoreLog } from './engine.ts'
import { postgresDialect } from './postgres-dialect.ts'
import { postgresError } from './postgres-error.ts'
import type { Database } from './schema.ts'
import { DatabaseError, StoreError } from './store-errors.ts'
import { createTurns } from './turns.ts'

const CONNECTIONS = 10
const CONNECT_TIMEOUT_MS = 5_000
// Kept by the driver, because a pooler in between does not pass a server setting on.
const ANSWER_TIMEOUT_MS = 35_000
const IDLE_TIMEOUT_MS = 30_000

/**
 * Opens a database that speaks PostgreSQL's protocol.
 *
 * @param url may hold a password; no error or log of this room repeats any part of it
 * @throws StoreError when it cannot be reached
 */
export async function openPostgres(
  url: string,
  { log, connections = CONNECTIONS }: { log?: StoreLog | undefined; connections?: number | undefined },
): Promise<Engine> {
  if (!isPostgresUrl(url)) {
    throw new StoreError('The database URL cannot be read: give postgres://user:password@host:port/database')
  }
  const pool = new Pool({
    connectionString: url,
    max: connections,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: ANSWER_TIMEOUT_MS,
    idleTimeoutMillis: IDLE_TIMEOUT_MS,
    keepAlive: true,
    allowExitOnIdle: true,
    application_name: 'keywright',
    types: INTEGERS_AS_NUMBERS,
  })
  // An idle connection that breaks is no request's error. Without listeners it would end the process.
  pool.on('error', (error) => {
    log?.warn({ code: postgresError(error).code }, 'a connection to the database was lost')
  })
  pool.on('connect', (client) => {
    client.on('error', () => undefined)
  })

  const db = new Kysely<Database>({ dialect: postgresDialect(pool) })
  let version: string
  try {
    const { rows } = await sql<{ version: string }>`select version()`.execute(db)
    version = rows[0]?.version ?? ''
  } catch (error) {
    await pool.end()
    throw openingError(error)
  }
  const inTurn = createTurns()
  const awaitHead = /CockroachDB|-YB-/.test(version) ? LOCK_HEAD_ROW : LOCK_HEAD_TABLE

  return {
    name: 'postgres',
    db,
    // Transitions all advance one row, so of two at once one would lose and be run again: here they queue instead,
    // and only those of other nodes are met.
    transaction: (work, { contended = false } = {}) =>
      inTurn(() =>
        db
          .transaction()
          .setIsolationLevel('serializable')
          .execute(async (transaction) => {
            if (contended) await awaitHead.execute(transaction)
            return work(transaction)
          }),
      ),
    looseTransaction: (work) => db.transaction().setIsolationLevel('read committed').execute(work),
    close: () => pool.end(),
  }
}

// In PostgreSQL a serializable transaction reads as of its first query. Locking a table is none, so after the wait
// it reads what the others committed; locking the row would be one, and would fail as soon as they commit.
const LOCK_HEAD_TABLE = sql`lock table feed_head in share row exclusive mode`
// The distributed engines have no table locks, and read again after waiting for a row.
const LOCK_HEAD_ROW = sql`select position from feed_head where id = 1 for update`

const INT8 = 20

/** 64-bit integers as numbers; one that a number cannot hold is refused. */
const INTEGERS_AS_NUMBERS: CustomTypesConfig = {
  getTypeParser(oid, format) {
    if (Number(oid) !== INT8) return types.getTypeParser(oid, format) as never
    return ((text: string) => {
      const value = Number(text)
      if (!Number.isSafeInteger(value))
        throw new DatabaseError('other', 'RANGE', 'A stored integer is out of range')
      return value
    }) as never
  },
}

function isPostgresUrl(url: string): boolean {
  const parsed = URL.parse(url)
  return parsed?.protocol === 'postgres:' || parsed?.protocol === 'postgresql:'
}

function openingError(error: unknown): StoreError {
  const { code, message } = postgresError(error)
  if (code === 'CONNECTION') {
    return new StoreError(
      'The database of the database URL does not answer: check the address, the port and TLS settings',
    )
  }
  return new StoreError(`${message}: check the database URL, and that the server runs`)
}
