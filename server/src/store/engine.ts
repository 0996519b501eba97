import type { Kysely, Transaction } from 'kysely'
import type { Eraser } from './erasure.ts'
import type { Database } from './schema.ts'

/** What the two databases have in common for the rest of this room. */
export interface Engine {
  readonly name: 'sqlite' | 'postgres'
  /** Each statement sees what is committed. */
  readonly db: Kysely<Database>
  /**
   * Runs `work` in one serializable transaction, which is rolled back when it throws. One at a time in this process.
   *
   * @param options.contended an earlier attempt lost against another node: wait for the feed's head first,
   *   so that this attempt cannot lose it again
   */
  transaction<T>(
    work: (db: Transaction<Database>) => Promise<T>,
    options?: { readonly contended?: boolean },
  ): Promise<T>
  /** A transaction that sees, after each wait for a lock, what was committed meanwhile. For migrations and bookkeeping. */
  looseTransaction<T>(work: (db: Transaction<Database>) => Promise<T>): Promise<T>
  /** Undefined where the files are not ours to look after. */
  readonly eraser?: Eraser
  close(): Promise<void>
}

/** The part of pino's logger that this room uses. */
export interface StoreLog {
  warn(facts: object, text: string): void
}
