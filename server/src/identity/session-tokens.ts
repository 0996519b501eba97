import { createSecretKey, type KeyObject } from 'node:crypto'
import { deflateRawSync, inflateRawSync } from 'node:zlib'
import { openAesGcm, sealAesGcm, TAG_BYTES } from '../crypto/aes-gcm.ts'
import { deriveCounterHmacSha512, deriveKey } from '../crypto/kdf.ts'
import type { RandomSource } from '../crypto/random.ts'
import { BASE32 } from './base32.ts'
import type { SessionFacts } from './session.ts'

/** Whose permissions a session has: an account's root user, a user or role by its unique id, or a service's own. */
export interface SessionPrincipal {
  readonly kind: 'root' | 'user' | 'role' | 'service'
  /** The account id of a root user, AIDA…, AROA…, or the name of a service (service-principals.ts). */
  readonly id: string
}

export interface NewSession {
  readonly accountId: string
  readonly principal: SessionPrincipal
  readonly session: SessionFacts
}

/** Temporary credentials; they are shown once and kept nowhere. */
export interface IssuedCredentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken: string
  readonly expiration: Date
}

/** What a session token says. That its principal is still there, and may do anything, is not said here. */
export interface OpenedSession extends NewSession {
  readonly accessKeyId: string
  /** `AWS4` and the secret access key: where SigV4's key derivation begins. */
  readonly signingSecret: KeyObject
}

/** A token that is not one of ours, or not this access key's, or that was one. */
export class SessionTokenError extends Error {
  override readonly name = 'SessionTokenError'
  readonly reason: 'invalid' | 'expired'

  constructor(reason: 'invalid' | 'expired') {
    super(`The session token is ${reason}`)
    this.reason = reason
  }
}

export interface SessionTokens {
  issue(session: NewSession): IssuedCredentials
  /**
   * A token that was opened before costs a look into a map.
   *
   * @throws SessionTokenError
   */
  open(token: string, accessKeyId: string, nowMs: number): OpenedSession
}

const VERSION = 1
const SALT_BYTES = 16
const KEY_BYTES = 32
const NONCE_BYTES = 12
/** As 40 characters of base64, like the secret of a long-lived access key. */
const SECRET_BYTES = 30
const OVERHEAD_BYTES = 1 + SALT_BYTES + SECRET_BYTES + TAG_BYTES

/** Of base64; what we make is far shorter, and the header of a request ends at 16 KiB. */
const LONGEST_TOKEN = 12_288
const LONGEST_SESSION_BYTES = 65_536

// About 1 KiB each without session policies.
const TOKENS_KEPT = 16_384

// Begins every deflation with what most sessions have, so a token of a plain role session has some 300 characters
// instead of 700. It is a part of version 1 and does not change.
const dictionary = Buffer.from(
  '"Version":"2012-10-17""Statement":[{"Effect":"Allow","Action":"Resource":"Condition":{"arn:aws:iam::aws:policy/' +
    '"subject":"audience":"providerArn":"certificateFingerprint":{"key":"value":"chained":true,"tags":[{' +
    '{"accountId":"000000000000","principal":{"kind":"user","id":"AIDA"kind":"root"kind":"role","id":"AROA"},' +
    '"session":{"issuedAtMs":179,"expiresAtMs":179,"role":{"roleId":"AROA","sessionName":""},' +
    '"tags":[],"transitiveTagKeys":[],"chained":false,"policyArns":[]}}',
)

/**
 * Session tokens: everything about temporary credentials, sealed for ourselves, so that every node opens what any
 * node issued and nothing is stored. They cannot be taken back one by one; whoever opens one looks its principal
 * up at each request.
 *
 * version (1 byte) | salt (16) | secret (30) and the session as deflated JSON, sealed | tag (16), as base64.
 * AES-256-GCM key and nonce are derived from the salt, so one key seals any number of tokens. Additional data: the
 * version and the access key id. The secret stays out of the deflation: the length of a token says nothing about it.
 *
 * @see docs/temporary-credentials.md; docs/adr/0010-session-tokens.md
 */
