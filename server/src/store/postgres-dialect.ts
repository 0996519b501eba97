import {
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
} from 'kysely'
import type { Pool, PoolClient } from 'pg'
import { postgresError } from './postgres-error.ts'
import { DatabaseError } from './store-errors.ts'

// Longer than any statement of ours needs; a node that stalls in a transaction holds up every other node's changes.
const STATEMENT_TIMEOUT_MS = 30_000
const IDLE_IN_TRANSACTION_TIMEOUT_MS = 15_000

/**
 * Kysely on a pool of connections, without session state: statements are unnamed and settings last for
 * one transaction, so a pooler that changes the session after each transaction may stand between.
 */
export function postgresDialect(pool: Pool): Dialect {
  return {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => driverOf(pool),
    createIntrospector: (db) => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  }
}

function driverOf(pool: Pool): Driver {
  return {
    init: async () => undefined,
    async acquireConnection() {
      try {
        return new Lease(await pool.connect())
      } catch (error) {
        throw postgresError(error)
      }
    },
    async beginTransaction(connection, { isolationLevel = 'serializable' }) {
      await (connection as Lease).run(
        `begin isolation level ${isolationLevel}; ` +
          `set local statement_timeout = ${STATEMENT_TIMEOUT_MS}; ` +
          `set local idle_in_transaction_session_timeout = ${IDLE_IN_TRANSACTION_TIMEOUT_MS}`,
      )
    },
    async commitTransaction(connection) {
      const { command } = await (connection as Lease).end('commit')
      // PostgreSQL answers the commit of a transaction in which a statement failed by rolling it back.
      if (command !== 'COMMIT')
        throw new DatabaseError('other', '25P02', 'A statement of the transaction failed')
    },
    async rollbackTransaction(connection) {
      const lease = connection as Lease
      // The first error is the one to tell. A connection that cannot roll back is given up, which rolls back too.
      await lease.end('rollback').catch(() => {
        lease.broken = true
      })
    },
    releaseConnection(connection) {
      ;(connection as Lease).release()
      return Promise.resolve()
    },
    destroy: () => pool.end(),
  }
}

interface Answer {
  readonly rows: unknown[]
  readonly rowCount: number | null
  readonly command: string
}

/** A connection for as long as one user has it: nothing that was forgotten runs on it afterwards. */
class Lease implements DatabaseConnection {
  broken = false
  #open = true
  readonly #client: PoolClient

  constructor(client: PoolClient) {
    this.#client = client
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    const { rows, rowCount } = await this.run(query.sql, query.parameters)
    return { rows: rows as R[], numAffectedRows: BigInt(rowCount ?? 0) }
  }

  streamQuery(): never {
    throw new Error('Rows are read in pages, not streamed')
  }

  /** Without values the text may hold several statements. */
  async run(text: string, values?: readonly unknown[]): Promise<Answer> {
    if (!this.#open) throw new Error('The transaction is over')
    return this.#send(text, values)
  }

  async #send(text: string, values?: readonly unknown[]): Promise<Answer> {
    try {
      return values ? await this.#client.query(text, [...values]) : await this.#client.query(text)
    } catch (error) {
      const translated = postgresError(error)
      if (translated.kind === 'unavailable') this.broken = true
      throw translated
    }
  }

  end(text: 'commit' | 'rollback'): Promise<Answer> {
    this.#open = false
    return this.#send(text)
  }

  release(): void {
    this.#open = false
    this.#client.release(this.broken)
  }
}
