import { timingSafeEqual } from 'node:crypto'
import { hostname } from 'node:os'
import { openDatabaseReader } from '../audit/database-reader.ts'
import { openDatabaseSink } from '../audit/database-sink.ts'
import { erasureRecord } from '../audit/erasure-record.ts'
import { openFileReader } from '../audit/file-reader.ts'
import { openFileSink } from '../audit/file-sink.ts'
import type { Journal } from '../audit/journal.ts'
import { findLostChanges } from '../audit/lost-changes.ts'
import { openJournal } from '../audit/open-journal.ts'
import type { JournalReader } from '../audit/reader.ts'
import { createKeyEngine } from '../crypto/in-process-engine.ts'
import type { KeyEngine } from '../crypto/key-engine.ts'
import { deriveKey } from '../crypto/kdf.ts'
import type { RootKey } from '../crypto/root-key.ts'
import { signingKeyFromSeed, type SigningKey } from '../crypto/signing.ts'
import { WrapError } from '../crypto/wrap.ts'
import type { AccessKeys } from '../identity/access-keys.ts'
import { createAliases, type Aliases } from '../keys/aliases.ts'
import { createDomainKeys, type DomainKeys } from '../keys/domain-keys.ts'
import { createGrants, type Grants } from '../keys/grants.ts'
import { createImports, type Imports } from '../keys/imports.ts'
import { createKeyUses, type JournalPosition, type KeyUses } from '../keys/key-uses.ts'
import { createKeys, type Keys } from '../keys/keys.ts'
import { awsResourceQuotas, type ResourceQuotas } from '../keys/resource-quotas.ts'
import { openSystemKeys } from '../keys/system-keys.ts'
import { createChannels, type Channels } from '../links/channels.ts'
import { createLinkIdentities, type LinkIdentities } from '../links/link-identity.ts'
import { createRegionLinks, type RegionLinks } from '../links/region-links.ts'
import type { DeploymentRow } from '../store/rows/deployment-rows.ts'
import { CorruptRowError, openStore, type Store } from '../store/store.ts'
import type { Log } from '../telemetry/log.ts'
import { DeploymentError, noDeployment } from './deployment-error.ts'
import { honourLostDeletions } from './honour-deletions.ts'
import { firstStart, forgetFirstStart, FORMAT, type Started } from './first-start.ts'
import { createKeyUseJournal, type KeyUseJournal } from './key-use-journal.ts'
import type { OpenDependencies, OpenOptions, RootCredentials } from './open-options.ts'
import { openIdentity, type OpenedIdentity } from './open-identity.ts'
import { journalDirectory, storeOptions } from './open-journal.ts'
import { finishRootKeyRotation, openRootKey, unusedRootKeyFile } from './root-key-source.ts'

