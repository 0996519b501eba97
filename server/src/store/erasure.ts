import type { Transaction } from 'kysely'
import type { Database } from './schema.ts'

/** What a transition takes away so that nobody ever has it again. */
export interface Erasure {
  /** As it stood in the rows: no file of the database is to keep it. */
  readonly bytes: readonly Uint8Array[]
  /** Of a KMS key: the journal gets a record of it that proves itself. */
  readonly material?: ErasedMaterial
}

export interface ErasedMaterial {
  readonly accountId: string
  readonly region: string
  readonly keyId: string
  /** Absent when the key was destroyed with all that it had. */
  readonly materialId?: string
}

/** Of an engine whose files are ours: takes what was erased out of every one of them. */
export interface Eraser {
  /** Within the transaction that erases, so that a crash after its commit does not forget the rest. */
  mark(db: Transaction<Database>): Promise<void>
  /** After the commit. The work goes on beside others' and is never waited for. */
  erase(bytes: readonly Uint8Array[]): void
  /** Resolves when nothing is left to be erased, or no more can be done now. */
  settled(): Promise<void>
}
