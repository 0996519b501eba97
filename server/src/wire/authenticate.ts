import type { KeyObject } from 'node:crypto'
import type { AccessKeys, Credential } from '../identity/access-keys.ts'
import { isAccountId } from '../identity/accounts.ts'
import { anonymous } from '../identity/anonymous.ts'
import {
  namesOf,
  regionalName,
  type ServicePrincipal,
  type ServicePrincipals,
} from '../identity/service-principals.ts'
import { SessionTokenError, type OpenedSession, type SessionTokens } from '../identity/session-tokens.ts'
import type { Given, Standings } from '../identity/standing-of.ts'
import type { Standing } from '../identity/standing.ts'
import type { CacheEntry } from '../store/coherent-cache.ts'
import type { Headers } from './canonical-request.ts'
import { CredentialsExpired, fromBrowser, unrecognizedClient } from './errors.ts'
import type { Exchange } from './exchange.ts'
import { readQueryString } from './form.ts'
import type { ServiceConnection, WireRequest } from './http-message.ts'
import { parsePresigned } from './presigned.ts'
import { signingKeysOf } from './signing-keys.ts'
import {
  CLOCK_WINDOW_MINUTES,
  parseSignature,
  requireScope,
  verifySignature,
  type ParsedSignature,
} from './sigv4.ts'

/** A request whose sender is known. */
export interface Authenticated {
  readonly standing: Standing
  /** Of the credential scope. */
  readonly region: string
  /** What the signature was verified with; what else the sender rests on are the standing's entries. */
  readonly grounds: readonly CacheEntry<unknown>[]
}

export interface Authenticator {
  /**
   * At once, without a promise, when everything is cached.
   * @throws AwsError with AWS's name and text for each failure, also by rejecting
   */
  authenticate(
    exchange: Exchange,
    request: WireRequest,
    headers: Headers,
  ): Authenticated | Promise<Authenticated>
  /**
   * Who signed what came to another service.
   * @param verify holds the signature against the sender's secret, and throws when it is another one
   */
  senderOf(signature: ParsedSignature, verify: Verify): Promise<Authenticated>
}

export type Verify = (signingSecret: KeyObject) => void

/** What a development deployment accepts beside its own access keys. */
export interface DevelopmentAuth {
  /** Creates an account that is not there yet. */
  ensureAccount(accountId: string): Promise<void>
  readonly firstAccountId: string
}

// "Signature expired: … (… - 15 min.)" is what STS says, of headers and of presigned URLs alike; whatever
// X-Amz-Expires says, as the authenticators of Kubernetes rely on.
const STS_WINDOW_MINUTES = 15

export interface AuthenticatorParts {
  readonly accessKeys: AccessKeys
  readonly sessionTokens: SessionTokens
  readonly standings: Standings
  readonly servicePrincipals: ServicePrincipals
  readonly regions: ReadonlySet<string>
  /** Of requests without a signature, which name none. */
  readonly defaultRegion: string
  /** Applies what other nodes have changed. */
  readonly refresh: () => Promise<unknown>
  readonly now: () => number
  /** Signatures are read and not verified. */
  readonly development?: DevelopmentAuth | undefined
}

