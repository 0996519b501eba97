import type { Kysely, Transaction } from 'kysely'
import type { Database } from './schema.ts'

/** Where to read: what is committed, or a transition's own rows. */
export type Db = Kysely<Database> | Transaction<Database>
