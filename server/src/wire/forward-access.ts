import { hash, randomUUID } from 'node:crypto'
import type { Journal } from '../audit/journal.ts'
import { cloudTrailRecord } from '../audit/record.ts'
import { AwsError } from '../aws-error.ts'
import type { Caller } from '../identity/caller.ts'
import {
  regionalName,
  type ServicePrincipal,
  type ServicePrincipals,
} from '../identity/service-principals.ts'
import type { NewSession, SessionTokens } from '../identity/session-tokens.ts'
import { plainSession, type SessionFacts } from '../identity/session.ts'
import type { Standing } from '../identity/standing.ts'
import type { Store } from '../store/store.ts'
import { registeredService, type Authenticated, type Authenticator } from './authenticate.ts'
import { internalError } from './errors.ts'
import { readForwardedRequest, type ForwardedRequest } from './forwarded-request.ts'
import type { WireHandler, WireRequest, WireResponse } from './http-message.ts'
import { identityThrough } from './record-identity.ts'
import { signingKeysOf } from './signing-keys.ts'
import { requireScope, verifyCanonical } from './sigv4.ts'

const JSON_TYPE = 'application/json'

/** Where a service exchanges a user's request, and where it gets credentials of its own. */
const FORWARD_ACCESS = '/-/forward-access'
const SERVICE_CREDENTIALS = '/-/service-credentials'

const LONGEST_SESSION_MS = 15 * 60_000
const OLDEST_MINUTES = 5
// Longer than a request is accepted, by what the clocks of two nodes may differ.
const REMEMBERED_MS = 20 * 60_000

export interface ForwardAccessParts {
  readonly authenticator: Authenticator
  readonly servicePrincipals: ServicePrincipals
  readonly sessionTokens: SessionTokens
  readonly store: Store
  readonly journal: Journal
  readonly regions: ReadonlySet<string>
  readonly now: () => number
  /** What happened to a request that failed through our own fault. */
  readonly onFailure: (error: unknown, requestId: string) => void
}

/**
 * The listener for services: the two exchanges, and behind them the API for whoever has credentials from one of them.
 *
 * A service never names a user. It shows the request that the user signed for it, and gets a session with that
 * user's permissions, for a quarter of an hour at most, for KMS only, over its own certificate only; each request is
 * good for one session, on whichever node.
 * @see docs/forward-access.md
 */
export function createServicesHandler(parts: ForwardAccessParts, api: WireHandler): WireHandler {
  return async (request) => {
    const { target, serviceConnection } = request
    if (target !== FORWARD_ACCESS && target !== SERVICE_CREDENTIALS) {
      return target.startsWith('/-/') ? refusal(notFound(), randomUUID()) : api(request)
    }
    const requestId = randomUUID()
    try {
      if (request.method !== 'POST') throw new AwsError('MethodNotAllowed', 'Only POST is allowed.', 405)
      const entry =
        serviceConnection &&
        (await registeredService(parts.servicePrincipals, serviceConnection, parts.now()))
      if (entry === undefined) {
        throw new AwsError('AccessDenied', 'The client certificate is not that of a registered service.', 403)
      }
      const exchange = new ServiceExchange(parts, request, requestId, entry.value)
      const issued = target === FORWARD_ACCESS ? await exchange.forUser() : await exchange.forItself()
      return { status: 200, contentType: JSON_TYPE, requestId, body: JSON.stringify(issued) }
    } catch (error) {
      if (error instanceof AwsError) return refusal(error, requestId)
      parts.onFailure(error, requestId)
      return refusal(internalError(), requestId)
    }
  }
}

interface Issued {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken: string
  readonly expiration: string
}

/** One exchange of one service. */
class ServiceExchange {
  readonly #parts: ForwardAccessParts
  readonly #request: WireRequest
  readonly #requestId: string
  readonly #service: ServicePrincipal

  constructor(parts: ForwardAccessParts, request: WireRequest, requestId: string, service: ServicePrincipal) {
    this.#parts = parts
    this.#request = request
    this.#requestId = requestId
    this.#service = service
  }

  async forUser(): Promise<Issued> {
    const forwarded = readForwardedRequest(this.#request.body, this.#service.signingName)
    const { standing } = await this.#senderOf(forwarded)
    if (standing.quarantine !== undefined) {
      throw new AwsError('AccessDenied', 'The sender of the request may not use this deployment.', 403)
    }
    const { region } = forwarded.signature
    const session = this.#sessionFor(standing.caller, region)
    await this.#acceptOnce(forwarded, standing, session.expiresAtMs)
    return this.#issue({ accountId: standing.caller.accountId, principal: principalOf(standing), session })
  }

  /** Credentials of the service's own: it is then named by key policies and grants, and by nothing else. */
  async forItself(): Promise<Issued> {
    const { name } = this.#service
    const session = this.#own(fresh(this.#parts.now()), { services: [] })
    const { record } = cloudTrailRecord({
      ...this.#recordFacts('ServiceCredentials'),
      identity: { type: 'AWSService', invokedBy: name },
      readOnly: true,
    })
    await this.#parts.journal.append({ record, isCurrent: () => true })
    return this.#issue({ accountId: '', principal: { kind: 'service', id: name }, session })
  }

  /** @throws AwsError as for a request that comes to us */
  async #senderOf({ signature, canonical }: ForwardedRequest): Promise<Authenticated> {
    const { authenticator, regions, now } = this.#parts
    const { signingName, region } = this.#service
    requireScope(signature, {
      regions: region === undefined ? regions : new Set([region]),
      service: signingName,
    })
    return authenticator.senderOf(signature, (secret) => {
      verifyCanonical(canonical, signature, signingKeysOf(secret), now(), OLDEST_MINUTES)
    })
  }