export function createAuthenticator(parts: AuthenticatorParts): Authenticator {
  const { accessKeys, sessionTokens, standings, regions, refresh, now, development } = parts

  function authenticate(
    exchange: Exchange,
    request: WireRequest,
    headers: Headers,
  ): Authenticated | Promise<Authenticated> {
    const signature = signatureOf(exchange, request, headers)
    if (signature === undefined) {
      return { standing: anonymous, region: parts.defaultRegion, grounds: none }
    }
    const { signingName, global } = exchange.service
    requireScope(signature, { regions, service: signingName, global: global === true })
    if (development !== undefined) return unverified(signature, development)
    const windowMinutes = signingName === 'sts' ? STS_WINDOW_MINUTES : CLOCK_WINDOW_MINUTES
    const verify: Verify = (secret) => {
      verifySignature(request, signature, signingKeysOf(secret), now(), windowMinutes)
    }
    const { serviceConnection } = request
    if (serviceConnection !== undefined) return ofService(serviceConnection, signingName, signature, verify)
    return senderOf(signature, verify)
  }

  function senderOf(signature: ParsedSignature, verify: Verify): Authenticated | Promise<Authenticated> {
    if (signature.sessionToken !== undefined) {
      const opened = openedSession(signature)
      // What a service got for its user is good over that service's certificate only.
      if (opened.session.forwarded !== undefined) throw unrecognizedClient()
      verify(opened.signingSecret)
      return ofOpened(opened, signature, none)
    }
    const credential = accessKeys.find(signature.accessKeyId)
    return credential?.value.accessKey.status === 'Active'
      ? ofCredential(credential, signature, verify)
      : lookUp(signature, verify)
  }

  /**
   * A refusal is not checked against the change feed by a group commit, since nobody is known to
   * record it for; so a cached key that may not be used is looked at again before it refuses.
   */
  async function lookUp(signature: ParsedSignature, verify: Verify): Promise<Authenticated> {
    let credential = await accessKeys.load(signature.accessKeyId)
    if (credential !== undefined && credential.value.accessKey.status !== 'Active') {
      await refresh()
      if (!credential.valid) credential = await accessKeys.load(signature.accessKeyId)
    }
    if (credential?.value.accessKey.status !== 'Active') throw unrecognizedClient()
    return ofCredential(credential, signature, verify)
  }

  function ofCredential(
    credential: CacheEntry<Credential>,
    signature: ParsedSignature,
    verify: Verify,
  ): Authenticated | Promise<Authenticated> {
    verify(credential.value.signingSecret)
    return known(standingOfKey(credential, signature.region), signature, [credential])
  }

  function standingOfKey({ value: { accessKey } }: CacheEntry<Credential>, region: string): Given {
    const { accountId, principal, accessKeyId } = accessKey
    return principal === 'root'
      ? standings.ofRoot(accountId, region, accessKeyId)
      : standings.ofUser(principal, region, accessKeyId)
  }

  /** A refusal is looked at again here too: another node may have enabled the access key that the session came from. */
  function ofOpened(
    opened: OpenedSession,
    signature: ParsedSignature,
    grounds: readonly CacheEntry<unknown>[],
  ): Authenticated | Promise<Authenticated> {
    const given = standings.ofSession(opened, signature.region)
    if (given !== undefined && !(given instanceof Promise)) return known(given, signature, grounds)
    const again = async () => {
      const loaded = await given
      if (loaded !== undefined) return loaded
      await refresh()
      return standings.ofSession(opened, signature.region)
    }
    return known(again(), signature, grounds)
  }

  /** @throws AwsError for a token that is none of ours, another access key's, or over */
  function openedSession({ accessKeyId, sessionToken = '' }: ParsedSignature): OpenedSession {
    try {
      return sessionTokens.open(sessionToken, accessKeyId, now())
    } catch (error) {
      if (!(error instanceof SessionTokenError)) throw error
      throw error.reason === 'expired' ? new CredentialsExpired() : unrecognizedClient()
    }
  }

  /** On the listener for services only that is taken which a service got over this very certificate, and for KMS. */
  async function ofService(
    connection: ServiceConnection,
    signingName: string,
    signature: ParsedSignature,
    verify: Verify,
  ): Promise<Authenticated> {
    const opened = openedSession(signature)
    const { principal } = opened
    const { forwarded } = opened.session
    const entry = await registeredService(parts.servicePrincipals, connection, now())
    if (entry === undefined || forwarded?.certificateFingerprint !== entry.value.certificateFingerprint) {
      throw unrecognizedClient()
    }
    verify(opened.signingSecret)
    const service = entry.value
    const { region, headers } = signature
    // A service of one Region has no business in another.
    const isHere = service.region === undefined || service.region === region
    if (!isHere || signingName !== 'kms') throw unrecognizedClient()
    if (principal.kind !== 'service') {
      // What the user asked for in one Region is not a permission in others.
      if (forwarded.services.at(-1) !== regionalName(service, region)) throw unrecognizedClient()
      return ofOpened(opened, signature, [entry])
    }
    if (principal.id !== service.name) throw unrecognizedClient()
    const standing = standings.ofService({
      names: namesOf(service),
      accountId: opened.accountId,
      sourceAccount: headers.get('x-amz-source-account')?.[0],
      sourceArn: headers.get('x-amz-source-arn')?.[0],
    })
    return known(standing, signature, [entry])
  }

  async function unverified(
    signature: ParsedSignature,
    { ensureAccount, firstAccountId }: DevelopmentAuth,
  ): Promise<Authenticated> {
    // A page in a browser of this machine can reach the loopback address, and needs no secret here.
    if (signature.headers.has('origin')) throw fromBrowser()
    const { accessKeyId, region, sessionToken } = signature
    const opened = sessionToken === undefined ? undefined : openedIfOurs(accessKeyId, sessionToken)
    if (opened !== undefined && opened.session.forwarded === undefined) {
      return ofOpened(opened, signature, none)
    }
    const credential = await accessKeys.load(accessKeyId)
    if (credential !== undefined) {
      if (credential.value.accessKey.status !== 'Active') throw unrecognizedClient()
      return known(standingOfKey(credential, region), signature, [credential])
    }
    const accountId = isAccountId(accessKeyId) ? accessKeyId : firstAccountId
    let standing = await standings.ofRoot(accountId, region, accessKeyId)
    if (standing === undefined) {
      await ensureAccount(accountId)
      standing = await standings.ofRoot(accountId, region, accessKeyId)
    }
    return known(standing, signature, none)
  }

  /** In development a token of some other place is as good as none. */
  function openedIfOurs(accessKeyId: string, token: string): OpenedSession | undefined {
    try {
      return sessionTokens.open(token, accessKeyId, now())
    } catch (error) {
      if (!(error instanceof SessionTokenError)) throw error
      if (error.reason === 'expired') throw new CredentialsExpired()
      return undefined
    }
  }

  return {
    authenticate,
    senderOf: async (signature, verify) => senderOf(signature, verify),
  }
}

