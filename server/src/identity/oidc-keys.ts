import { createLocalJWKSet, type JWK, type JWTVerifyGetKey } from 'jose'
import { EgressError, type EgressFailure } from '../egress/egress-error.ts'
import type { Egress } from '../egress/egress.ts'
import { readStrictJson, StrictJsonError } from '../strict-json.ts'

/** The keys with which an issuer signs. */
export interface OidcKeys {
  /**
   * @param issuer of a provider that is registered: nobody else's address is fetched
   * @param accountId whose provider it is
   * @throws OidcKeysError
   */
  of(issuer: string, accountId: string): Promise<JWTVerifyGetKey>
  /** The same after a look at the issuer, for a token whose key is not among those that are held. */
  refreshed(issuer: string, accountId: string): Promise<JWTVerifyGetKey>
}

/**
 * Why an issuer's keys are not there: `invalid` is for the issuer to set right, `unreachable` may pass. An address that
 * may not be reached is called unreachable, as if nothing were there.
 */
export class OidcKeysError extends Error {
  override readonly name = 'OidcKeysError'
  readonly reason: 'unreachable' | 'invalid'

  constructor(reason: 'unreachable' | 'invalid', options?: ErrorOptions) {
    super(`The keys of the identity provider cannot be had (${reason})`, options)
    this.reason = reason
  }
}

// An issuer that takes a key away is obeyed after so long, one that cannot be reached is trusted so much longer.
const FRESH_MS = 10 * 60_000
const USABLE_MS = 60 * 60_000
/** Between two looks at one issuer, whatever tokens say: unsigned requests must not make us knock at its door. */
const PAUSE_MS = 30_000
const ISSUERS_KEPT = 1000
/** Of all looks that can go on at once; with issuers that answer slowly no account stands in the way of another. */
const LOOKS_OF_AN_ACCOUNT = 2

const DOCUMENT_BYTES = 65_536
const KEYS_BYTES = 262_144
const MOST_KEYS = 100
const DEEPEST = 8

interface Held {
  keys: JWTVerifyGetKey | undefined
  /** When the keys were fetched. */
  keysAtMs: number
  /** When they were last asked for, whatever came of it. */
  askedAtMs: number
  failure: OidcKeysError | undefined
  running: Promise<void> | undefined
}

export function createOidcKeys(parts: {
  egress: Egress
  now: () => number
  /** Told why, which clients are not: what a name leads to inside of a network is not for tenants. */
  onFailure: (issuer: string, error: OidcKeysError) => void
}): OidcKeys {
  const { egress, now, onFailure } = parts
  const issuers = new Map<string, Held>()
  /** How many are going on, by account. */
  const looks = new Map<string, number>()

  function heldOf(issuer: string): Held {
    let held = issuers.get(issuer)
    if (held === undefined) {
      if (issuers.size >= ISSUERS_KEPT) issuers.delete(issuers.keys().next().value as string)
      held = {
        keys: undefined,
        keysAtMs: -Infinity,
        askedAtMs: -Infinity,
        failure: undefined,
        running: undefined,
      }
      issuers.set(issuer, held)
    }
    return held
  }

  /** Those who ask at once wait for one look; within the pause nobody looks. */
  async function look(issuer: string, accountId: string, held: Held): Promise<void> {
    if (held.running === undefined) {
      if (now() - held.askedAtMs < PAUSE_MS) return
      if ((looks.get(accountId) ?? 0) >= LOOKS_OF_AN_ACCOUNT) return
    }
    held.askedAtMs = now()
    held.running ??= counted(accountId, fetchKeys(egress, issuer))
      .then(
        (keys) => {
          held.keys = keys
          held.keysAtMs = now()
          held.failure = undefined
        },
        (error: unknown) => {
          held.failure = asKeysError(error)
          // Nobody was asked, so the next may ask.
          if (error instanceof EgressError && error.reason === 'busy') held.askedAtMs = -Infinity
          onFailure(issuer, held.failure)
        },
      )
      .finally(() => {
        held.running = undefined
      })
    await held.running
  }

  async function counted<T>(accountId: string, fetching: Promise<T>): Promise<T> {
    looks.set(accountId, (looks.get(accountId) ?? 0) + 1)
    try {
      return await fetching
    } finally {
      const left = (looks.get(accountId) ?? 1) - 1
      if (left === 0) looks.delete(accountId)
      else looks.set(accountId, left)
    }
  }

  function usable(held: Held): JWTVerifyGetKey {
    if (held.keys !== undefined && now() - held.keysAtMs < USABLE_MS) return held.keys
    throw held.failure ?? new OidcKeysError('unreachable')
  }

  return {
    async of(issuer, accountId) {
      const held = heldOf(issuer)
      if (now() - held.keysAtMs >= FRESH_MS) await look(issuer, accountId, held)
      return usable(held)
    },
    async refreshed(issuer, accountId) {
      const held = heldOf(issuer)
      await look(issuer, accountId, held)
      return usable(held)
    },
  }
}

/** @see OpenID Connect Discovery 1.0, sections 4.1 and 4.3 */
async function fetchKeys(egress: Egress, issuer: string): Promise<JWTVerifyGetKey> {
  const base = issuer.endsWith('/') ? issuer.slice(0, -1) : issuer
  const document = await getObject(egress, `${base}/.well-known/openid-configuration`, DOCUMENT_BYTES)
  // Otherwise one issuer's page could vouch for another's tokens.
  if (document['issuer'] !== issuer) throw new OidcKeysError('invalid')
  const { jwks_uri: uri } = document
  if (typeof uri !== 'string') throw new OidcKeysError('invalid')
  const { keys } = await getObject(egress, uri, KEYS_BYTES)
  if (!Array.isArray(keys) || keys.length > MOST_KEYS) throw new OidcKeysError('invalid')
  return createLocalJWKSet({ keys: (keys as unknown[]).filter(isPublicKey) })
}

/** Nothing symmetric: what an issuer publishes cannot be a secret. */
function isPublicKey(key: unknown): key is JWK {
  if (typeof key !== 'object' || key === null) return false
  const { kty } = key as { kty?: unknown }
  return kty === 'RSA' || kty === 'EC' || kty === 'OKP'
}

async function getObject(egress: Egress, url: string, maxBytes: number): Promise<Record<string, unknown>> {
  const body = await egress.get(url, { maxBytes })
  const value = readStrictJson(new TextDecoder('utf-8', { fatal: true }).decode(body), DEEPEST)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new OidcKeysError('invalid')
  return value as Record<string, unknown>
}

const unreachable: ReadonlySet<EgressFailure> = new Set(['unreachable', 'forbidden', 'timeout', 'busy'])

function asKeysError(error: unknown): OidcKeysError {
  if (error instanceof OidcKeysError) return error
  const passing = error instanceof EgressError && unreachable.has(error.reason)
  if (passing) return new OidcKeysError('unreachable', { cause: error })
  const known = error instanceof EgressError || error instanceof StrictJsonError || error instanceof TypeError
  if (!known && !(error instanceof Error && error.name.startsWith('JW'))) throw error
  return new OidcKeysError('invalid', { cause: error })
}