/** A deployment with everything below its listeners. */
export interface OpenedDeployment extends OpenedIdentity {
  readonly deploymentId: string
  readonly firstAccountId: string
  readonly devAuth: boolean
  /** The first account's root credentials, when this start made them or was given them. */
  readonly rootCredentials: RootCredentials | undefined
  readonly isNew: boolean
  readonly store: Store
  readonly journal: Journal
  readonly journalReader: JournalReader
  readonly signer: SigningKey
  readonly domainKeys: DomainKeys
  readonly engine: KeyEngine
  readonly keys: Keys
  readonly keyUses: KeyUses
  readonly keyUseJournal: KeyUseJournal
  readonly imports: Imports
  readonly aliases: Aliases
  readonly grants: Grants
  readonly resourceQuotas: ResourceQuotas
  readonly links: RegionLinks
  readonly linkIdentities: LinkIdentities
  readonly channels: Channels
  /** The root key in force; a rotation puts another one in its place. */
  readonly rootKey: { current: RootKey }
  close(): Promise<void>
}

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
  const store = await openStore(storeOptions(options), {
    clock,
    log,
    onCorruptRow: (error) => {
      health.fail('rows', error.message)
    },
    onHealth: (ok, reason) => {
      if (ok) health.recover('store')
      else health.fail('store', reason ?? 'the database does not answer')
    },
  })
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
  if (row === undefined && options.mustExist) throw noDeployment()
  const { rootKey, systemKeys, ...made } =
    row === undefined ? await firstStart(store, options, deps) : await laterStart(store, row, options, log)
  const deployment = made.row
  if (options.devAuth && deployment.dev_auth !== 1) {
    throw new DeploymentError(
      'devAuth is refused: this deployment was not initialised with it; use a new data directory and database for development',
    )
  }

  const cacheLimit = options.cacheKeys
  const identity = openIdentity({
    store,
    secretsKey: systemKeys.secrets,
    managementAccountId: deployment.first_account_id,
    cacheLimit,
    clock,
    random,
    log,
  })
  if (row !== undefined) await requireSameRootUser(deployment, identity.accessKeys, options)

  const rootKeyInForce = { current: rootKey }
  const domainKeys = createDomainKeys({ store, rootKey: () => rootKeyInForce.current, random, now })
  const engine = createKeyEngine({ random })
  const links = createRegionLinks({ store, now })
  const linkIdentities = createLinkIdentities({
    store,
    wrappingKey: deriveKey(systemKeys.secrets, 'keywright region links v1'),
    deploymentId: deployment.deployment_id,
    random,
    now,
  })
  const channels = createChannels({ store, links, now })
  const keys = createKeys({ store, domainKeys, engine, random, now, cacheLimit, linked: channels })
  const imports = createImports({ store, keys, engine, secretsKey: systemKeys.secrets, random, now })
  const aliases = createAliases({ store, now, cacheLimit })
  const tokenKey = deriveKey(systemKeys.secrets, 'keywright grant tokens v1')
  const resourceQuotas = options.resourceQuotas ?? awsResourceQuotas
  const grants = createGrants({ store, tokenKey, random, now, quotas: resourceQuotas, cacheLimit })

  const signer = signingKeyFromSeed(systemKeys.sealSeed)
  systemKeys.sealSeed.fill(0)
  const inFiles = store.engine === 'sqlite' || options.journalFiles
  const directory = journalDirectory(options.dataDir)
  const journalReader = inFiles ? openFileReader(directory) : openDatabaseReader(store)
  store.recordErasures((erased, position) =>
    erasureRecord(erased, { clockMs: clock.now(), position, signer }),
  )
  // A journal in the database is as old as the rest of it.
  const lost = inFiles
    ? await findLostChanges({ store, reader: journalReader, publicKey: signer.publicKey })
    : undefined
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

  if (lost !== undefined) {
    await honourLostDeletions({ store, keys, imports, clock, log }, lost).catch(async (error: unknown) => {
      await journal.close()
      throw error
    })
  }

  const position = (): JournalPosition => journal.state
  const keyUses = createKeyUses({
    store,
    clock,
    position,
    onFailure: (err) => {
      log.warn({ err }, 'when keys were last used could not be written; it will be tried again')
    },
  })
  const keyUseJournal = createKeyUseJournal({
    store,
    reader: journalReader,
    isApart: inFiles,
    keyUses,
    position,
    clock,
    log,
  })
  await keyUseJournal.start()

  return {
    ...identity,
    deploymentId: deployment.deployment_id,
    firstAccountId: deployment.first_account_id,
    devAuth: options.devAuth,
    rootCredentials: made.rootCredentials ?? options.rootCredentials,
    isNew: row === undefined,
    store,
    journal,
    journalReader,
    signer,
    domainKeys,
    engine,
    keys,
    keyUses,
    keyUseJournal,
    imports,
    aliases,
    grants,
    resourceQuotas,
    links,
    linkIdentities,
    channels,
    rootKey: rootKeyInForce,
    async close() {
      // What waits is rejected at once; a thread that makes a key ends when it is made, which may take seconds.
      const threadsEnd = engine.close()
      await identity.accessKeyUses.close()
      await keyUseJournal.stop()
      await keyUses.close()
      await journal.close()
      await store.close()
      await threadsEnd
    },
  }
}

async function laterStart(
  store: Store,
  row: DeploymentRow,
  options: OpenOptions,
  log: Log,
): Promise<Started> {
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
  try {
    store.rows.check('deployment', row)
  } catch (cause) {
    if (!(cause instanceof CorruptRowError)) throw cause
    throw new DeploymentError(
      'the row of table deployment is not authentic, so the database is damaged or was edited: restore a backup',
      { cause },
    )
  }
  await finishRootKeyRotation(options.rootKey, row, options.dataDir)
  const unused = unusedRootKeyFile(options.rootKey)
  if (unused !== undefined) {
    log.warn(
      `there is a root key in ${unused}, but this deployment's comes from a passphrase: if the file is of before the ` +
        'change to the passphrase, copy it to where backups of then are kept, and destroy it here',
    )
  }
  await forgetFirstStart(options.dataDir)
  return { row, rootKey, systemKeys }
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