const none: readonly CacheEntry<unknown>[] = []

/** Undefined for an operation that needs no signature: one that is there all the same is not looked at. */
function signatureOf(
  exchange: Exchange,
  request: WireRequest,
  headers: Headers,
): ParsedSignature | undefined {
  const { service } = exchange
  if (service.protocol.type === 'query' && request.serviceConnection === undefined) {
    if (service.operations.get(exchange.operationName ?? '')?.unsigned === true) return undefined
  }
  if (!headers.has('authorization') && service.signingName === 'sts' && request.target.includes('X-Amz-')) {
    const mark = request.target.indexOf('?')
    const query = readQueryString(mark === -1 ? '' : request.target.slice(mark + 1))
    if (query.has('X-Amz-Algorithm')) return parsePresigned(query, headers)
  }
  return parseSignature(request, headers)
}

function known(
  standing: Given,
  { region }: ParsedSignature,
  grounds: readonly CacheEntry<unknown>[],
): Authenticated | Promise<Authenticated> {
  if (standing instanceof Promise) return standing.then((loaded) => present(loaded, region, grounds))
  return present(standing, region, grounds)
}

/** Credentials of somebody who is not there any more are no credentials. */
function present(
  standing: Standing | undefined,
  region: string,
  grounds: readonly CacheEntry<unknown>[],
): Authenticated {
  if (standing === undefined) throw unrecognizedClient()
  return { standing, region, grounds }
}

/** The service whose certificate a connection showed, when it is registered and its time is not over. */
export async function registeredService(
  servicePrincipals: ServicePrincipals,
  { certificateFingerprint }: ServiceConnection,
  nowMs: number,
): Promise<CacheEntry<ServicePrincipal> | undefined> {
  if (certificateFingerprint === undefined) return undefined
  const entry = await servicePrincipals.load(certificateFingerprint)
  if (entry === undefined) return undefined
  const { notBeforeMs, notAfterMs } = entry.value
  return nowMs >= notBeforeMs && nowMs < notAfterMs ? entry : undefined
}
