import { join } from 'node:path'
import { operatorName } from './cli/control.ts'
import { credentialsFileOf, removeCredentialsFile, writeCredentialsFile } from './cli/credentials-file.ts'
import { lockDataDir, prepareDataDir } from './cli/data-dir.ts'
import type {
  Deployment,
  DeploymentIo,
  InitialisedDeployment,
  JournalAccess,
  RunningServer,
} from './cli/deployment.ts'
import type { Config } from './config.ts'
import { createAdministration } from './deployment/administration.ts'
import { DeploymentError } from './deployment/deployment-error.ts'
import { openDeployment as openFromStore, type OpenedDeployment } from './deployment/open-deployment.ts'
import { openJournalForReading } from './deployment/open-journal.ts'
import type { Operator } from './deployment/operator-record.ts'
import type { RootKeySource } from './deployment/root-key-source.ts'
import {
  startAdministrativeListener,
  startListener,
  type Listener,
  type ListenerOptions,
} from './http/listener.ts'
import { prepareSelfSigned } from './http/self-signed.ts'
import type { TlsOptions } from './http/tls.ts'
import { startKeyDeletions, type KeyDeletions } from './schedule/key-deletions.ts'
import type { Service } from './services/call.ts'
import { kmsService, supportedOperations } from './services/kms/service.ts'
import { createHealth, type Health } from './telemetry/health.ts'
import { createMetrics, type Metrics } from './telemetry/metrics.ts'
import { createRateLimitedLog } from './telemetry/rate-limited-log.ts'
import { createAuthenticator, type DevelopmentAuth } from './wire/authenticate.ts'
import { createDispatcher } from './wire/dispatch.ts'
import type { WireHandler } from './wire/http-message.ts'

/** Makes the deployment of these settings and stops; one that is there already is an error. */
export async function initDeployment(config: Config, io: DeploymentIo): Promise<InitialisedDeployment> {
  const { opened, release } = await openLocked(config, io)
  try {
    const made = opened.rootCredentials
    if (!opened.isNew || made === undefined) {
      throw new DeploymentError('this deployment was initialised before: nothing was changed')
    }
    return {
      accountId: opened.firstAccountId,
      accessKeyId: made.accessKeyId,
      credentialsFile: credentialsFileOf(config.dataDir),
    }
  } finally {
    await release()
  }
}

/** Opens a deployment without listeners, for a command that finds no server running. */
export async function openDeployment(config: Config, io: DeploymentIo): Promise<Deployment> {
  const { opened, rootKeySource, release } = await openLocked(config, io, { mustExist: true })
  return deploymentOver(opened, rootKeySource, io, release)
}

/** Opens the journal for reading; takes no lock, so it works beside a running server. */
export async function openJournalAccess(config: Config, io: DeploymentIo): Promise<JournalAccess> {
  const { dataDir, databaseUrl } = config
  const rootKey = rootKeySourceOf(config, io)
  return openJournalForReading(
    { dataDir, databaseUrl, journalFiles: config.journal === 'files', rootKey },
    io,
  )
}

