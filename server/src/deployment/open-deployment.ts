import { randomUUID, timingSafeEqual } from 'node:crypto'
import { hostname } from 'node:os'
import { openDatabaseReader } from '../audit/database-reader.ts'
import { openDatabaseSink } from '../audit/database-sink.ts'
import { openFileReader } from '../audit/file-reader.ts'
import { openFileSink } from '../audit/file-sink.ts'
import type { Journal } from '../audit/journal.ts'
import { openJournal } from '../audit/open-journal.ts'
import type { JournalReader } from '../audit/reader.ts'
import type { Clock } from '../clock.ts'
import type { RandomSource } from '../crypto/random.ts'
import type { RootKey } from '../crypto/root-key.ts'
import { signingKeyFromSeed, type SigningKey } from '../crypto/signing.ts'
import { WrapError } from '../crypto/wrap.ts'
import {
  createAccessKeys,
  newAccessKeyId,
  newSecretAccessKey,
  type AccessKeys,
} from '../identity/access-keys.ts'
import { createAccounts, type Accounts } from '../identity/accounts.ts'
import { createAliases, type Aliases } from '../keys/aliases.ts'
import { createDomainKeys, type DomainKeys } from '../keys/domain-keys.ts'
import { createKeys, type Keys } from '../keys/keys.ts'
import { makeSystemKeys, openSystemKeys, type SystemKeys } from '../keys/system-keys.ts'
import type { DeploymentRow } from '../store/schema.ts'
import { DuplicateRowError, openStore, type Store } from '../store/store.ts'
import type { Health } from '../telemetry/health.ts'
import type { Log } from '../telemetry/log.ts'
import { DeploymentError } from './deployment-error.ts'
import { databaseFile, journalDirectory } from './open-journal.ts'
import { operatorRecord, type Operator } from './operator-record.ts'
import { makeFirstRootKey, openRootKey, type RootKeySource } from './root-key-source.ts'

/** What a deployment is opened with. */
export interface OpenOptions {
  readonly dataDir: string
  readonly databaseUrl: string | undefined
  readonly journalFiles: boolean
  readonly journalSegmentBytes: number
  readonly journalSealIntervalMs: number
  readonly cacheKeys: number
  /** Undefined: whatever the database has, and 000000000000 for a new one. */
  readonly accountId: string | undefined
  readonly rootCredentials: { accessKeyId: string; secretAccessKey: string } | undefined
  readonly devAuth: boolean
  /** A deployment that is not there yet is an error, and nothing is made. */
  readonly mustExist: boolean
  readonly rootKey: RootKeySource
  readonly operator: Operator
}

export interface OpenDependencies {
  readonly clock: Clock
  readonly random: RandomSource
  readonly log: Log
  readonly health: Health
  readonly onJournalCommit?: (facts: { commitMs: number; records: number }) => void
}

/** A deployment with everything below its listeners. */
export interface OpenedDeployment {
  readonly deploymentId: string
  readonly firstAccountId: string
  readonly devAuth: boolean
  /** The first account's root credentials, when this start made them or was given them. */
  readonly rootCredentials: { accessKeyId: string; secretAccessKey: string } | undefined
  readonly isNew: boolean
  readonly store: Store
  readonly journal: Journal
  readonly journalReader: JournalReader
  readonly signer: SigningKey
  readonly accounts: Accounts
  readonly accessKeys: AccessKeys
  readonly domainKeys: DomainKeys
  readonly keys: Keys
  readonly aliases: Aliases
  /** The root key in force; a rotation puts another one in its place. */
  readonly rootKey: { current: RootKey }
  close(): Promise<void>
}

const DEFAULT_ACCOUNT_ID = '000000000000'
// The layout of what the database holds, apart from its tables.
const FORMAT = 1

/**
 * Opens a deployment, or makes it on its first start; the database decides which. Nothing is made
 * when something that belongs to an earlier deployment is there.
 *
 * @throws DeploymentError, StoreError, RootKeyError: one line each that says what to do
 */
