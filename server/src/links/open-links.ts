import type { Clock } from '../clock.ts'
import type { KeyEngine } from '../crypto/key-engine.ts'
import { createPinnedExchange, type PinnedExchange } from '../egress/pinned-exchange.ts'
import type { Accounts } from '../identity/accounts.ts'
import type { PrincipalBinding } from '../identity/principal-binding.ts'
import type { Keys } from '../keys/keys.ts'
import type { ResourceQuotas } from '../keys/resource-quotas.ts'
import { createRateLimitedLog } from '../telemetry/rate-limited-log.ts'
import type { Store } from '../store/store.ts'
import type { LinkTotals } from '../telemetry/metrics.ts'
import type { Log } from '../telemetry/log.ts'
import { createAnswers } from './answers.ts'
import type { Channels } from './channels.ts'
import { createLinkClient } from './link-client.ts'
import type { LinkIdentities } from './link-identity.ts'
import { startLinkListener, type AnswerMessage, type LinkListener } from './link-listener.ts'
import { createLinkedKeys, type LinkedKeys } from './linked-keys.ts'
import { createLinkedIntents } from './linked-replicas.ts'
import { createNewReplicas } from './new-replicas.ts'
import type { RegionLinks } from './region-links.ts'
import { createReplicator, type Replicator } from './replicator.ts'
import { createSetChecks } from './set-checks.ts'
import { createSetHearer } from './set-hearer.ts'
import { createSetProgress } from './set-progress.ts'
import { createSetTeller } from './set-teller.ts'

/** What a serving process does about other deployments. */
export interface OpenedLinks {
  readonly keys: LinkedKeys
  readonly replicator: Replicator
  readonly answer: AnswerMessage
  /** Waits for no other deployment. */
  stop(): Promise<void>
  /** @throws RegionLinkError */
  listen(listen: { readonly host: string; readonly port: number }): Promise<LinkListener>
}

export function openLinks(parts: {
  store: Store
  keys: Keys
  engine: KeyEngine
  accounts: Accounts
  binding: PrincipalBinding
  resourceQuotas: ResourceQuotas
  links: RegionLinks
  linkIdentities: LinkIdentities
  channels: Channels
  /** Regions that this deployment serves. */
  ownRegions: ReadonlySet<string>
  clock: Clock
  log: Log
  /** Told every ten seconds how things stand. */
  onTotals?: (totals: LinkTotals) => void
  /** How messages travel; a test loses some. */
  exchange?: PinnedExchange
}): OpenedLinks {
  const { links, linkIdentities: identities, clock, log } = parts
  const now = () => clock.now()
  const stopping = new AbortController()
  const ask = createLinkClient({
    identities,
    links,
    exchange: parts.exchange ?? createPinnedExchange({ signal: stopping.signal }),
    now,
    stopping: stopping.signal,
    onFailure: ({ deploymentId, url }, reason) => {
      log.warn({ deploymentId, url, reason }, 'a linked deployment cannot be reached')
    },
  })
  const intents = createLinkedIntents({ ...parts, now })
  const progress = createSetProgress({ ...parts, intents, now })
  const teller = createSetTeller({ ...parts, identities, intents, progress, ask, now })
  const newReplicas = createNewReplicas(parts)
  const checks = createSetChecks(parts)
  const hearer = createSetHearer({
    ...parts,
    identities,
    checks,
    newReplicas,
    progress,
    now,
    limited: createRateLimitedLog(log, { clock }),
  })
  const answer = createAnswers({ ...parts, hearer, newReplicas })
  const replicator = createReplicator({ ...parts, feed: parts.store.feed, teller, ask })
  return {
    keys: createLinkedKeys({ ...parts, intents, ask }),
    replicator,
    answer,
    async stop() {
      const stopped = replicator.stop()
      stopping.abort()
      await stopped
    },
    listen: async (listen) =>
      await startLinkListener({
        listen,
        identity: await identities.own(),
        linkOf: (fingerprint) => links.ofCertificate(fingerprint),
        answer: (link, message) => {
          replicator.wake(link.deploymentId)
          return answer(link, message)
        },
        log,
        clock,
      }),
  }
}
