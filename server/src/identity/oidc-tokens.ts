import { errors, jwtVerify, type JWTVerifyGetKey } from 'jose'
import { readStrictJson, StrictJsonError } from '../strict-json.ts'
import type { OidcKeys } from './oidc-keys.ts'
import type { OidcProvider } from './oidc-providers.ts'

/** What a verified token says. */
export interface WebIdentity {
  readonly issuer: string
  readonly subject: string
  /** The client that the token was issued to, or for: one of the provider's client ids. */
  readonly audience: string
  /** Everything in the token. */
  readonly claims: Readonly<Record<string, unknown>>
}

/** A token that was not verified yet: what it says of itself, to find whom to ask. */
export interface UnverifiedToken {
  readonly text: string
  readonly algorithm: string
  readonly issuer: string
  readonly claims: Readonly<Record<string, unknown>>
}

/** Why a token is refused. */
export class WebIdentityError extends Error {
  override readonly name = 'WebIdentityError'
  readonly reason: 'malformed' | 'claim' | 'rejected' | 'audience' | 'expired' | 'early' | 'signature'
  /** The claim that is missing or not taken, or the expiry in seconds. */
  readonly detail: string | undefined

  constructor(reason: WebIdentityError['reason'], detail?: string) {
    super(`The web identity token is refused (${reason})`)
    this.reason = reason
    this.detail = detail
  }
}

/**
 * Asymmetric ones only. The library matches each with the type and curve of the key, and takes no RSA key under 2048 bits.
 *
 * @see RFC 7518 section 3.1; RFC 8037; RFC 8725 section 3.1
 */
const algorithms = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
]

const LONGEST_TOKEN = 20_000
const LONGEST_SUBJECT = 255
const DEEPEST = 8
const MOST_SEPARATORS = 2000
const SKEW_SECONDS = 60

/**
 * Reads a token strictly, and believes nothing of it.
 *
 * @throws WebIdentityError
 */
export function readToken(text: string): UnverifiedToken {
  const parts = text.split('.')
  const [header = '', payload = ''] = parts
  if (parts.length !== 3 || text.length > LONGEST_TOKEN) throw new WebIdentityError('malformed')
  const { alg } = objectOf(header)
  if (typeof alg !== 'string' || !algorithms.includes(alg)) throw new WebIdentityError('malformed')
  const claims = objectOf(payload)
  return { text, algorithm: alg, issuer: requireText(claims, 'iss'), claims }
}

/**
 * Verifies a token that says it is of this provider's issuer. Everything that can be refused without the issuer's keys is
 * refused before they are asked for.
 *
 * @throws WebIdentityError, OidcKeysError
 */
export async function verifyToken(
  token: UnverifiedToken,
  provider: OidcProvider,
  keys: OidcKeys,
  nowMs: number,
): Promise<WebIdentity> {
  const { issuer, claims } = token
  if (issuer !== `https://${provider.url}`) throw new WebIdentityError('claim', 'iss')
  const subject = requireText(claims, 'sub')
  // As OpenID Connect bounds it; it goes into records and session tokens.
  if (subject.length > LONGEST_SUBJECT) throw new WebIdentityError('rejected', 'sub')
  const audience = requireAudience(claims, provider.clientIds)
  requireTimes(claims, nowMs)
  const verified = await verifySignature(token, await keys.of(issuer, provider.accountId), nowMs)
  if (verified === 'unknown-key') {
    const again = await verifySignature(token, await keys.refreshed(issuer, provider.accountId), nowMs)
    if (again === 'unknown-key') throw new WebIdentityError('signature')
  }
  return { issuer, subject, audience, claims }
}

async function verifySignature(
  { text, algorithm, issuer }: UnverifiedToken,
  getKey: JWTVerifyGetKey,
  nowMs: number,
): Promise<'verified' | 'unknown-key'> {
  try {
    await jwtVerify(text, getKey, {
      algorithms: [algorithm],
      issuer,
      clockTolerance: SKEW_SECONDS,
      currentDate: new Date(nowMs),
    })
    return 'verified'
  } catch (error) {
    if (error instanceof errors.JWKSNoMatchingKey) return 'unknown-key'
    if (error instanceof errors.JOSEError || error instanceof TypeError)
      throw new WebIdentityError('signature')
    throw error
  }
}

/**
 * The client id that a token was issued to (`azp`) where it says so, otherwise the audience; it must be registered.
 * Of several audiences the first that is registered counts.
 */
function requireAudience(claims: UnverifiedToken['claims'], clientIds: readonly string[]): string {
  const { aud, azp } = claims
  const audiences = typeof aud === 'string' ? [aud] : Array.isArray(aud) ? (aud as unknown[]) : []
  if (audiences.length === 0) throw new WebIdentityError('claim', 'aud')
  const asked = azp === undefined ? audiences : [azp]
  const found = asked.find((candidate) => typeof candidate === 'string' && clientIds.includes(candidate))
  if (typeof found !== 'string') throw new WebIdentityError('audience')
  return found
}

function requireTimes(claims: UnverifiedToken['claims'], nowMs: number): void {
  const nowSeconds = Math.floor(nowMs / 1000)
  const expiry = requireNumber(claims, 'exp')
  if (nowSeconds >= expiry + SKEW_SECONDS) throw new WebIdentityError('expired', String(Math.floor(expiry)))
  if (requireNumber(claims, 'iat') > nowSeconds + SKEW_SECONDS) throw new WebIdentityError('early')
  if (claims['nbf'] !== undefined && requireNumber(claims, 'nbf') > nowSeconds + SKEW_SECONDS) {
    throw new WebIdentityError('early')
  }
}

function requireText(claims: UnverifiedToken['claims'], name: string): string {
  const value = claims[name]
  if (typeof value !== 'string' || value === '') throw new WebIdentityError('claim', name)
  return value
}

function requireNumber(claims: UnverifiedToken['claims'], name: string): number {
  const value = claims[name]
  if (typeof value !== 'number') throw new WebIdentityError('claim', name)
  return value
}

/** One part of a token; the library reads the same bytes again, and this is the only reading that accepts no two names. */
function objectOf(part: string): Record<string, unknown> {
  const bytes = Buffer.from(part, 'base64url')
  // Other texts decode to the same bytes.
  if (bytes.toString('base64url') !== part) throw new WebIdentityError('malformed')
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    const value = readStrictJson(text, DEEPEST, MOST_SEPARATORS)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return value as Record<string, unknown>
    }
  } catch (error) {
    if (!(error instanceof StrictJsonError || error instanceof TypeError)) throw error
  }
  throw new WebIdentityError('malformed')
}
