import type { LookupAddress } from 'node:dns'
import { lookup } from 'node:dns/promises'
import { Agent, request as httpsRequest } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import { createSecureContext, getCACertificates } from 'node:tls'
import { addressRules } from './address-rules.ts'
import { boundedAnswer } from './bounded-answer.ts'
import { EgressError } from './egress-error.ts'
import { places } from './places.ts'

/** The only way out to addresses that a tenant can set. */
export interface Egress {
  /**
   * The body of an answer with status 200.
   *
   * @throws EgressError
   */
  get(url: string, bounds: { readonly maxBytes: number }): Promise<Buffer>
}

export interface EgressOptions {
  /** Networks, addresses and host names beside the public internet. */
  readonly allow: readonly string[]
  /** Certificate authorities that are trusted beside the usual ones, each in PEM. */
  readonly ca?: readonly string[]
  /** For name, connection, handshake, header and body together. */
  readonly timeoutMs?: number
  readonly mostAtOnce?: number
}

const TIMEOUT_MS = 5000
const MOST_AT_ONCE = 8
// Each holds one of the four threads that the whole process has for such things.
const MOST_LOOK_UPS = 2
const LONGEST_HEADER_BYTES = 16_384

/**
 * HTTPS only, no redirects, no proxies of the environment. A host name is resolved once, its addresses are checked,
 * and the connection goes to a checked one: a name that points elsewhere a moment later gains nothing.
 *
 * Whoever finds all places taken waits for one as long as its own time lasts.
 */
export function createEgress(options: EgressOptions): Egress {
  const { timeoutMs = TIMEOUT_MS, mostAtOnce = MOST_AT_ONCE } = options
  const rules = addressRules(options.allow)
  const exchanges = places(mostAtOnce)
  const lookUps = places(MOST_LOOK_UPS)
  let agent: Agent | undefined

  async function get(text: string, { maxBytes }: { maxBytes: number }): Promise<Buffer> {
    const url = requireHttps(text)
    const deadline = AbortSignal.timeout(timeoutMs)
    const leave = await exchanges.take(deadline)
    if (leave === undefined) throw new EgressError(deadline.aborted ? 'timeout' : 'busy')
    try {
      const addresses = await permittedAddresses(url, deadline)
      // Made once, when it is needed: some hundred and fifty certificates are read for it.
      agent ??= trustingAgent(options.ca ?? [])
      return await fetchFrom(url, addresses, { maxBytes, deadline, agent })
    } finally {
      leave()
    }
  }

  async function permittedAddresses(url: URL, deadline: AbortSignal): Promise<LookupAddress[]> {
    const host = hostOf(url)
    const family = isIP(host)
    const addresses = family > 0 ? [{ address: host, family }] : await resolve(host, deadline)
    const permitted = addresses.filter(({ address }) => rules.permits(host, address))
    if (permitted.length === 0) throw new EgressError('forbidden')
    return permitted
  }

  async function resolve(host: string, deadline: AbortSignal): Promise<LookupAddress[]> {
    const leave = await lookUps.take(deadline)
    if (leave === undefined) throw new EgressError(deadline.aborted ? 'timeout' : 'busy')
    // A look-up cannot be cut short: it keeps its place until the system gives up, whoever still waits for it.
    const found = lookup(host, { all: true }).catch(asUnreachable).finally(leave)
    return Promise.race([found, aborted(deadline)])
  }

  return { get }
}

function trustingAgent(ca: readonly string[]): Agent {
  const secureContext = createSecureContext({
    ca: [...getCACertificates('default'), ...ca],
    minVersion: 'TLSv1.2',
  })
  return new Agent({ keepAlive: false, maxCachedSessions: 0, secureContext })
}

function requireHttps(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol !== 'https:' || url.username !== '' || url.password !== '') throw new EgressError('url')
  return url
}

/** Without the brackets of an IPv6 address, and without the dot that ends a full name. */
function hostOf(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '')
}

interface Bounds {
  readonly maxBytes: number
  readonly deadline: AbortSignal
  readonly agent: Agent
}

async function fetchFrom(url: URL, addresses: readonly LookupAddress[], bounds: Bounds): Promise<Buffer> {
  const { deadline, agent } = bounds
  const host = hostOf(url)
  const pinned: LookupFunction = (_name, { all }, found) => {
    const [first] = addresses
    if (all) found(null, [...addresses])
    else if (first) found(null, first.address, first.family)
  }
  const request = httpsRequest({
    method: 'GET',
    host,
    port: url.port === '' ? 443 : Number(url.port),
    path: url.pathname + url.search,
    headers: { host: url.host, accept: 'application/json', 'accept-encoding': 'identity' },
    lookup: pinned,
    ...(isIP(host) === 0 && { servername: host }),
    rejectUnauthorized: true,
    agent,
    maxHeaderSize: LONGEST_HEADER_BYTES,
    signal: deadline,
  })
  const answer = boundedAnswer(request, bounds)
  request.end()
  return (await answer).body
}

function asUnreachable(cause: unknown): never {
  throw new EgressError('unreachable', { cause })
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => {
      reject(new EgressError('timeout'))
    })
  })
}
