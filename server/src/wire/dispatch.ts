import { randomUUID } from 'node:crypto'
import { JournalUnavailableError } from '../audit/journal-unavailable-error.ts'
import type { Journal } from '../audit/journal.ts'
import {
  cloudTrailRecord,
  recordedParameters,
  recordedResponse,
  type RecordFacts,
  type RecordResource,
} from '../audit/record.ts'
import { AwsError } from '../aws-error.ts'
import type { Call, Service, ServiceOperation } from '../services/call.ts'
import type { CacheEntry } from '../store/coherent-cache.ts'
import type { Store } from '../store/store.ts'
import type { Log } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { RateLimitedLog } from '../telemetry/rate-limited-log.ts'
import type { Authenticated, Authenticator } from './authenticate.ts'
import { awsJsonContentType, errorResponse } from './error-body.ts'
import { internalError, unknownOperation } from './errors.ts'
import type { WireHandler, WireRequest, WireResponse } from './http-message.ts'
import { parseJson, writeJson } from './json.ts'
import { validate } from './validate.ts'

export interface DispatcherParts {
  readonly authenticator: Authenticator
  /** By the prefix of their X-Amz-Target. */
  readonly services: ReadonlyMap<string, Service>
  readonly store: Store
  readonly journal: Journal
  readonly metrics: Metrics
  readonly log: Log
  /** For what a client, or a lost database, can cause at will. */
  readonly limited: RateLimitedLog
  readonly now: () => number
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
  const { limited, log, metrics } = parts
  return async (request) => {
    const requestId = randomUUID()
    const startedAt = performance.now()
    const outcome = await decide(parts, request, requestId).catch((cause: unknown): Outcome => {
      limited.warn('failed request', { requestId, err: cause }, 'a request failed')
      return {
        operation: 'other',
        result: 'KMSInternalException',
        response: errorResponse(internalError(), requestId),
      }
    })
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
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    let authenticated: Authenticated
    try {
      authenticated = await parts.authenticator.authenticate(request)
    } catch (error) {
      if (!(error instanceof AwsError)) throw error
      // Counted and logged at a limited rate, never recorded: nobody without credentials can fill the journal.
      parts.metrics.refusedSignature(error.code)
      parts.limited.warn(
        'refused signature',
        { code: error.code, requestId, source: request.sourceIp },
        'refused a signature',
      )
      return { operation: 'other', result: error.code, response: errorResponse(error, requestId) }
    }
    const outcome = await new Attempt(parts, request, requestId, authenticated).run()
    if (outcome !== undefined) return outcome
  }
  throw new Error(`what a request rests on changed ${MAX_ATTEMPTS} times while it was decided`)
}

/** What an operation rests on changed before it could commit; the request starts over. */
class StaleGroundsError extends Error {}

/** One run of one authenticated request. */
class Attempt implements Call {
  readonly caller
  readonly region
  readonly requestId
  readonly audit = this
  readonly #parts
  readonly #request
  readonly #authenticated
  readonly #grounds: CacheEntry<unknown>[]
  #resources: RecordResource[] | undefined
  #additional: Record<string, unknown> | undefined
  #operation: ServiceOperation | undefined
  #parameters: object | undefined
  /** Its record is part of a committed transaction. */
  #recorded = false

  constructor(parts: DispatcherParts, request: WireRequest, requestId: string, authenticated: Authenticated) {
    this.#parts = parts
    this.#request = request
    this.requestId = requestId
    this.#authenticated = authenticated
    this.caller = authenticated.caller
    this.region = authenticated.signature.region
    this.#grounds = [...authenticated.grounds]
  }

  /** Undefined when the request has to be decided again. */
  async run(): Promise<Outcome | undefined> {
    let answer: object | undefined
    let failure: AwsError | undefined
    try {
      answer = await this.#operate()
    } catch (error) {
      if (error instanceof StaleGroundsError) return undefined
      failure = error instanceof AwsError ? error : this.#ourFault(error)
    }
    if (!this.#recorded) {
      try {
        const { record } = cloudTrailRecord(this.#facts(failure, answer))
        const committed = await this.#parts.journal.append({ record, isCurrent: () => this.#isCurrent() })
        if (committed === 'stale') return undefined
      } catch (error) {
        if (!(error instanceof JournalUnavailableError)) throw error
        failure = internalError()
      }
    }
    return this.#outcome(answer, failure)
  }

  async #operate(): Promise<object | undefined> {
    const { services } = this.#parts
    const { signature } = this.#authenticated
    const [prefix = '', name = '', ...more] = (signature.headers.get('x-amz-target')?.[0] ?? '').split('.')
    const service = services.get(prefix)
    const { method, target } = this.#request
    if (service === undefined || more.length > 0 || method !== 'POST' || target !== '/')
      throw unknownOperation()
    const operation = service.operations.get(name)
    if (operation === undefined) {
      if (!service.operationNames.has(name)) throw unknownOperation()
      throw new AwsError('UnsupportedOperationException', `The operation ${name} is not supported.`)
    }
    this.#operation = operation
    const input = validate(operation.input, parseJson(this.#request.body))
    this.#parameters = recordedParameters(operation.input, input)
    return operation.run(input, this)
  }

  #outcome(answer: object | undefined, failure: AwsError | undefined): Outcome {
    const { requestId } = this
    const operation = this.#operation?.name ?? 'other'
    if (failure !== undefined) {
      return { operation, result: failure.code, response: errorResponse(failure, requestId) }
    }
    const body = answer === undefined ? '' : writeJson(answer)
    return {
      operation,
      result: 'success',
      response: { status: 200, contentType: awsJsonContentType, requestId, body },
    }
  }

  #facts(failure: AwsError | undefined, answer: object | undefined): RecordFacts {
    const { caller, region, requestId } = this
    const { signature } = this.#authenticated
    const readOnly = this.#operation?.readOnly ?? true
    const { accountId } = caller
    return {
      clockMs: this.#parts.now(),
      identity: caller,
      service: signature.service,
      operation: this.#operation?.name ?? this.#unknownName(),
      region,
      accountId,
      sourceIp: this.#request.sourceIp,
      userAgent: signature.headers.get('user-agent')?.[0],
      requestParameters: this.#parameters,
      response: readOnly || failure !== undefined ? undefined : recordedResponse(answer),
      error: failure && { code: failure.code, message: failure.message },
      resources: this.#resources,
      requestId,
      readOnly,
      additional: this.#additional,
      tls: this.#request.tls,
    }
  }

  /** What the client called an operation that is not there, when that is a name at all. */
  #unknownName(): string {
    const name = this.#authenticated.signature.headers.get('x-amz-target')?.[0]?.split('.')[1] ?? ''
    return /^[A-Za-z0-9]{1,64}$/.test(name) ? name : 'Unknown'
  }

  #ourFault(cause: unknown): AwsError {
    const { requestId } = this
    const fields = { requestId, operation: this.#operation?.name, err: cause }
    this.#parts.limited.warn('failed request', fields, 'a request failed')
    return internalError()
  }

  #isCurrent(): boolean {
    for (const entry of this.#grounds) if (!entry.valid) return false
    return true
  }

  use<T>(entry: CacheEntry<T>): T {
    this.#grounds.push(entry)
    return entry.value
  }

  resource({ accountId, arn }: { accountId: string; arn: string }): void {
    if (this.#resources?.some((known) => known.ARN === arn)) return
    ;(this.#resources ??= []).push({ accountId, ARN: arn })
  }

  note(facts: Record<string, unknown>): void {
    this.#additional = { ...this.#additional, ...facts }
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