export async function openDeployment(
  options: OpenOptions,
  deps: OpenDependencies,
): Promise<OpenedDeployment> {
  const { clock, log, health } = deps
  const store = await openStore(
    options.databaseUrl === undefined
      ? { engine: 'sqlite', file: databaseFile(options.dataDir) }
      : { engine: 'postgres', url: options.databaseUrl },
    {
      clock,
      log,
      onCorruptRow: (error) => {
        health.fail('rows', error.message)
      },
      onHealth: (ok, reason) => {
        if (ok) health.recover('store')
        else health.fail('store', reason ?? 'the database does not answer')
      },
    },
  )
  try {
    return await openOver(store, options, deps)
  } catch (error) {
    await store.close()
    throw error
  }
}

async function openOver(
  store: Store,
  options: OpenOptions,
  deps: OpenDependencies,
): Promise<OpenedDeployment> {
  const { clock, random, log, health } = deps
  const now = () => clock.now()
  const row = await store.db.selectFrom('deployment').selectAll().where('id', '=', 1).executeTakeFirst()
  if (row === undefined && options.mustExist) {
    throw new DeploymentError('there is no deployment yet: run keywright init, or keywright serve')
  }
  const { rootKey, systemKeys, ...made } =
    row === undefined ? await firstStart(store, options, deps) : await laterStart(store, row, options)
  const deployment = made.row
  if (options.devAuth && deployment.dev_auth !== 1) {
    throw new DeploymentError(
      'devAuth is refused: this deployment was not initialised with it; use a new data directory and database for development',
    )
  }

  const accounts = createAccounts({ store, now, cacheLimit: options.cacheKeys })
  const accessKeys = createAccessKeys({
    store,
    secretsKey: systemKeys.secrets,
    now,
    cacheLimit: options.cacheKeys,
  })
  if (row !== undefined) await requireSameRootUser(deployment, accessKeys, options)

  const rootKeyInForce = { current: rootKey }
  const domainKeys = createDomainKeys({ store, rootKey: () => rootKeyInForce.current, random, now })
  const keys = createKeys({ store, domainKeys, random, now, cacheLimit: options.cacheKeys })
  const aliases = createAliases({ store, now, cacheLimit: options.cacheKeys })

  const signer = signingKeyFromSeed(systemKeys.sealSeed)
  systemKeys.sealSeed.fill(0)
  const inFiles = store.engine === 'sqlite' || options.journalFiles
  const directory = journalDirectory(options.dataDir)
  const journalReader = inFiles ? openFileReader(directory) : openDatabaseReader(store)
  const journal = await openJournal({
    store,
    sink: inFiles
      ? openFileSink({ directory, clock, limits: { segmentBytes: options.journalSegmentBytes } })
      : openDatabaseSink(store),
    reader: journalReader,
    clock,
    random,
    signer,
    node: `${hostname()}:${options.dataDir}`,
    log,
    limits: { sealAfterMs: options.journalSealIntervalMs },
    onHealth: (ok, reason) => {
      if (ok) health.recover('journal')
      else health.fail('journal', reason ?? 'the journal cannot be written')
    },
    ...(deps.onJournalCommit && { onCommit: deps.onJournalCommit }),
  })

  return {
    deploymentId: deployment.deployment_id,
    firstAccountId: deployment.first_account_id,
    devAuth: options.devAuth,
    rootCredentials: made.rootCredentials ?? options.rootCredentials,
    isNew: row === undefined,
    store,
    journal,
    journalReader,
    signer,
    accounts,
    accessKeys,
    domainKeys,
    keys,
    aliases,
    rootKey: rootKeyInForce,
    async close() {
      await journal.close()
      await store.close()
    },
  }
}

interface Started {
  readonly row: DeploymentRow
  readonly rootKey: RootKey
  readonly systemKeys: SystemKeys
  readonly rootCredentials?: { accessKeyId: string; secretAccessKey: string }
}

