import { JournalUnavailableError } from '../audit/journal-unavailable-error.ts'
import type { Journal } from '../audit/journal.ts'
import type { RecordWritten } from '../audit/pending-entries.ts'
import {
  cloudTrailRecord,
  recordedParameters,
  recordedResponse,
  type RecordFacts,
  type RecordResource,
} from '../audit/record.ts'
import { globalRegionOf, partitionOf } from '../arn.ts'
import { AwsError } from '../aws-error.ts'
import { anonymous } from '../identity/anonymous.ts'
import type { Caller } from '../identity/caller.ts'
import type { RequestFacts } from '../identity/request-facts.ts'
import type { Standing } from '../identity/standing.ts'
import { randomUuid } from '../random-uuid.ts'
import type { Call, ServiceOperation } from '../services/call.ts'
import type { CacheEntry } from '../store/coherent-cache.ts'
import type { Store } from '../store/store.ts'
import type { Log } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { RateLimitedLog } from '../telemetry/rate-limited-log.ts'
import type { Authenticated, Authenticator } from './authenticate.ts'
import { readHeaders, type Headers } from './canonical-request.ts'
import { internalError } from './errors.ts'
import type { Exchange } from './exchange.ts'
import type { WireHandler, WireRequest, WireResponse } from './http-message.ts'
import { recordIdentity, webIdentity } from './record-identity.ts'
import type { Router } from './route.ts'

export interface DispatcherParts {
  readonly authenticator: Authenticator
  readonly route: Router
  readonly store: Store
  readonly journal: Journal
  readonly metrics: Metrics
  readonly log: Log
  /** For what a client, or a lost database, can cause at will. */
  readonly limited: RateLimitedLog
  readonly now: () => number
  /** Told of each request of a known sender, for "last used". It must not take time. */
  readonly used: (caller: Caller, region: string, service: string) => void
  /** Told of each use of a key that succeeded, once its record is durable. It must not take time. */
  readonly keyUsed: (use: RecordedUse) => void
}

interface UseOfKey {
  readonly region: string
  readonly keyId: string
  readonly materialId: string | undefined
  readonly operation: string
}

/** A use of a key, and where its record stands in the journal. */
interface RecordedUse extends UseOfKey {
  readonly chain: string
  readonly sequence: number
  readonly eventId: string
  readonly requestId: string
  /** As the record has it: in whole seconds. */
  readonly usedAtMs: number
}

// Each repetition means that a key, policy or principal of this very request was changed meanwhile.
const MAX_ATTEMPTS = 16

/**
 * Takes each request through its rooms, once and top down: who, what, the operation, the record, the
 * answer. No answer leaves before its record is durable; what the answer rests on is checked at that
 * moment, and when it has changed the request is decided again from the start.
 *
 * @see docs/architecture.md, "The way of a request"
 */
export function createDispatcher(parts: DispatcherParts): WireHandler {
  const { log, metrics } = parts
  return async (request) => {
    const requestId = randomUuid()
    const startedAt = performance.now()
    const outcome = await decide(parts, request, requestId)
    metrics.request(outcome.operation, outcome.result, (performance.now() - startedAt) / 1000)
    if (log.level === 'debug' || log.level === 'trace') {
      log.debug({ requestId, operation: outcome.operation, result: outcome.result }, 'answered')
    }
    return outcome.response
  }
}

interface Outcome {
  /** For metrics and log: the operation's name, or `other`. */
  readonly operation: string
  readonly result: string
  readonly response: WireResponse
}

async function decide(parts: DispatcherParts, request: WireRequest, requestId: string): Promise<Outcome> {
  const headers = readHeaders(request.rawHeaders)
  const exchange = parts.route(request, headers)
  let isAdmitted = false
  try {
    for (let attempts = 0; attempts < MAX_ATTEMPTS; attempts++) {
      let authenticated: Authenticated
      try {
        const sender = parts.authenticator.authenticate(exchange, request, headers)
        authenticated = sender instanceof Promise ? await sender : sender
      } catch (error) {
        if (!(error instanceof AwsError)) throw error
        return refused(parts, request, requestId, exchange, error)
      }
      const attempt = new Attempt(parts, request, requestId, headers, exchange, authenticated)
      attempt.isAdmitted = isAdmitted
      const outcome = await attempt.run()
      if (outcome !== undefined) return outcome
      isAdmitted = attempt.isAdmitted
    }
    throw new Error(`what a request rests on changed ${MAX_ATTEMPTS} times while it was decided`)
  } catch (cause) {
    parts.limited.warn('failed request', { requestId, err: cause }, 'a request failed')
    const error = internalError()
    return { operation: 'other', result: error.code, response: exchange.failure(error, requestId) }
  }
}

