import type { IncomingHttpHeaders } from 'node:http'
import { isLoopbackHost } from './listen-address.ts'

/** What `/-/` paths need to know of a request. */
export interface InternalRequest {
  readonly method: string
  readonly target: string
  readonly headers: IncomingHttpHeaders
  /** Made by a process on this machine itself: the socket's peer is loopback and no configured proxy. */
  readonly fromThisMachine: boolean
}

export interface InternalAnswer {
  readonly status: number
  readonly contentType: string
  readonly body: string
}

export interface InternalEndpoints {
  readonly health: {
    report(): { ok: boolean; ready: boolean; components: Readonly<Record<string, unknown>> }
  }
  readonly metrics: { text(): Promise<string>; readonly contentType: string }
}

/** `main` shows reasons and metrics to this machine only; `administrative` to everyone who reaches it. */
export type Exposure = {
  readonly listener: 'main' | 'administrative'
  /** The listener is bound to a loopback address. */
  readonly loopback: boolean
}

export function isInternalPath(target: string): boolean {
  return target.startsWith('/-/')
}

/**
 * Answers `/-/health`, `/-/ready` and `/-/metrics`; any other path under `/-/` is 404.
 *
 * No browser has business here. One that a foreign page drives says so (Origin, Sec-Fetch-Site); one
 * that was led to this machine by a rebound DNS name sends that name as Host. So requests with the
 * former are refused, and with the latter learn no more than a stranger.
 */
export async function answerInternal(
  request: InternalRequest,
  exposure: Exposure,
  { health, metrics }: InternalEndpoints,
): Promise<InternalAnswer> {
  const site = request.headers['sec-fetch-site']
  if (request.headers.origin !== undefined || (site !== undefined && site !== 'none')) {
    return json(403, { message: 'Requests from web pages are refused.' })
  }
  const query = request.target.indexOf('?')
  const path = query === -1 ? request.target : request.target.slice(0, query)
  const trusted = mayKnowReasons(request, exposure)
  switch (path) {
    case '/-/health':
    case '/-/ready': {
      if (!isRead(request.method)) return json(405, { message: 'Only GET and HEAD are allowed.' })
      const { ok, ready, components } = health.report()
      const good = path === '/-/health' ? ok : ready
      const status = good ? 'ok' : 'failing'
      return json(good ? 200 : 503, trusted ? { status, components } : { status })
    }
    case '/-/metrics':
      // On an open main listener the path does not exist, not even for this machine: what answers
      // here is decided by configuration, which cannot be forged.
      if (!trusted || (exposure.listener === 'main' && !exposure.loopback)) break
      if (!isRead(request.method)) return json(405, { message: 'Only GET and HEAD are allowed.' })
      return { status: 200, contentType: metrics.contentType, body: await metrics.text() }
  }
  return json(404, { message: 'There is nothing here.' })
}

function isRead(method: string): boolean {
  return method === 'GET' || method === 'HEAD'
}

const FORWARDING_HEADERS = ['x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'forwarded', 'via'] as const

function mayKnowReasons({ headers, fromThisMachine }: InternalRequest, exposure: Exposure): boolean {
  if (exposure.listener === 'administrative' && !exposure.loopback) return true
  if (!fromThisMachine || !isLoopbackName(headers.host)) return false
  // A proxy on this machine that nobody configured still betrays itself.
  return FORWARDING_HEADERS.every((name) => headers[name] === undefined)
}

function isLoopbackName(host: string | undefined): boolean {
  if (host === undefined) return false
  const name = /^\[([^\]]*)\](?::\d+)?$/.exec(host)?.[1] ?? host.replace(/:\d+$/, '')
  return isLoopbackHost(name)
}

function json(status: number, value: unknown): InternalAnswer {
  return { status, contentType: 'application/json', body: `${JSON.stringify(value)}\n` }
}
