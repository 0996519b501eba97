/** The SQLite thread: owns both connections to the database file, so that no commit blocks the loop of the main thread. */

import { randomInt } from 'node:crypto'
import { closeSync, constants, fchmodSync, fstatSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { parentPort, workerData } from 'node:worker_threads'
import { syncDirectory } from '../sync-directory.ts'
import { emptyWal, fileHolds, rewriteSecrets } from './sqlite-scrub.ts'
import type {
  ScrubOutcome,
  SqliteConnectionName,
  SqliteFailure,
  SqliteReply,
  SqliteRequest,
  SqliteResult,
  SqliteScrub,
  SqliteStatement,
  SqliteValue,
} from './sqlite-messages.ts'

// While this thread waits for another process it answers nobody, so it waits shortly; transactions are re-run.
const BUSY_TIMEOUT_MS = 100
const OPEN_ATTEMPTS = 50
const CACHED_STATEMENTS = 400

const SQLITE_BUSY = 5
const SQLITE_IOERR_FSYNC = 1034
const SQLITE_IOERR_DIR_FSYNC = 1290

interface CachedStatement {
  readonly statement: StatementSync
  readonly columns: readonly string[]
}

interface Connection {
  readonly name: SqliteConnectionName
  /** A statement of the transaction failed: nothing but its end may follow. */
  failed: boolean
  readonly database: DatabaseSync
  readonly statements: Map<string, CachedStatement>
}

const port = parentPort
if (!port) throw new Error('sqlite-worker runs as a worker thread')
const { file } = workerData as { file: string }

const reply = (message: SqliteReply) => {
  port.postMessage(message)
}

try {
  serve(open(file))
} catch (error) {
  reply({ failedToOpen: failureOf(error) })
}

function serve(connections: Record<SqliteConnectionName, Connection>): void {
  port?.on('message', (request: SqliteRequest) => {
    if ('close' in request) {
      connections.reader.database.close()
      connections.writer.database.close()
      port.close()
      return
    }
    if ('scrub' in request) {
      void scrub(connections.writer.database, request.scrub).then(answer)
      return
    }
    answer(request.statements.map((statement) => run(connections[statement.connection], statement)))
  })
  reply({ ready: true })
}

function answer(results: readonly SqliteResult[]): void {
  reply({ results })

  // The kernel reports a failed fsync once and forgets the pages; a later one would succeed and mean nothing.
  if (results.some((result) => 'failure' in result && failedToSync(result.failure))) process.exit(1)
}

async function scrub(database: DatabaseSync, { id, step, wanted }: SqliteScrub): Promise<SqliteResult[]> {
  try {
    let outcome: ScrubOutcome = 'done'
    if (step === 'checkpoint') outcome = emptyWal(database, BUSY_TIMEOUT_MS) ? 'done' : 'busy'
    else if (step === 'scan') outcome = (await fileHolds(file, wanted)) ? 'found' : 'clean'
    else rewriteSecrets(database)
    return [{ id, columns: ['outcome'], rows: [[outcome]], changes: 0 }]
  } catch (error) {
    return [{ id, failure: failureOf(error) }]
  }
}

function open(path: string): Record<SqliteConnectionName, Connection> {
  createPrivately(path)
  for (let attempt = 1; ; attempt++) {
    const writer = connect(path, 'writer')
    try {
      // Another starter may be doing the same; a change of the journal mode does not wait for it.
      const mode = writer.database.prepare('pragma journal_mode = wal').get()?.['journal_mode']
      if (mode !== 'wal')
        throw new Error('The file system of the database cannot share memory between processes')
      writer.database.exec('pragma synchronous = full')
      const reader = connect(path, 'reader')
      reader.database.exec('pragma query_only = on')
      return { writer, reader }
    } catch (error) {
      writer.database.close()
      if ((failureOf(error).code & 0xff) !== SQLITE_BUSY || attempt === OPEN_ATTEMPTS) throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, randomInt(20, 50))
    }
  }
}

function connect(path: string, name: SqliteConnectionName): Connection {
  const database = new DatabaseSync(path, {
    timeout: BUSY_TIMEOUT_MS,
    defensive: true,
    enableForeignKeyConstraints: true,
    enableDoubleQuotedStringLiterals: false,
  })
  database.exec(
    `pragma trusted_schema = off;
     pragma cell_size_check = on;
     pragma secure_delete = on;
     pragma temp_store = memory;
     pragma cache_size = -16384;
     pragma journal_size_limit = 67108864`,
  )
  return { name, failed: false, database, statements: new Map() }
}

/** SQLite gives its -wal and -shm files the mode of the database file. */
function createPrivately(path: string): void {
  const descriptor = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600)
  try {
    if ((fstatSync(descriptor).mode & 0o077) !== 0) fchmodSync(descriptor, 0o600)
  } finally {
    closeSync(descriptor)
  }
  syncDirectory(dirname(path))
}

function run(connection: Connection, { id, sql, values }: SqliteStatement): SqliteResult {
  try {
    if (connection.name === 'writer') requireTransaction(connection, sql)
    const { statement, columns } = prepare(connection, sql)
    if (columns.length === 0) {
      return { id, columns, rows: [], changes: Number(statement.run(...values).changes) }
    }
    const rows = statement.all(...values) as unknown as SqliteValue[][]
    return { id, columns, rows, changes: rows.length }
  } catch (error) {
    connection.failed = true
    return { id, failure: failureOf(error) }
  }
}

/**
 * SQLite ends a transaction by itself when the disk is full or fails, and a statement that follows would be
 * committed alone. PostgreSQL refuses everything after any failure; so do we.
 */
function requireTransaction(writer: Connection, sql: string): void {
  if (sql === 'begin immediate') {
    writer.failed = false
    if (writer.database.isTransaction) writer.database.exec('rollback')
  } else if (sql !== 'rollback' && (writer.failed || !writer.database.isTransaction)) {
    throw new Error('a statement of this transaction failed before')
  }
}

function prepare({ database, statements }: Connection, sql: string): CachedStatement {
  const known = statements.get(sql)
  if (known) return known
  const statement = database.prepare(sql)
  statement.setReturnArrays(true)
  const prepared = { statement, columns: statement.columns().map((column) => column.name) }
  // A migration changes what `select *` means, so statements prepared before it are not kept.
  if (/^\s*(create|alter|drop)\s/i.test(sql)) statements.clear()
  else statements.set(sql, prepared)
  if (statements.size > CACHED_STATEMENTS) {
    for (const oldest of statements.keys()) {
      statements.delete(oldest)
      break
    }
  }
  return prepared
}

function failureOf(error: unknown): SqliteFailure {
  const { errcode, code, message } = error as { errcode?: number; code?: string; message: string }
  if (errcode !== undefined) return { code: errcode, message }
  return { code: 0, message: code ?? message }
}

function failedToSync({ code }: SqliteFailure): boolean {
  return code === SQLITE_IOERR_FSYNC || code === SQLITE_IOERR_DIR_FSYNC
}