async function laterStart(store: Store, row: DeploymentRow, options: OpenOptions): Promise<Started> {
  if (row.format > FORMAT) {
    throw new DeploymentError('this deployment was made by a newer version of Keywright: start that version')
  }
  const rootKey = await openRootKey(options.rootKey, row)
  const systemKeys = await openSystemKeys(store.db, rootKey).catch((cause: unknown) => {
    if (!(cause instanceof WrapError)) throw cause
    throw new DeploymentError(
      'the root key does not open the keys in the database: the database is damaged; restore a backup',
      { cause },
    )
  })
  store.authenticateWith(systemKeys.rows)
  store.rows.check('deployment', row)
  return { row, rootKey, systemKeys }
}

async function firstStart(store: Store, options: OpenOptions, deps: OpenDependencies): Promise<Started> {
  const { clock, random } = deps
  const { rootKey, provider, descriptor } = await makeFirstRootKey(options.rootKey)
  const { keys: systemKeys, rows } = await makeSystemKeys(rootKey, random)
  store.authenticateWith(systemKeys.rows)

  const accountId = options.accountId ?? DEFAULT_ACCOUNT_ID
  const rootCredentials = options.rootCredentials ?? {
    accessKeyId: newAccessKeyId(random),
    secretAccessKey: newSecretAccessKey(random),
  }
  const nowMs = () => clock.now()
  const accounts = createAccounts({ store, now: nowMs, cacheLimit: 1 })
  const accessKeys = createAccessKeys({ store, secretsKey: systemKeys.secrets, now: nowMs, cacheLimit: 1 })
  try {
    const row = await store.transition(async (tx) => {
      await tx.db.insertInto('system_keys').values(rows).execute()
      const inserted = await store.rows.insert(tx, 'deployment', {
        id: 1,
        deployment_id: randomUUID(),
        format: FORMAT,
        created_at: clock.now(),
        first_account_id: accountId,
        dev_auth: options.devAuth ? 1 : 0,
        root_provider: provider,
        root_key_id: rootKey.id,
        root_descriptor: descriptor,
      })
      tx.changed('deployment', '1')
      await accounts.create(tx, { accountId, name: 'first' })
      await accessKeys.create(tx, { accountId, ...rootCredentials })
      tx.record((changePosition) =>
        operatorRecord({
          clockMs: clock.now(),
          operator: options.operator,
          command: 'InitDeployment',
          parameters: { accountId, rootKeyProvider: provider, devAuth: options.devAuth },
          response: { accessKeyId: rootCredentials.accessKeyId },
          accountId,
          changePosition,
        }),
      )
      return inserted
    })
    return { row, rootKey, systemKeys, rootCredentials }
  } catch (cause) {
    if (cause instanceof DuplicateRowError) {
      throw new DeploymentError(
        `another node initialised this database just now: remove the root key that this one made (${options.rootKey.file}), copy that node's, and start again`,
        { cause },
      )
    }
    throw cause
  }
}

/** What the settings say of the first account must be what the deployment was made with. */
async function requireSameRootUser(
  deployment: DeploymentRow,
  accessKeys: AccessKeys,
  { accountId, rootCredentials }: OpenOptions,
): Promise<void> {
  const first = deployment.first_account_id
  if (accountId !== undefined && accountId !== first) {
    throw new DeploymentError(
      `accountId is ${accountId}, but this deployment was initialised with ${first}: take the setting away or correct it`,
    )
  }
  if (rootCredentials === undefined) return
  const stored = await accessKeys.read(rootCredentials.accessKeyId)
  const same =
    stored?.accessKey.accountId === first &&
    equalSecrets(accessKeys.secretOf(stored), rootCredentials.secretAccessKey)
  if (!same) {
    throw new DeploymentError(
      'rootAccessKeyId and rootSecretAccessKey are not those of this deployment: take the settings away or correct them',
    )
  }
}

function equalSecrets(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)]
  return a.length === b.length && timingSafeEqual(a, b)
}