/** Counted and logged at a limited rate, never recorded: nobody without credentials can fill the journal. */
function refused(
  parts: DispatcherParts,
  request: WireRequest,
  requestId: string,
  exchange: Exchange,
  error: AwsError,
): Outcome {
  parts.metrics.refusedSignature(error.code)
  parts.limited.warn(
    'refused signature',
    { code: error.code, requestId, source: request.sourceIp },
    'refused a signature',
  )
  return { operation: 'other', result: error.code, response: exchange.failure(error, requestId) }
}

function inRegion(region: string, operation: ServiceOperation): ServiceOperation {
  if (operation.inChina === undefined || partitionOf(region) !== 'aws-cn') return operation
  return operation.inChina
}

/** What an operation rests on changed before it could commit; the request starts over. */
class StaleGroundsError extends Error {}

/** One run of one authenticated request. */
class Attempt implements Call {
  readonly caller: Caller
  readonly standing: Standing
  readonly facts: RequestFacts
  readonly region: string
  readonly requestId: string
  readonly audit = this
  /** A request that is decided again was counted before. */
  isAdmitted = false
  readonly #parts
  readonly #request
  readonly #exchange
  /** Beside the standing's entries. */
  readonly #grounds: CacheEntry<unknown>[]
  #resources: RecordResource[] | undefined
  #additional: Record<string, unknown> | undefined
  #operation: ServiceOperation | undefined
  #parameters: object | undefined
  #sender: Caller | undefined
  #uses: UseOfKey[] | undefined
  #afterwards: ((eventId: string) => void) | undefined
  /** Its record is part of a committed transaction. */
  #recorded = false

  constructor(
    parts: DispatcherParts,
    request: WireRequest,
    requestId: string,
    headers: Headers,
    exchange: Exchange,
    { standing, region, grounds }: Authenticated,
  ) {
    this.#parts = parts
    this.#request = request
    this.#exchange = exchange
    this.#grounds = [...grounds]
    this.requestId = requestId
    this.standing = standing
    this.caller = standing.caller
    this.region = region
    this.facts = {
      region,
      timeMs: parts.now(),
      sourceIp: request.sourceIp,
      userAgent: headers.get('user-agent')?.[0],
      secureTransport: request.tls !== undefined || request.overTls === true,
      endpoint: request.endpoint,
    }
  }