/** Opens the deployment, or makes it on its first start, and serves it. */
export async function serve(config: Config, io: DeploymentIo): Promise<RunningServer> {
  const { opened, health, metrics, rootKeySource, release } = await openLocked(config, io)
  let deletions: KeyDeletions | undefined
  const listeners: Listener[] = []
  const stop = async () => {
    health.setAccepting(false)
    // Requests first: they need the journal, and the journal needs the store.
    try {
      await Promise.all(listeners.map((listener) => listener.stop()))
      await deletions?.stop()
    } finally {
      await release()
    }
  }
  try {
    const handler = requestHandler(config, io, opened, metrics)
    deletions = startKeyDeletions({
      store: opened.store,
      keys: opened.keys,
      clock: io.clock,
      log: io.log,
      onHealth: report(health, 'schedule'),
    })
    const { tls, caFile } = await tlsOf(config, io)
    const deps = { log: io.log, metrics, health, clock: io.clock }
    const main = await startListener(listenerOptions(config, tls), handler, deps)
    listeners.push(main)
    const admin =
      config.adminListen &&
      (await startAdministrativeListener({ ...config.adminListen, ...(tls && { tls }) }, deps))
    if (admin !== undefined) listeners.push(admin)
    health.setAccepting(true)
    for (const warning of config.warnings) io.log.warn(warning)
    if (opened.devAuth)
      io.log.warn('devAuth: signatures are NOT verified; anyone who can connect can use every key')
    return {
      url: main.endpoint,
      accountId: opened.firstAccountId,
      ...(admin && { adminUrl: admin.endpoint }),
      ...(caFile !== undefined && { caFile }),
      credentialsFile: credentialsFileOf(config.dataDir),
      deployment: deploymentOver(opened, rootKeySource, io, async () => {}),
      async reload() {
        await Promise.all(listeners.map((listener) => listener.reloadTls()))
      },
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

function requestHandler(
  config: Config,
  io: DeploymentIo,
  opened: OpenedDeployment,
  metrics: Metrics,
): WireHandler {
  const { clock, log, random } = io
  const { store, keys, aliases, accounts, accessKeys, journal } = opened
  const now = () => clock.now()
  const services = new Map<string, Service>()
  const kms = kmsService({ store, keys, aliases, random, now })
  services.set(kms.targetPrefix, kms)

  const limited = createRateLimitedLog(log, { clock })
  const authenticator = createAuthenticator({
    accounts,
    accessKeys,
    regions: new Set(config.regions),
    serviceOfTarget: (target) => services.get(target?.split('.')[0] ?? '')?.signingName,
    services: [kms.signingName],
    refresh: () => store.feed.catchUp(),
    now,
    development: opened.devAuth ? developmentAuth(config, io, opened) : undefined,
  })
  return createDispatcher({ authenticator, services, store, journal, metrics, log, limited, now })
}

/** With --dev-auth any twelve digits are an account; it is made when it is first named. */
function developmentAuth(config: Config, io: DeploymentIo, opened: OpenedDeployment): DevelopmentAuth {
  const { accounts } = createAdministration(opened, { ...io, rootKeySource: rootKeySourceOf(config, io) })
  const making = new Map<string, Promise<void>>()
  const make = async (accountId: string): Promise<void> => {
    try {
      await accounts.create({ accountId, name: 'made on first use' }, operator())
    } catch (error) {
      // Another node made it at the same moment.
      if (!(error instanceof DeploymentError)) throw error
    } finally {
      making.delete(accountId)
    }
  }
  return {
    firstAccountId: opened.firstAccountId,
    ensureAccount(accountId) {
      const running = making.get(accountId) ?? make(accountId)
      making.set(accountId, running)
      return running
    },
  }
}

interface Locked {
  readonly opened: OpenedDeployment
  readonly health: Health
  readonly metrics: Metrics
  readonly rootKeySource: RootKeySource
  /** Closes the deployment and lets go of the data directory. */
  release(): Promise<void>
}

async function openLocked(
  config: Config,
  io: DeploymentIo,
  rules: { mustExist?: boolean } = {},
): Promise<Locked> {
  const { dataDir } = config
  prepareDataDir(dataDir)
  const lock = lockDataDir(dataDir)
  try {
    const health = createHealth({ clock: io.clock, log: io.log })
    const metrics = createMetrics({ operations: supportedOperations })
    const rootKeySource = rootKeySourceOf(config, io)
    const opened = await openFromStore(
      {
        dataDir,
        databaseUrl: config.databaseUrl,
        journalFiles: config.journal === 'files',
        journalSegmentBytes: config.journalSegmentBytes,
        journalSealIntervalMs: config.journalSealIntervalMs,
        cacheKeys: config.cacheKeys,
        accountId: config.accountId,
        rootCredentials: rootCredentialsOf(config),
        devAuth: config.devAuth,
        mustExist: rules.mustExist ?? false,
        rootKey: rootKeySource,
        operator: operator(),
        keepCredentials: (credentials) => {
          writeCredentialsFile(credentialsFileOf(dataDir), credentials)
        },
        forgetCredentials: () => {
          removeCredentialsFile(credentialsFileOf(dataDir))
        },
      },
      {
        clock: io.clock,
        random: io.random,
        log: io.log,
        health,
        onJournalCommit: ({ commitMs, records }) => {
          metrics.journalCommit(commitMs / 1000, records)
        },
      },
    )
    // Given by the settings: the file holds them too.
    if (!opened.isNew && opened.rootCredentials !== undefined) {
      writeCredentialsFile(credentialsFileOf(dataDir), opened.rootCredentials)
    }
    observe(metrics, opened)
    const release = async () => {
      try {
        await opened.close()
      } finally {
        lock.release()
      }
    }
    return { opened, health, metrics, rootKeySource, release }
  } catch (error) {
    lock.release()
    throw error
  }
}

function observe(metrics: Metrics, { keys, aliases, accounts, accessKeys, journal }: OpenedDeployment): void {
  metrics.observeCache('keys', () => keys.cache)
  metrics.observeCache('aliases', () => aliases.cache)
  metrics.observeCache('accounts', () => accounts.cache)
  metrics.observeCache('access_keys', () => accessKeys.cache)
  metrics.observeJournal(() => journal.state)
}

function deploymentOver(
  opened: OpenedDeployment,
  rootKeySource: RootKeySource,
  io: DeploymentIo,
  close: () => Promise<void>,
): Deployment {
  return { ...createAdministration(opened, { ...io, rootKeySource }), close }
}

function rootKeySourceOf(config: Config, io: DeploymentIo): RootKeySource {
  return {
    provider: config.rootKeyProvider,
    file: config.rootKeyFile,
    passphrase: (purpose) => io.passphrase(purpose),
    random: io.random,
  }
}

function rootCredentialsOf({ rootAccessKeyId, rootSecretAccessKey }: Config) {
  return rootAccessKeyId === undefined || rootSecretAccessKey === undefined
    ? undefined
    : { accessKeyId: rootAccessKeyId, secretAccessKey: rootSecretAccessKey }
}

async function tlsOf(
  config: Config,
  { clock, log }: DeploymentIo,
): Promise<{ tls?: TlsOptions; caFile?: string }> {
  if (config.tlsSelfSigned) {
    const directory = join(config.dataDir, 'tls')
    const made = await prepareSelfSigned({ directory, names: config.tlsHostNames }, { clock, log })
    return { tls: made, caFile: made.caFile }
  }
  const { tlsCertificateFile, tlsKeyFile } = config
  if (tlsCertificateFile === undefined || tlsKeyFile === undefined) return {}
  return { tls: { certFile: tlsCertificateFile, keyFile: tlsKeyFile } }
}

function listenerOptions(config: Config, tls: TlsOptions | undefined): ListenerOptions {
  return {
    host: config.host,
    port: config.port,
    ...(tls && { tls }),
    insecureHttp: config.insecureHttp,
    trustedProxies: config.trustedProxies,
    proxyProtocol: config.proxyProtocol,
    limits: {
      bodyBytes: config.maxBodyBytes,
      connections: config.maxConnections,
      headerMs: config.headerTimeoutMs,
      requestMs: config.bodyTimeoutMs,
      idleMs: config.idleTimeoutMs,
    },
  }
}

function report(health: Health, component: string): (ok: boolean, reason?: string) => void {
  return (ok, reason) => {
    if (ok) health.recover(component)
    else health.fail(component, reason ?? 'it failed')
  }
}

function operator(): Operator {
  return { userName: operatorName() }
}
