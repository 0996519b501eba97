import {
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
} from 'kysely'
import type { SqliteConnectionName } from './sqlite-messages.ts'
import type { SqliteThread } from './sqlite-thread.ts'

/** Kysely on one of the two connections of the SQLite thread. */
export function sqliteDialect(thread: SqliteThread, connection: SqliteConnectionName): Dialect {
  return {
    createAdapter: () => new SharedSqliteAdapter(),
    createDriver: () => (connection === 'reader' ? readerDriver(thread) : writerDriver(thread)),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  }
}

/** Kysely's own adapter makes each query wait for the one before; here the thread keeps the order, and reads need no turn. */
class SharedSqliteAdapter extends SqliteAdapter {
  override get supportsMultipleConnections(): boolean {
    return true
  }
}

function readerDriver(thread: SqliteThread): Driver {
  const connection = connectionOf((query) => thread.run('reader', query.sql, query.parameters))
  const refuse = () =>
    Promise.reject(new Error('The reading connection has no transactions; use transition()'))
  return {
    init: async () => undefined,
    acquireConnection: () => Promise.resolve(connection),
    beginTransaction: refuse,
    commitTransaction: refuse,
    rollbackTransaction: refuse,
    releaseConnection: async () => undefined,
    destroy: async () => undefined,
  }
}

/** The engine lets one transaction at a time in here (turns.ts); nothing is run outside of one. */
function writerDriver(thread: SqliteThread): Driver {
  let inTransaction = false
  const connection = connectionOf((query) => {
    // A statement that nobody awaited would otherwise run after the commit, outside of any transaction.
    if (!inTransaction) return Promise.reject(new Error('The transaction is over'))
    return thread.run('writer', query.sql, query.parameters)
  })
  return {
    init: async () => undefined,
    acquireConnection: () => Promise.resolve(connection),
    async beginTransaction() {
      await thread.run('writer', 'begin immediate', [])
      inTransaction = true
    },
    async commitTransaction() {
      inTransaction = false
      await thread.run('writer', 'commit', [])
    },
    async rollbackTransaction() {
      inTransaction = false
      // Some failures have ended the transaction already; the first error is the one to tell.
      await thread.run('writer', 'rollback', []).catch(() => undefined)
    },
    releaseConnection: async () => undefined,
    destroy: async () => undefined,
  }
}

function connectionOf(run: (query: CompiledQuery) => ReturnType<SqliteThread['run']>): DatabaseConnection {
  return {
    async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
      const { rows, changes } = await run(query)
      return { rows: rows as R[], numAffectedRows: BigInt(changes) }
    },
    streamQuery() {
      throw new Error('Rows are read in pages, not streamed')
    },
  }
}
