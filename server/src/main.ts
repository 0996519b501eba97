import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { partitionOf } from './arn.ts'
import { credentialsFileOf } from './cli/credentials-file.ts'
import type {
  Deployment,
  DeploymentIo,
  InitialisedDeployment,
  JournalAccess,
  RunningServer,
} from './cli/deployment.ts'
import type { Config } from './config.ts'
import { createAccessQuestions } from './deployment/access-questions.ts'
import { createAccessSubjects } from './deployment/access-subjects.ts'
import { createAdministration } from './deployment/administration.ts'
import { DeploymentError } from './deployment/deployment-error.ts'
import type { OpenedDeployment } from './deployment/open-deployment.ts'
import { openJournalForReading } from './deployment/open-journal.ts'
import type { RootKeySource } from './deployment/root-key-source.ts'
import { readPrivateEndpoint } from './deployment/setting-files.ts'
import { startListeners, type Listeners } from './http/listeners.ts'
import type { LinkListener } from './links/link-listener.ts'
import { openLinks } from './links/open-links.ts'
import { startDeploymentTimers } from './schedule/deployment-timers.ts'
import type { Timers } from './schedule/timers.ts'
import { explainKeyAccess, keyAction } from './services/kms/explain-access.ts'
import { startRequestLimits } from './services/kms/request-limits.ts'
import type { Health } from './telemetry/health.ts'
import type { LinkTotals } from './telemetry/metrics.ts'
import { listenerOptions, tlsOf } from './main/listening.ts'
import { openLocked, rootKeySourceOf } from './main/open-locked.ts'
import { requestHandlers } from './main/request-handlers.ts'
import { requestRatesOf } from './main/request-rates-of.ts'

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

function report(health: Health, component: string): (ok: boolean, reason?: string) => void {
  return (ok, reason) => {
    if (ok) health.recover(component)
    else health.fail(component, reason ?? 'it failed')
  }
}
