import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { DatabaseError, StoreError, type DatabaseErrorKind } from './store-errors.ts'
import type {
  ScrubOutcome,
  ScrubStep,
  SqliteConnectionName,
  SqliteFailure,
  SqliteReply,
  SqliteRequest,
  SqliteResult,
  SqliteStatement,
  SqliteValue,
} from './sqlite-messages.ts'

export interface SqliteRows {
  readonly rows: Record<string, unknown>[]
  readonly changes: number
}

interface Waiter {
  resolve(result: SqliteRows): void
  reject(error: Error): void
}

// The published package holds this file built, as .js, with the worker beside it.
const WORKER = new URL(`./sqlite-worker${extname(fileURLToPath(import.meta.url))}`, import.meta.url)

/** The main thread's end of the SQLite thread. Statements of one tick cross together, and run in the order they were given. */
export class SqliteThread {
  readonly #worker: Worker
  readonly #waiting = new Map<number, Waiter>()
  #unsent: SqliteStatement[] = []
  #nextId = 1
  #closed: StoreError | undefined
  readonly #exited: Promise<void>

  private constructor(worker: Worker, onDeath: (error: StoreError) => void) {
    this.#worker = worker
    worker.on('message', (reply: SqliteReply) => {
      if ('results' in reply) this.#settle(reply.results)
    })
    this.#exited = new Promise((resolve) => {
      worker.once('exit', () => {
        const died = this.#closed === undefined
        const error = this.#refuse('The database thread ended: restart')
        if (died) onDeath(error)
        resolve()
      })
    })
    // An uncaught error ends the thread; 'exit' follows.
    worker.on('error', () => undefined)
    worker.unref()
  }

  /** @throws StoreError when the file cannot be opened or is no database */
  static async open(file: string, onDeath: (error: StoreError) => void): Promise<SqliteThread> {
    const worker = new Worker(WORKER, { name: 'sqlite', workerData: { file }, execArgv: [], env: {} })
    const reply = await new Promise<SqliteReply>((resolve, reject) => {
      worker.once('message', resolve)
      worker.once('error', reject)
    })
    if ('failedToOpen' in reply) {
      await worker.terminate()
      throw openingError(file, reply.failedToOpen)
    }
    return new SqliteThread(worker, onDeath)
  }

  run(connection: SqliteConnectionName, sql: string, values: readonly unknown[]): Promise<SqliteRows> {
    if (this.#closed) return Promise.reject(this.#closed)
    const statement: SqliteStatement = {
      id: this.#nextId++,
      connection,
      sql,
      values: values.map(sqliteValue),
    }
    if (this.#unsent.length === 0) {
      queueMicrotask(() => {
        this.#send()
      })
    }
    this.#unsent.push(statement)
    return this.#wait(statement.id)
  }

  /** Runs behind what was given. Looking for what is `wanted` goes on beside what follows. */
  async scrub(step: ScrubStep, wanted: readonly Uint8Array[] = []): Promise<ScrubOutcome> {
    if (this.#closed) throw this.#closed
    this.#send()
    const id = this.#nextId++
    const done = this.#wait(id)
    this.#post({ scrub: { id, step, wanted: wanted.map((bytes) => new Uint8Array(bytes)) } })
    const { rows } = await done
    return rows[0]?.['outcome'] as ScrubOutcome
  }

  /** Runs what was given, then closes the file. */
  async close(): Promise<void> {
    if (!this.#closed) {
      this.#send()
      this.#closed = new StoreError('The database is closed')
      this.#worker.ref()
      this.#post({ close: true })
    }
    await this.#exited
  }

  /** Ends the thread where it stands; an open transaction is lost. */
  async terminate(): Promise<void> {
    await this.#worker.terminate()
  }

  #wait(id: number): Promise<SqliteRows> {
    return new Promise((resolve, reject) => {
      // The thread keeps the process alive only while somebody waits for it.
      if (this.#waiting.size === 0) this.#worker.ref()
      this.#waiting.set(id, { resolve, reject })
    })
  }

  #send(): void {
    if (this.#unsent.length === 0) return
    const statements = this.#unsent
    this.#unsent = []
    this.#post({ statements })
  }

  #post(request: SqliteRequest): void {
    this.#worker.postMessage(request)
  }

  #settle(results: readonly SqliteResult[]): void {
    for (const result of results) {
      const waiter = this.#waiting.get(result.id)
      if (!waiter) continue
      this.#waiting.delete(result.id)
      if ('failure' in result) waiter.reject(sqliteError(result.failure))
      else waiter.resolve({ rows: objects(result.columns, result.rows), changes: result.changes })
    }
    if (this.#waiting.size === 0 && !this.#closed) this.#worker.unref()
  }

  #refuse(reason: string): StoreError {
    const error = this.#closed ?? new DatabaseError('unavailable', 'SQLITE_THREAD', reason)
    this.#closed = error
    this.#unsent = []
    for (const waiter of this.#waiting.values()) waiter.reject(error)
    this.#waiting.clear()
    return error
  }
}

function objects(
  columns: readonly string[],
  rows: readonly (readonly SqliteValue[])[],
): Record<string, unknown>[] {
  return rows.map((values) => {
    const row: Record<string, unknown> = {}
    for (let i = 0; i < columns.length; i++) {
      const value = values[i]
      // columns and values come from one statement, so both are there.
      row[columns[i] as string] =
        value instanceof Uint8Array ? Buffer.from(value.buffer, value.byteOffset, value.byteLength) : value
    }
    return row
  })
}

/** A Buffer may be a window on a pool that holds other secrets, and all of the pool would be copied: send the window only. */
function sqliteValue(value: unknown): SqliteValue {
  if (value instanceof Uint8Array) return new Uint8Array(value)
  if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint')
    return value
  throw new TypeError(`A ${typeof value} cannot be stored`)
}

// Primary result codes, https://sqlite.org/rescode.html
const KINDS: Readonly<Record<number, DatabaseErrorKind>> = {
  5: 'busy',
  6: 'busy',
  8: 'unavailable', // read-only
  10: 'unavailable', // I/O error
  11: 'corrupt',
  13: 'unavailable', // disk full
  14: 'unavailable', // cannot open
  26: 'corrupt', // not a database
}
const CONSTRAINT_PRIMARYKEY = 1555
const CONSTRAINT_UNIQUE = 2067

function sqliteError({ code, message }: SqliteFailure): DatabaseError {
  const kind =
    code === CONSTRAINT_PRIMARYKEY || code === CONSTRAINT_UNIQUE
      ? 'duplicate'
      : (KINDS[code & 0xff] ?? 'other')
  if (kind === 'corrupt') {
    return new DatabaseError(
      kind,
      `SQLITE_${code}`,
      `The database is damaged (${code}): restore it from a backup`,
    )
  }
  // SQLite's messages name tables and columns, never values.
  return new DatabaseError(kind, `SQLITE_${code}`, `SQLite: ${message} (${code})`)
}

function openingError(file: string, failure: SqliteFailure): StoreError {
  if (sqliteError(failure).kind === 'corrupt') {
    return new StoreError(`${file} is damaged or is not a database: restore it from a backup`)
  }
  return new StoreError(
    `The database ${file} cannot be opened (${failure.message}): check the path, its permissions and the disk`,
  )
}
