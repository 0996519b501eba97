import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client'
import { requestTotals } from './request-totals.ts'

/** Why a connection or a request was turned away before the wire saw it. */
export const HTTP_REJECTIONS = [
  'malformed_request',
  'header_too_large',
  'body_too_large',
  'timeout',
  'too_many_connections',
  'too_many_requests',
  'expectation',
  'method',
  'tls_handshake',
  'proxy_protocol',
] as const
export type HttpRejection = (typeof HTTP_REJECTIONS)[number]

export interface MetricsOptions {
  /** Every operation that can occur; any other is counted as `other`, so no client can name a series. */
  readonly operations: readonly string[]
  /** Every class of requests that can be throttled. */
  readonly quotaClasses?: readonly string[]
}

/** Of all linked deployments together. */
export interface LinkTotals {
  /** Deployments. */
  readonly linked: number
  readonly unreachable: number
  /** Multi-Region sets, once for each deployment that has keys of them. */
  readonly waiting: number
  readonly diverged: number
}

export interface Metrics {
  /** `result` is `success` or the error's name, as AWS spells it. */
  request(operation: string, result: string, seconds: number): void
  refusedSignature(code: string): void
  /** A request that was refused since its account makes too many of its class. */
  throttled(quotaClass: string): void
  /** Hands in a cache's running totals, read when the metrics are. */
  observeCache(cache: string, totals: () => { readonly hits: number; readonly misses: number }): void
  /** Hands in the journal's state, read when the metrics are. */
  observeJournal(state: () => { readonly pending: number; readonly oldestPendingMs: number }): void
  /** Hands in how things stand with linked deployments, read when the metrics are. */
  observeLinks(totals: () => LinkTotals): void
  journalCommit(seconds: number, records: number): void
  /** Somebody who may use a key was refused because it is pending deletion. */
  pendingDeletionUse(): void
  httpRejected(reason: HttpRejection): void
  connections(change: 1 | -1): void
  /** In Prometheus' text format. */
  text(): Promise<string>
  readonly contentType: string
}

// From a cached Encrypt on an idle machine to a request that waits out a slow disk.
const LATENCY_SECONDS = [0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10]
const COMMIT_SECONDS = [0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 5]
const BATCH_RECORDS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024]

// Error names come from our tables; should one ever quote a client, the series stay bounded.
const NAME = /^[A-Za-z][A-Za-z0-9._]{0,79}$/
const NAMES_LIMIT = 200

/**
 * Counters and histograms for Prometheus, in a registry of their own.
 */
export function createMetrics({ operations, quotaClasses = [] }: MetricsOptions): Metrics {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })

  const refused = new Counter({
    name: 'keywright_refused_signatures_total',
    help: 'Requests whose signature was refused, by the name of the error.',
    labelNames: ['code'],
    registers,
  })
  const throttled = new Counter({
    name: 'keywright_throttled_requests_total',
    help: 'Requests beyond a request quota, by its class.',
    labelNames: ['class'],
    registers,
  })
  const rejected = new Counter({
    name: 'keywright_http_rejected_total',
    help: 'Connections and requests turned away before they were read as an API request.',
    labelNames: ['reason'],
    registers,
  })
  const connections = new Gauge({
    name: 'keywright_connections',
    help: 'Open client connections.',
    registers,
  })
  const commits = new Histogram({
    name: 'keywright_journal_commit_seconds',
    help: 'Time that a group commit of the journal took.',
    buckets: COMMIT_SECONDS,
    registers,
  })
  const batches = new Histogram({
    name: 'keywright_journal_batch_records',
    help: 'Records that a group commit of the journal held.',
    buckets: BATCH_RECORDS,
    registers,
  })

  const pendingDeletionUses = new Counter({
    name: 'keywright_pending_deletion_uses_total',
    help: 'Cryptographic operations refused because their key is pending deletion.',
    registers,
  })

  const boundedResult = boundedNames()
  const boundedCode = boundedNames()
  const requests = requestTotals([...operations, 'other'], LATENCY_SECONDS)
  requests.showIn(registry)
  const rejections = new Map(HTTP_REJECTIONS.map((reason) => [reason, rejected.labels(reason)]))
  // Present from the first scrape, so that a rate over the first event is not lost.
  for (const child of rejections.values()) child.inc(0)
  const throttledOf = new Map(quotaClasses.map((name) => [name, throttled.labels(name)]))
  for (const child of throttledOf.values()) child.inc(0)

  return {
    request(operation, result, seconds) {
      requests.add(operation, result, boundedResult, seconds)
    },
    refusedSignature: (code) => {
      refused.labels(boundedCode(code)).inc()
    },
    throttled: (quotaClass) => {
      throttledOf.get(quotaClass)?.inc()
    },
    observeCache: cacheObserver(registers),
    observeJournal(state) {
      new Gauge({
        name: 'keywright_journal_pending_records',
        help: 'Records that wait for their group commit.',
        registers,
        collect() {
          this.set(state().pending)
        },
      })
      new Gauge({
        name: 'keywright_journal_lag_seconds',
        help: 'Age of the oldest record that waits for its group commit.',
        registers,
        collect() {
          this.set(state().oldestPendingMs / 1000)
        },
      })
    },
    observeLinks(totals) {
      for (const [name, help, of] of [
        ['keywright_linked_deployments', 'Deployments that are linked with this one.', 'linked'],
        [
          'keywright_linked_deployments_unreachable',
          'Those that did not answer when last asked.',
          'unreachable',
        ],
        [
          'keywright_linked_sets_waiting',
          'Multi-Region keys of which a linked deployment is to be told something.',
          'waiting',
        ],
        [
          'keywright_linked_sets_diverged',
          'Multi-Region keys that cannot be brought into agreement.',
          'diverged',
        ],
      ] as const) {
        new Gauge({
          name,
          help,
          registers,
          collect() {
            this.set(totals()[of])
          },
        })
      }
    },
    journalCommit(seconds, records) {
      commits.observe(seconds)
      batches.observe(records)
    },
    pendingDeletionUse: () => {
      pendingDeletionUses.inc()
    },
    httpRejected: (reason) => {
      rejections.get(reason)?.inc()
    },
    connections: (change) => {
      connections.inc(change)
    },
    text: () => registry.metrics(),
    contentType: registry.contentType,
  }
}

/** Caches count for themselves, on the hot path; their totals are copied when somebody looks. */
function cacheObserver(registers: Registry[]): Metrics['observeCache'] {
  const caches = new Map<string, () => { readonly hits: number; readonly misses: number }>()
  for (const kind of ['hits', 'misses'] as const) {
    new Counter({
      name: `keywright_cache_${kind}_total`,
      help: kind === 'hits' ? 'Look-ups that a cache answered.' : 'Look-ups that went to the store.',
      labelNames: ['cache'],
      registers,
      collect() {
        this.reset()
        for (const [cache, totals] of caches) this.labels(cache).inc(totals()[kind])
      },
    })
  }
  return (cache, totals) => {
    caches.set(cache, totals)
  }
}

function boundedNames(): (name: string) => string {
  const seen = new Set<string>()
  return (name) => {
    if (seen.has(name)) return name
    if (seen.size >= NAMES_LIMIT || !NAME.test(name)) return 'other'
    seen.add(name)
    return name
  }
}
