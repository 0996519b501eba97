import type { KeyObject, X509Certificate } from 'node:crypto'
import { request as httpsRequest } from 'node:https'
import { isIP } from 'node:net'
import type { PeerCertificate } from 'node:tls'
import { boundedAnswer } from './bounded-answer.ts'
import { EgressError } from './egress-error.ts'
import { places, type Places } from './places.ts'

/** One exchange with a server that the operator named, whose certificate is known beforehand. */
export interface PinnedRequest {
  readonly url: URL
  /** Of the server: this one and no other, whoever vouches for what. */
  readonly certificate: X509Certificate
  /** Ours. */
  readonly client: { readonly certificate: X509Certificate; readonly privateKey: KeyObject }
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
  readonly maxBytes: number
}

export interface PinnedAnswer {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Buffer
}

/** @throws EgressError unless the answer has status 200 */
export type PinnedExchange = (request: PinnedRequest) => Promise<PinnedAnswer>

const TIMEOUT_MS = 5_000
const MOST_AT_ONCE = 8
const LONGEST_HEADER_BYTES = 16_384

/**
 * POST with mutual TLS. The address is the operator's and not a tenant's, so it may be a private one; nothing but the
 * holder of the certificate's key can be talked to.
 */
export function createPinnedExchange({
  timeoutMs = TIMEOUT_MS,
  mostAtOnce = MOST_AT_ONCE,
  signal,
}: {
  timeoutMs?: number
  mostAtOnce?: number
  /** Ends all that is under way, and lets nothing more begin. */
  signal?: AbortSignal
} = {}): PinnedExchange {
  /** Of each server its own, so that one that does not answer holds up nobody else; there are as many as the operator named. */
  const exchanges = new Map<string, Places>()

  function placesAt({ host }: URL): Places {
    const known = exchanges.get(host)
    if (known !== undefined) return known
    const made = places(mostAtOnce)
    exchanges.set(host, made)
    return made
  }

  return async (request) => {
    const deadline = AbortSignal.any([AbortSignal.timeout(timeoutMs), ...(signal ? [signal] : [])])
    const leave = await placesAt(request.url).take(deadline)
    if (leave === undefined) throw new EgressError(deadline.aborted ? 'timeout' : 'busy')
    try {
      return await exchange(request, deadline)
    } finally {
      leave()
    }
  }
}

function exchange(
  { url, certificate, client, headers, body, maxBytes }: PinnedRequest,
  deadline: AbortSignal,
): Promise<PinnedAnswer> {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  const request = httpsRequest({
    method: 'POST',
    host,
    port: url.port === '' ? 443 : Number(url.port),
    path: url.pathname,
    headers: { ...headers, 'content-length': body.length },
    agent: false,
    minVersion: 'TLSv1.3',
    ecdhCurve: 'X25519MLKEM768/X25519:P-256:P-384',
    ca: [certificate.toString()],
    cert: client.certificate.toString(),
    key: client.privateKey.export({ type: 'pkcs8', format: 'pem' }),
    rejectUnauthorized: true,
    // It has no names: what counts is that it is the one that the operator gave us.
    checkServerIdentity: (_host: string, shown: PeerCertificate) =>
      certificate.raw.equals(shown.raw) ? undefined : new EgressError('certificate'),
    ...(isIP(host) === 0 && { servername: host }),
    maxHeaderSize: LONGEST_HEADER_BYTES,
    signal: deadline,
  })
  const answer = boundedAnswer(request, { maxBytes, deadline })
  request.end(body)
  return answer
}