  /** The user's own session, shortened and bound; what it says about the user, and what ends it, stays as it is. */
  #sessionFor(caller: Caller, region: string): SessionFacts {
    const nowMs = this.#parts.now()
    const services = [regionalName(this.#service, region)]
    if (caller.session !== undefined) return this.#own(caller.session, { services })
    // It ends with that access key.
    const facts = { ...fresh(nowMs), parentAccessKeyId: caller.accessKeyId }
    return this.#own(facts, { services, ofLongLivedKey: true })
  }

  #own(
    facts: SessionFacts,
    forwarded: Omit<NonNullable<SessionFacts['forwarded']>, 'certificateFingerprint'>,
  ): SessionFacts {
    const { certificateFingerprint } = this.#service
    const latestMs = this.#parts.now() + LONGEST_SESSION_MS
    return {
      ...facts,
      expiresAtMs: Math.min(latestMs, facts.expiresAtMs),
      forwarded: { ...forwarded, certificateFingerprint },
    }
  }

  /** @throws AwsError when any node has accepted this request before; the journal has both outcomes */
  async #acceptOnce({ signature }: ForwardedRequest, standing: Standing, expiresAtMs: number): Promise<void> {
    const { store, journal, now } = this.#parts
    const digest = hash('sha256', `${signature.accessKeyId}\n${signature.signature}`, 'hex')
    const facts = {
      ...this.#recordFacts('ForwardAccess'),
      identity: identityThrough(standing, this.#service.name),
      accountId: standing.caller.accountId,
      region: signature.region,
      requestParameters: { service: this.#service.name, sessionExpires: new Date(expiresAtMs).toISOString() },
      readOnly: false,
    } as const
    await journal.requireAvailable()
    const accepted = await store.transition(async (tx) => {
      const nowMs = now()
      await tx.db.deleteFrom('accepted_once').where('expires_at', '<', nowMs).execute()
      const made = await tx.db
        .insertInto('accepted_once')
        .values({ digest, expires_at: nowMs + REMEMBERED_MS })
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirst()
      const first = made.numInsertedOrUpdatedRows === 1n
      tx.record((changePosition) =>
        cloudTrailRecord({ ...facts, changePosition, ...(first ? {} : { error: { ...replayed } }) }),
      )
      return first
    })
    if (!accepted) throw new AwsError(replayed.code, replayed.message, 409)
  }

  #recordFacts(operation: string) {
    const { sourceIp, tls } = this.#request
    return {
      clockMs: this.#parts.now(),
      service: 'keywright',
      operation,
      region: this.#service.region,
      accountId: undefined,
      sourceIp,
      userAgent: undefined,
      requestId: this.#requestId,
      tls,
    } as const
  }

  #issue(session: NewSession): Issued {
    const { expiration, ...credentials } = this.#parts.sessionTokens.issue(session)
    return { ...credentials, expiration: expiration.toISOString() }
  }
}

const replayed = {
  code: 'RequestReplayed',
  message: 'This request was accepted before: each signed request is good for one session.',
} as const

/** As of now, with nothing that only some callers have. */
function fresh(nowMs: number): SessionFacts {
  return plainSession({ issuedAtMs: nowMs, expiresAtMs: nowMs + LONGEST_SESSION_MS })
}

function principalOf({ caller, principal }: Standing): NewSession['principal'] {
  switch (principal.type) {
    case 'root':
      return { kind: 'root', id: caller.accountId }
    case 'user':
      return { kind: 'user', id: principal.id }
    case 'assumed-role':
      return { kind: 'role', id: principal.roleId }
    default:
      throw new Error(`a ${principal.type} cannot sign a request`)
  }
}

function notFound(): AwsError {
  return new AwsError('NotFound', 'There is nothing here.', 404)
}

function refusal(error: AwsError, requestId: string): WireResponse {
  const body = JSON.stringify({ code: error.code, message: error.message })
  const status = error.httpStatus === 400 && forbidden.has(error.code) ? 403 : error.httpStatus
  return { status, contentType: JSON_TYPE, requestId, body }
}

const forbidden: ReadonlySet<string> = new Set([
  'UnrecognizedClientException',
  'InvalidSignatureException',
  'MissingAuthenticationTokenException',
  'ExpiredTokenException',
])