  /** Undefined when the request has to be decided again. */
  async run(): Promise<Outcome | undefined> {
    let answer: object | undefined
    let failure: AwsError | undefined
    try {
      answer = await this.#operate()
    } catch (error) {
      if (error instanceof StaleGroundsError) return undefined
      failure = error instanceof AwsError ? error : internalError()
      const cause = error instanceof AwsError ? error.cause : error
      if (cause !== undefined) this.#log(cause)
    }
    if (this.#isNobody()) return this.#unrecorded(failure)
    if (!this.#recorded) {
      try {
        const facts = this.#facts(failure, answer)
        const { eventId, record } = cloudTrailRecord(facts)
        const uses = failure === undefined ? this.#uses : undefined
        const committed = await this.#parts.journal.append({
          record,
          isCurrent: () => this.#isCurrent(),
          written: uses && this.#counting(uses, eventId, facts.clockMs),
        })
        if (committed === 'stale') return undefined
        this.#afterwards?.(eventId)
      } catch (error) {
        if (!(error instanceof JournalUnavailableError)) throw error
        failure = internalError()
      }
    }
    return this.#outcome(answer, failure)
  }

  async #operate(): Promise<object | undefined> {
    const exchange = this.#exchange
    const operation = inRegion(this.region, exchange.operation())
    this.#operation = operation
    const input = exchange.input(operation)
    this.#parameters = recordedParameters(operation.input, input)
    this.#parts.used(this.caller, this.region, exchange.service.signingName)
    if (!this.isAdmitted) operation.admit?.(input, this)
    this.isAdmitted = true
    return operation.run(input, this)
  }

  /** An unsigned request whose sender was not found out. */
  #isNobody(): boolean {
    return this.standing === anonymous && this.#sender === undefined
  }

  #unrecorded(failure: AwsError | undefined): Outcome {
    if (failure === undefined) throw new Error('an unsigned request was answered without a verified sender')
    return refused(this.#parts, this.#request, this.requestId, this.#exchange, failure)
  }

  #outcome(answer: object | undefined, failure: AwsError | undefined): Outcome {
    const { requestId } = this
    const operation = this.#operation
    if (failure !== undefined || operation === undefined) {
      const error = failure ?? internalError()
      const response = this.#exchange.failure(error, requestId)
      return { operation: operation?.name ?? 'other', result: error.code, response }
    }
    const response = this.#exchange.answer(operation, answer, requestId)
    return { operation: operation.name, result: 'success', response }
  }

  #facts(failure: AwsError | undefined, answer: object | undefined): RecordFacts {
    const { caller, requestId } = this
    const exchange = this.#exchange
    const { service } = exchange
    const operation = this.#operation
    const readOnly = operation?.readOnly ?? true
    return {
      clockMs: this.#parts.now(),
      identity: this.#sender === undefined ? recordIdentity(this.standing) : webIdentity(this.#sender),
      service: service.signingName,
      operation: operation?.name ?? exchange.operationName ?? 'Unknown',
      region: service.signingName === 'iam' ? globalRegionOf(this.region) : this.region,
      // A service has no account: what it does is the business of whose resource it is.
      accountId: this.#sender?.accountId ?? (caller.accountId || this.#resources?.[0]?.accountId),
      sourceIp: this.#request.sourceIp,
      userAgent: this.facts.userAgent,
      requestParameters: this.#parameters,
      response: failure === undefined && operation ? this.#recordedAnswer(operation, answer) : undefined,
      error: failure && { code: failure.code, message: failure.message },
      resources: this.#resources,
      requestId,
      readOnly,
      additional: this.#additional,
      tls: this.#request.tls,
      vpcEndpointId: this.#request.endpoint?.vpceId,
    }
  }

  #recordedAnswer(operation: ServiceOperation, answer: object | undefined): object | undefined {
    if (operation.recordsKey === true) return { keyId: this.#resources?.[0]?.ARN }
    if (operation.readOnly && operation.recordsAnswer !== true) return undefined
    return recordedResponse(operation.output, answer)
  }

  /** What only the operator may know of a failure. */
  #log(cause: unknown): void {
    const { requestId } = this
    const fields = { requestId, operation: this.#operation?.name, err: cause }
    this.#parts.limited.warn('failed request', fields, 'a request failed')
  }

  #isCurrent(): boolean {
    for (const entry of this.standing.entries) if (!entry.valid) return false
    for (const entry of this.#grounds) if (!entry.valid) return false
    return true
  }

  use<T>(entry: CacheEntry<T>): T {
    this.#grounds.push(entry)
    return entry.value
  }

  resource({ accountId, arn }: { accountId: string; arn: string }): void {
    const resources = this.#resources
    if (resources === undefined) this.#resources = [{ accountId, ARN: arn }]
    else if (!resources.some((known) => known.ARN === arn)) resources.push({ accountId, ARN: arn })
  }

  note(facts: Record<string, unknown>): void {
    this.#additional = { ...this.#additional, ...facts }
  }

  identity(sender: Caller): void {
    this.#sender = sender
  }

  used({ region, keyId }: { region: string; keyId: string }, materialId?: string, as?: string): void {
    const operation = as ?? this.#operation?.name ?? ''
    ;(this.#uses ??= []).push({ region, keyId, materialId, operation })
  }

  afterwards(callback: (eventId: string) => void): void {
    this.#afterwards = callback
  }

  #counting(uses: readonly UseOfKey[], eventId: string, clockMs: number): RecordWritten {
    const { requestId } = this
    const { keyUsed } = this.#parts
    const usedAtMs = Math.floor(clockMs / 1000) * 1000
    return (chain, sequence) => {
      for (const { region, keyId, materialId, operation } of uses) {
        keyUsed({ region, keyId, materialId, operation, chain, sequence, eventId, requestId, usedAtMs })
      }
    }
  }

  async transition<T extends object | undefined>(work: Parameters<Call['transition']>[0]): Promise<T> {
    const { store, journal } = this.#parts
    // A change that could not be recorded is not begun.
    await journal.requireAvailable()
    const response = await store.transition(async (tx) => {
      this.#resources = undefined
      this.#additional = undefined
      const result = await work(tx)
      tx.record(async (position) => {
        // The feed's row is locked now, so nothing can commit between this look and our own commit.
        if (store.feed.applied < position - 1) await store.feed.catchUp()
        if (!this.#isCurrent()) throw new StaleGroundsError()
        return cloudTrailRecord({ ...this.#facts(undefined, result), changePosition: position })
      })
      return result
    })
    this.#recorded = true
    return response as T
  }
}
