import { createHmac, createSecretKey, type KeyObject } from 'node:crypto'

/** Where a verifier gets an access key's signing keys from. */
export interface SigningKeys {
  signingKey(date: string, region: string, service: string): KeyObject
}

/** Requests of two days are under way around midnight, with 5 minutes of clock difference never of three. */
const DAYS_KEPT = 2

/** About as many as regions and services make; beyond, the oldest goes. */
const SCOPES_KEPT_PER_DAY = 256

/**
 * The derived signing keys of one access key. It cannot be made to grow: callers verify the region, the
 * service and the clock window before they ask, and both levels are bounded all the same.
 */
export class SigningKeyCache implements SigningKeys {
  readonly #secret: KeyObject
  readonly #days = new Map<string, Map<string, KeyObject>>()

  /** @param secret "AWS4" followed by the secret access key */
  constructor(secret: KeyObject) {
    this.#secret = secret
  }

  signingKey(date: string, region: string, service: string): KeyObject {
    const scope = `${region}/${service}`
    const known = this.#days.get(date)?.get(scope)
    if (known !== undefined) return known
    const key = deriveSigningKey(this.#secret, date, region, service)
    const day = this.#day(date)
    day.set(scope, key)
    if (day.size > SCOPES_KEPT_PER_DAY) day.delete(day.keys().next().value as string)
    return key
  }

  #day(date: string): Map<string, KeyObject> {
    const known = this.#days.get(date)
    if (known !== undefined) return known
    const day = new Map<string, KeyObject>()
    this.#days.set(date, day)
    // The earliest day goes, not the one least used: an access key at rest keeps no old keys longer than
    // that.
    if (this.#days.size > DAYS_KEPT) this.#days.delete([...this.#days.keys()].sort()[0] as string)
    return day
  }
}

const caches = new WeakMap<KeyObject, SigningKeyCache>()

/**
 * The signing keys of an access key whose secret ("AWS4" + secret access key) is held in this KeyObject. They
 * live as long as that object: when identity drops its cached entry, the derived keys go with it.
 */
export function signingKeysOf(secret: KeyObject): SigningKeys {
  let cache = caches.get(secret)
  if (cache === undefined) {
    cache = new SigningKeyCache(secret)
    caches.set(secret, cache)
  }
  return cache
}

/** @see IAM User Guide, "Create a signed AWS API request", step 4: derive a signing key */
export function deriveSigningKey(
  secret: KeyObject,
  date: string,
  region: string,
  service: string,
): KeyObject {
  let key: KeyObject = secret
  for (const part of [date, region, service, 'aws4_request']) {
    const bytes = createHmac('sha256', key).update(part, 'latin1').digest()
    key = createSecretKey(bytes)
    bytes.fill(0)
  }
  return key
}
