import type { AccessKeys, Credential } from '../identity/access-keys.ts'
import type { Account, Accounts } from '../identity/accounts.ts'
import { isAccountId } from '../identity/accounts.ts'
import { rootCaller, type Caller } from '../identity/caller.ts'
import type { CacheEntry } from '../store/coherent-cache.ts'
import { fromBrowser, unrecognizedClient } from './errors.ts'
import type { WireRequest } from './http-message.ts'
import { signingKeysOf } from './signing-keys.ts'
import { parseSignature, requireScope, verifySignature, type ParsedSignature } from './sigv4.ts'

/** A request whose sender is known. */
export interface Authenticated {
  readonly caller: Caller
  readonly signature: ParsedSignature
  /** What this rests on; when one of these is no longer valid, the sender has to be looked up again. */
  readonly grounds: readonly CacheEntry<unknown>[]
}

export interface Authenticator {
  /** @throws AwsError with AWS's name and text for each failure */
  authenticate(request: WireRequest): Promise<Authenticated>
}

/** What a development deployment accepts beside its own access keys. */
export interface DevelopmentAuth {
  /** Creates an account that is not there yet. */
  ensureAccount(accountId: string): Promise<void>
  readonly firstAccountId: string
}

export function createAuthenticator(parts: {
  accounts: Accounts
  accessKeys: AccessKeys
  regions: ReadonlySet<string>
  /** The signing name of the API that an X-Amz-Target belongs to. */
  serviceOfTarget: (target: string | undefined) => string | undefined
  /** The signing names of the APIs that are served. */
  services: readonly [string, ...string[]]
  /** Applies what other nodes have changed. */
  refresh: () => Promise<unknown>
  now: () => number
  /** Signatures are read and not verified. */
  development?: DevelopmentAuth | undefined
}): Authenticator {
  const { accounts, accessKeys, regions, serviceOfTarget, services, refresh, now, development } = parts

  function parse(request: WireRequest): ParsedSignature {
    const signature = parseSignature(request)
    const service = serviceOfTarget(signature.headers.get('x-amz-target')?.[0])
    requireScope(signature, { regions, service: service ?? servedService(signature.service) })
    return signature
  }

  /** Which service a target that nobody knows was meant for, only the scope can tell; it must be one that is served. */
  function servedService(scoped: string): string {
    return services.includes(scoped) ? scoped : services[0]
  }

  async function authenticate(request: WireRequest): Promise<Authenticated> {
    const signature = parse(request)
    const credential = await findCredential(signature.accessKeyId)
    if (development !== undefined) return unverified(signature, credential, development)
    // Long-lived access keys come without a session token; one that is sent anyway was made for another key.
    if (credential?.value.accessKey.status !== 'Active' || signature.sessionToken !== undefined) {
      throw unrecognizedClient()
    }
    const account = await accounts.load(credential.value.accessKey.accountId)
    if (account === undefined) throw unrecognizedClient()
    verifySignature(request, signature, signingKeysOf(credential.value.signingSecret), now())
    return known(signature, account, [credential, account])
  }

  /**
   * A refusal is not checked against the change feed by a group commit, since nobody is known to
   * record it for; so a cached key that may not be used is looked at again before it refuses.
   */
  async function findCredential(accessKeyId: string): Promise<CacheEntry<Credential> | undefined> {
    const found = await accessKeys.load(accessKeyId)
    if (found === undefined || found.value.accessKey.status === 'Active') return found
    await refresh()
    return found.valid ? found : accessKeys.load(accessKeyId)
  }

  async function unverified(
    signature: ParsedSignature,
    credential: CacheEntry<Credential> | undefined,
    { ensureAccount, firstAccountId }: DevelopmentAuth,
  ): Promise<Authenticated> {
    // A page in a browser of this machine can reach the loopback address, and needs no secret here.
    if (signature.headers.has('origin')) throw fromBrowser()
    if (credential !== undefined && credential.value.accessKey.status !== 'Active') throw unrecognizedClient()
    const { accessKeyId } = signature
    const accountId =
      credential?.value.accessKey.accountId ?? (isAccountId(accessKeyId) ? accessKeyId : firstAccountId)
    let account = await accounts.load(accountId)
    if (account === undefined) {
      await ensureAccount(accountId)
      account = await accounts.load(accountId)
      if (account === undefined) throw unrecognizedClient()
    }
    return known(signature, account, credential === undefined ? [account] : [credential, account])
  }

  return { authenticate }
}

function known(
  signature: ParsedSignature,
  account: CacheEntry<Account>,
  grounds: readonly CacheEntry<unknown>[],
): Authenticated {
  const caller = rootCaller(account.value.accountId, signature.accessKeyId, signature.region)
  return { caller, signature, grounds }
}
