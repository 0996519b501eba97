import { join } from 'node:path'
import { openDatabaseReader } from '../audit/database-reader.ts'
import { openFileReader } from '../audit/file-reader.ts'
import type { JournalReader } from '../audit/reader.ts'
import type { Clock } from '../clock.ts'
import { signingKeyFromSeed } from '../crypto/signing.ts'
import { openSystemKeys } from '../keys/system-keys.ts'
import { openStore, type Store, type StoreOptions } from '../store/store.ts'
import { noDeployment } from './deployment-error.ts'
import { openRootKey, type RootKeySource } from './root-key-source.ts'

/** The journal opened for reading, beside a running server if there is one. */
export interface OpenedJournal {
  readonly store: Store
  readonly reader: JournalReader
  /**
   * Opens the root key, so that rows can be checked; resolves with the public key that this
   * deployment's seals are signed with.
   */
  unlock(): Promise<Uint8Array>
  close(): Promise<void>
}

export async function openJournalForReading(
  options: {
    dataDir: string
    databaseUrl: string | undefined
    journalFiles: boolean
    rootKey: RootKeySource
  },
  { clock }: { clock: Clock },
): Promise<OpenedJournal> {
  const { dataDir, rootKey } = options
  const store = await openStore(storeOptions(options), { clock })
  const inFiles = store.engine === 'sqlite' || options.journalFiles
  return {
    store,
    reader: inFiles ? openFileReader(journalDirectory(dataDir)) : openDatabaseReader(store),
    async unlock() {
      const row = await store.db.selectFrom('deployment').selectAll().where('id', '=', 1).executeTakeFirst()
      if (row === undefined) throw noDeployment()
      const systemKeys = await openSystemKeys(store.db, await openRootKey(rootKey, row))
      store.authenticateWith(systemKeys.rows)
      store.rows.check('deployment', row)
      const { publicKey } = signingKeyFromSeed(systemKeys.sealSeed)
      systemKeys.sealSeed.fill(0)
      return publicKey
    },
    close: () => store.close(),
  }
}

/** Where the database is: SQLite in the data directory unless another is named. */
export function storeOptions(options: { dataDir: string; databaseUrl: string | undefined }): StoreOptions {
  const { dataDir, databaseUrl } = options
  return databaseUrl === undefined
    ? { engine: 'sqlite', file: join(dataDir, 'keywright.db') }
    : { engine: 'postgres', url: databaseUrl }
}

export function journalDirectory(dataDir: string): string {
  return join(dataDir, 'journal')
}
