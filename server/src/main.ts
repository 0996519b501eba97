import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { partitionOf } from './arn.ts'
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
import { ConfigError, isLoopback, nearest, type Config } from './config.ts'
import { createAttestationVerifier } from './crypto/attestation/attestation-verifier.ts'
import { createAccessQuestions } from './deployment/access-questions.ts'
import { createAccessSubjects } from './deployment/access-subjects.ts'
import { accountsOnFirstUse } from './deployment/accounts-on-first-use.ts'
import { createAdministration } from './deployment/administration.ts'
import { DeploymentError } from './deployment/deployment-error.ts'
import { openDeployment as openFromStore, type OpenedDeployment } from './deployment/open-deployment.ts'
import { openJournalForReading } from './deployment/open-journal.ts'
import type { Operator } from './deployment/operator-record.ts'
import type { RootKeySource } from './deployment/root-key-source.ts'
import {
  readAttestationRoots,
  readCertificateAuthorities,
  readPrivateEndpoint,
} from './deployment/setting-files.ts'
import { createEgress } from './egress/egress.ts'
import { startListeners, type Listeners, type ListenersOptions } from './http/listeners.ts'
import { prepareSelfSigned } from './http/self-signed.ts'
import type { TlsOptions } from './http/tls.ts'
import { createOidcKeys } from './identity/oidc-keys.ts'
import type { UseOperation } from './keys/key-use.ts'
import type { LinkListener } from './links/link-listener.ts'
import { openLinks, type OpenedLinks } from './links/open-links.ts'
import { startDeploymentTimers } from './schedule/deployment-timers.ts'
import type { Timers } from './schedule/timers.ts'
import {
  accessAnalyzerService,
  supportedAccessAnalyzerOperations,
} from './services/access-analyzer/service.ts'
import { iamService, supportedIamOperations } from './services/iam/service.ts'
import { explainKeyAccess, keyAction } from './services/kms/explain-access.ts'
import { startRequestLimits } from './services/kms/request-limits.ts'
import { quotaClasses } from './services/kms/request-quotas.ts'
import { requestRates, UnknownQuotaClassError, type RatesOf } from './services/kms/request-rates.ts'
import type { RequestThrottle } from './services/kms/request-throttle.ts'
import { createPendingDeletions } from './services/kms/pending-deletions.ts'
import { kmsService, supportedOperations } from './services/kms/service.ts'
import { stsService, supportedStsOperations } from './services/sts/service.ts'
import { createHealth, type Health } from './telemetry/health.ts'
import { createMetrics, type LinkTotals, type Metrics } from './telemetry/metrics.ts'
import { createRateLimitedLog } from './telemetry/rate-limited-log.ts'
import { createAuthenticator, type DevelopmentAuth } from './wire/authenticate.ts'
import { createDispatcher } from './wire/dispatch.ts'
import { createServicesHandler } from './wire/forward-access.ts'
import type { WireHandler } from './wire/http-message.ts'
import { createRouter } from './wire/route.ts'

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
  return deploymentOver(config, io, opened, rootKeySource, release)
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
  const ratesOf = requestRatesOf(config)
  const { opened, health, metrics, rootKeySource, release } = await openLocked(config, io)
  const node = `${hostname()}:${process.pid}:${randomUUID()}`
  const limits =
    ratesOf &&
    startRequestLimits({
      ...io,
      ratesOf,
      regions: new Set(config.regions),
      store: opened.store,
      node,
      onThrottled: metrics.throttled,
    })
  let timers: Timers | undefined
  let listeners: Listeners | undefined
  let linkListener: LinkListener | undefined
  let stopLinks = () => Promise.resolve()
  const stop = async () => {
    health.setAccepting(false)
    // Requests first: they need the journal, and the journal needs the store.
    try {
      await listeners?.stop()
      await linkListener?.stop()
      await timers?.stop()
      await stopLinks()
      await limits?.stop()
    } finally {
      await release()
    }
  }
  try {
    await requireOwnRegions(config, opened)
    let linkTotals: LinkTotals = { linked: 0, unreachable: 0, waiting: 0, diverged: 0 }
    metrics.observeLinks(() => linkTotals)
    const links = openLinks({
      ...opened,
      ...io,
      ownRegions: new Set(config.regions),
      onTotals(totals) {
        linkTotals = totals
        const { unreachable, diverged } = totals
        if (unreachable + diverged === 0) health.recover('region links')
        else
          health.warn(
            'region links',
            `${unreachable} linked deployments cannot be reached, ${diverged} multi-Region keys diverge: keywright region links`,
          )
      },
    })
    stopLinks = () => links.stop()
    const handlers = requestHandlers(config, io, opened, metrics, links, limits?.throttle)
    const endpoints = config.privateEndpoints.map(({ listen, ...endpoint }) => ({
      listen,
      endpoint: readPrivateEndpoint(endpoint),
    }))
    timers = startDeploymentTimers({
      ...io,
      store: opened.store,
      keys: opened.keys,
      imports: opened.imports,
      // The same after a restart, so that a turn which a crash left behind is its own.
      name: `${hostname()}:${config.dataDir}`,
      jumpWaitMs: config.clockJumpWaitMs,
      onHealth: report(health, 'schedule'),
    })
    const { tls, caFile } = await tlsOf(config, io)
    listeners = await startListeners(
      {
        main: listenerOptions(config),
        tls,
        endpoints,
        services: config.servicesListen,
        administrative: config.adminListen,
      },
      handlers,
      { log: io.log, metrics, health, clock: io.clock },
    )
    if (config.linkListen !== undefined) linkListener = await links.listen(config.linkListen)
    links.replicator.begin()
    const { main, services, administrative, reloadTls } = listeners
    const endpointUrls = listeners.endpoints.map(({ vpceId, listener }) => `${vpceId} ${listener.endpoint}`)
    health.setAccepting(true)
    for (const warning of config.warnings) io.log.warn(warning)
    if (opened.devAuth)
      io.log.warn('devAuth: signatures are NOT verified; anyone who can connect can use every key')
    return {
      url: main.endpoint,
      accountId: opened.firstAccountId,
      ...(administrative && { adminUrl: administrative.endpoint }),
      ...(services && { servicesUrl: services.endpoint }),
      ...(linkListener && { linkUrl: linkListener.url }),
      ...(endpointUrls.length > 0 && { endpointUrls }),
      ...(caFile !== undefined && { caFile }),
      credentialsFile: credentialsFileOf(config.dataDir),
      deployment: deploymentOver(config, io, opened, rootKeySource, async () => {}),
      reload: reloadTls,
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

/** The APIs, and how requests find their way to them. */
function requestHandlers(
  config: Config,
  io: DeploymentIo,
  opened: OpenedDeployment,
  metrics: Metrics,
  links: OpenedLinks,
  throttle: RequestThrottle | undefined,
): { api: WireHandler; services: WireHandler } {
  const { clock, log, random } = io
  const { store, journal, keyUses, accessKeys, accessKeyUses, sessionTokens, standings, servicePrincipals } =
    opened
  const now = () => clock.now()
  const regions = new Set(config.regions)
  const ca = readCertificateAuthorities(config.egressCaFile)
  const egress = createEgress({ allow: config.egressAllow, ...(ca && { ca }) })
  const attestationRoots = readAttestationRoots(config.attestationRoots)
  const attestation =
    attestationRoots.length === 0 ? undefined : createAttestationVerifier(attestationRoots, now)
  const oidcKeys = createOidcKeys({
    egress,
    now,
    onFailure: (issuer, err) => {
      log.warn({ issuer, err }, 'the keys of an OpenID Connect issuer cannot be had')
    },
  })
  const limited = createRateLimitedLog(log, { clock })
  const authenticator = createAuthenticator({
    accessKeys,
    sessionTokens,
    standings,
    servicePrincipals,
    regions,
    defaultRegion: config.regions[0] as string,
    refresh: () => store.feed.catchUp(),
    now,
    development: opened.devAuth ? developmentAuth(config, io, opened) : undefined,
  })
  const pendingDeletions = createPendingDeletions({
    journal,
    limited,
    count: () => {
      metrics.pendingDeletionUse()
    },
    now,
  })
  const api = createDispatcher({
    authenticator,
    route: createRouter([
      kmsService({
        ...opened,
        attestation,
        linked: links.keys,
        pendingDeletions,
        regions,
        throttle,
        random,
        now,
      }),
      stsService({ ...opened, oidcKeys, now }),
      iamService({ ...opened, random, now }),
      accessAnalyzerService({ ...opened, now }),
    ]),
    store,
    journal,
    metrics,
    log,
    limited,
    now,
    used: ({ accessKeyId, session }, region, service) => {
      if (session === undefined) accessKeyUses.note(accessKeyId, { usedAtMs: now(), region, service })
    },
    keyUsed: (use) => {
      keyUses.note(use, use.operation as UseOperation, use)
    },
  })
  const services = createServicesHandler(
    {
      authenticator,
      servicePrincipals,
      sessionTokens,
      store,
      journal,
      regions,
      now,
      onFailure: (error, requestId) => {
        limited.warn('failed request', { requestId, err: error }, 'a request failed')
      },
    },
    api,
  )
  return { api, services }
}

/** Undefined when requests are not limited. @throws ConfigError for a class of requests that there is not */
function requestRatesOf(config: Config): RatesOf | undefined {
  const { requestQuotas, devAuth, servicesListen, privateEndpoints } = config
  const hosts = [config, servicesListen, ...privateEndpoints.map(({ listen }) => listen)]
  const isDevelopment = devAuth || hosts.every((each) => each === undefined || isLoopback(each.host))
  if (requestQuotas === 'off' || (requestQuotas === 'auto' && isDevelopment)) return undefined
  try {
    return requestRates(requestQuotas === 'auto' ? { aws: true, own: [] } : requestQuotas)
  } catch (cause) {
    if (!(cause instanceof UnknownQuotaClassError)) throw cause
    const { quotaClass } = cause
    throw new ConfigError(
      `requestQuotas: there is no class ${quotaClass} of requests: did you mean ${nearest(quotaClass, quotaClasses)}?`,
      { cause },
    )
  }
}

/** @throws DeploymentError for a Region that is a linked deployment's as well */
async function requireOwnRegions({ regions }: Config, { links }: OpenedDeployment): Promise<void> {
  for (const link of await links.list()) {
    const shared = link.regions.find((region) => regions.includes(region))
    if (shared === undefined) continue
    throw new DeploymentError(
      `${shared} is a Region of the linked deployment ${link.deploymentId}: take it out of the setting regions, or unlink that deployment first`,
    )
  }
}

function developmentAuth(config: Config, io: DeploymentIo, opened: OpenedDeployment): DevelopmentAuth {
  const { accounts } = createAdministration(opened, { ...io, rootKeySource: rootKeySourceOf(config, io) })
  return {
    firstAccountId: opened.firstAccountId,
    ensureAccount: accountsOnFirstUse(accounts, operator()),
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
    const metrics = createMetrics({
      quotaClasses: requestRatesOf(config) === undefined ? [] : quotaClasses,
      operations: [
        ...supportedOperations,
        ...supportedIamOperations,
        ...supportedStsOperations,
        ...supportedAccessAnalyzerOperations,
      ],
    })
    const rootKeySource = rootKeySourceOf(config, io)
    const opened = await openFromStore(
      {
        dataDir,
        databaseUrl: config.databaseUrl,
        journalFiles: config.journal === 'files',
        journalSegmentBytes: config.journalSegmentBytes,
        journalSealIntervalMs: config.journalSealIntervalMs,
        cacheKeys: config.cacheKeys,
        resourceQuotas: {
          keysPerAccountAndRegion: config.quotaKeys,
          aliasesPerKey: config.quotaAliasesPerKey,
          grantsPerKey: config.quotaGrantsPerKey,
        },
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

function observe(metrics: Metrics, opened: OpenedDeployment): void {
  const { keys, aliases, grants, accounts, accessKeys, principals, journal } = opened
  metrics.observeCache('keys', () => keys.cache)
  metrics.observeCache('aliases', () => aliases.cache)
  metrics.observeCache('grants', () => grants.cache)
  metrics.observeCache('accounts', () => accounts.cache)
  metrics.observeCache('access_keys', () => accessKeys.cache)
  metrics.observeCache('principals', () => principals.cache)
  metrics.observeJournal(() => journal.state)
}

function deploymentOver(
  config: Config,
  io: DeploymentIo,
  opened: OpenedDeployment,
  rootKeySource: RootKeySource,
  close: () => Promise<void>,
): Deployment {
  const access = createAccessQuestions({
    ...opened,
    subjects: createAccessSubjects(opened),
    explainer: { keyAction, explain: explainKeyAccess },
    clock: io.clock,
  })
  const { regions } = config
  const partition = partitionOf(regions[0] as string)
  return { ...createAdministration(opened, { ...io, rootKeySource, partition, regions }), access, close }
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

function listenerOptions(config: Config): ListenersOptions['main'] {
  return {
    host: config.host,
    port: config.port,
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
