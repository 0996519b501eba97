import type { DeploymentIo } from '../cli/deployment.ts'
import type { Config } from '../config.ts'
import { createAttestationVerifier } from '../crypto/attestation/attestation-verifier.ts'
import { accountsOnFirstUse } from '../deployment/accounts-on-first-use.ts'
import { createAdministration } from '../deployment/administration.ts'
import type { OpenedDeployment } from '../deployment/open-deployment.ts'
import { readAttestationRoots, readCertificateAuthorities } from '../deployment/setting-files.ts'
import { createEgress } from '../egress/egress.ts'
import { createOidcKeys } from '../identity/oidc-keys.ts'
import type { UseOperation } from '../keys/key-use.ts'
import type { OpenedLinks } from '../links/open-links.ts'
import { accessAnalyzerService } from '../services/access-analyzer/service.ts'
import { iamService } from '../services/iam/service.ts'
import type { RequestThrottle } from '../services/kms/request-throttle.ts'
import { createPendingDeletions } from '../services/kms/pending-deletions.ts'
import { kmsService } from '../services/kms/service.ts'
import { stsService } from '../services/sts/service.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { createRateLimitedLog } from '../telemetry/rate-limited-log.ts'
import { createAuthenticator, type DevelopmentAuth } from '../wire/authenticate.ts'
import { createDispatcher } from '../wire/dispatch.ts'
import { createServicesHandler } from '../wire/forward-access.ts'
import type { WireHandler } from '../wire/http-message.ts'
import { createRouter } from '../wire/route.ts'
import { operator, rootKeySourceOf } from './open-locked.ts'

/** The APIs, and how requests find their way to them. */
export function requestHandlers(
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

function developmentAuth(config: Config, io: DeploymentIo, opened: OpenedDeployment): DevelopmentAuth {
  const { accounts } = createAdministration(opened, { ...io, rootKeySource: rootKeySourceOf(config, io) })
  return {
    firstAccountId: opened.firstAccountId,
    ensureAccount: accountsOnFirstUse(accounts, operator()),
  }
}