export function createSessionTokens(parts: {
  /** The system key `secrets`. */
  secretsKey: KeyObject
  random: RandomSource
}): SessionTokens {
  const { random } = parts
  const tokenKey = deriveKey(parts.secretsKey, 'keywright session tokens v1')
  // Looked up by what a client sends. It holds authentic tokens only, and a token without its secret signs nothing.
  const opened = new Map<string, OpenedSession>()

  function issue({ accountId, principal, session }: NewSession): IssuedCredentials {
    const accessKeyId = newTemporaryKeyId(accountId, random)
    const secret = random.bytes(SECRET_BYTES)
    const body = deflateRawSync(JSON.stringify({ accountId, principal, session }), { dictionary })
    const plaintext = Buffer.concat([secret, body])
    const token = Buffer.alloc(1 + SALT_BYTES + plaintext.length + TAG_BYTES)
    token[0] = VERSION
    random.bytes(SALT_BYTES).copy(token, 1)
    const { key, nonce } = sealingKey(token)
    sealAesGcm(key, nonce, [additionalData(accessKeyId)], plaintext, token, 1 + SALT_BYTES)
    const issued = {
      accessKeyId,
      secretAccessKey: secret.toString('base64'),
      sessionToken: token.toString('base64'),
      expiration: new Date(session.expiresAtMs),
    }
    for (const bytes of [key, plaintext, secret]) bytes.fill(0)
    return issued
  }

  function open(token: string, accessKeyId: string, nowMs: number): OpenedSession {
    const known = opened.get(token)
    const session = known ?? unseal(token, accessKeyId)
    if (session.accessKeyId !== accessKeyId) throw new SessionTokenError('invalid')
    if (nowMs >= session.session.expiresAtMs) {
      opened.delete(token)
      throw new SessionTokenError('expired')
    }
    if (known === undefined) keep(token, session)
    return session
  }

  function unseal(token: string, accessKeyId: string): OpenedSession {
    if (token.length > LONGEST_TOKEN) throw new SessionTokenError('invalid')
    const bytes = Buffer.from(token, 'base64')
    // Other texts decode to the same bytes; only the one that was issued is a token.
    if (bytes.length < OVERHEAD_BYTES || bytes[0] !== VERSION || bytes.toString('base64') !== token) {
      throw new SessionTokenError('invalid')
    }
    const { key, nonce } = sealingKey(bytes)
    const body = bytes.subarray(1 + SALT_BYTES, bytes.length - TAG_BYTES)
    const tag = bytes.subarray(bytes.length - TAG_BYTES)
    const plaintext = openAesGcm(key, nonce, [additionalData(accessKeyId)], body, tag)
    key.fill(0)
    if (plaintext === undefined) throw new SessionTokenError('invalid')
    const text = inflateRawSync(plaintext.subarray(SECRET_BYTES), {
      dictionary,
      maxOutputLength: LONGEST_SESSION_BYTES,
    }).toString('utf8')
    const signingSecret = signingSecretOf(plaintext.subarray(0, SECRET_BYTES))
    plaintext.fill(0)
    // Sealed by ourselves a moment ago, in this version's form.
    return { ...(JSON.parse(text) as NewSession), accessKeyId, signingSecret }
  }

  /** The ones opened longest ago go first: sessions end anyway. */
  function keep(token: string, session: OpenedSession): void {
    if (opened.size >= TOKENS_KEPT) opened.delete(opened.keys().next().value as string)
    opened.set(token, session)
  }

  function sealingKey(token: Buffer): { key: Buffer; nonce: Buffer } {
    const salt = token.subarray(1, 1 + SALT_BYTES)
    const bytes = deriveCounterHmacSha512(tokenKey, 'session token', salt, KEY_BYTES + NONCE_BYTES)
    return { key: bytes.subarray(0, KEY_BYTES), nonce: bytes.subarray(KEY_BYTES) }
  }

  return { issue, open }
}

function additionalData(accessKeyId: string): Buffer {
  return Buffer.concat([Buffer.of(VERSION), Buffer.from(accessKeyId, 'utf8')])
}

function signingSecretOf(secret: Buffer): KeyObject {
  const prefixed = Buffer.from(`AWS4${secret.toString('base64')}`, 'latin1')
  const key = createSecretKey(prefixed)
  prefixed.fill(0)
  return key
}

const RANDOM_BITS = 40n

/**
 * ASIA and sixteen letters and digits, which hold the account in their first half as AWS's do: nothing is stored that
 * GetAccessKeyInfo could look up. What decides is the account inside the token.
 */
function newTemporaryKeyId(accountId: string, random: RandomSource): string {
  const low = BigInt(`0x${random.bytes(5).toString('hex')}`)
  let bits = (BigInt(accountId) << RANDOM_BITS) | low
  let text = ''
  for (let i = 0; i < 16; i++) {
    text = BASE32.charAt(Number(bits & 31n)) + text
    bits >>= 5n
  }
  return `ASIA${text}`
}

/** The account that a temporary access key id names; undefined for another form. */
export function accountOfTemporaryKeyId(accessKeyId: string): string | undefined {
  if (!/^ASIA[A-Z2-7]{16}$/.test(accessKeyId)) return undefined
  let bits = 0n
  for (const letter of accessKeyId.slice(4)) bits = (bits << 5n) | BigInt(BASE32.indexOf(letter))
  const account = (bits >> RANDOM_BITS).toString()
  return account.length > 12 ? undefined : account.padStart(12, '0')
}
