import type { Service } from '../services/call.ts'
import type { Headers } from './canonical-request.ts'
import type { Exchange } from './exchange.ts'
import type { WireRequest } from './http-message.ts'
import { JsonExchange } from './json-exchange.ts'
import { QueryExchange } from './query-exchange.ts'
import { RestJsonExchange } from './rest-json-exchange.ts'

/** Finds the service that a request is for, and with it the protocol that it speaks. */
export type Router = (request: WireRequest, headers: Headers) => Exchange

/**
 * X-Amz-Target decides where there is one; then the service of the credential scope; a request without either is
 * an unsigned one of the query protocol when it is a form, which one its version says. Everything else is the first
 * service's to refuse. None of this is believed yet: the signature must be scoped to the service that comes out.
 */
export function createRouter(services: readonly [Service, ...Service[]]): Router {
  const [first] = services
  const byPrefix = new Map<string, Service>()
  const byName = new Map<string, Service>()
  const byVersion = new Map<string, Service>()
  for (const service of services) {
    const { protocol, signingName } = service
    byName.set(signingName, service)
    if (protocol.type === 'json') byPrefix.set(protocol.targetPrefix, service)
    if (protocol.type === 'query') byVersion.set(protocol.version, service)
  }

  return (request, headers) => {
    const target = headers.get('x-amz-target')?.[0]
    if (target !== undefined) {
      const dot = target.indexOf('.')
      const named = byPrefix.get(dot === -1 ? target : target.slice(0, dot))
      // Whom a target that nobody knows was meant for, only the scope can tell.
      return new JsonExchange(named ?? jsonServiceOf(scopedService(request, headers)), request, target)
    }
    const scoped = scopedService(request, headers)
    if (scoped === undefined) return unsigned(request, headers)
    const service = byName.get(scoped) ?? first
    switch (service.protocol.type) {
      case 'json':
        return new JsonExchange(service, request, '')
      case 'query':
        return new QueryExchange(service, request, headers)
      case 'rest-json':
        return new RestJsonExchange(service, request)
    }
  }

  function jsonServiceOf(scoped: string | undefined): Service {
    const service = byName.get(scoped ?? '')
    return service?.protocol.type === 'json' ? service : first
  }

  function unsigned(request: WireRequest, headers: Headers): Exchange {
    const version = unsignedVersion(request, headers)
    const service = version === undefined ? undefined : byVersion.get(version)
    return service === undefined
      ? new JsonExchange(first, request, '')
      : new QueryExchange(service, request, headers)
  }
}

const inHeader = /\bCredential=[^/,\s]*\/[^/,\s]*\/[^/,\s]*\/([^/,\s]*)\//
// Each part ends at the first slash: a pattern that could take it as part of the text as well would try all combinations.
const inQuery = /[?&]X-Amz-Credential=(?:[^&/%]*(?:\/|%2F)){3}([^&/%]*)(?:\/|%2F)/i

/** Of the Authorization header, or of a presigned URL's credential. */
function scopedService({ target }: WireRequest, headers: Headers): string | undefined {
  const authorization = headers.get('authorization')?.[0]
  if (authorization !== undefined) return inHeader.exec(authorization.slice(0, 4096))?.[1]
  return target.includes('X-Amz-') ? inQuery.exec(target.slice(0, 4096))?.[1] : undefined
}

/** The version that a form names, looked for in its text: an unsigned request is read properly once it is known to be one. */
function unsignedVersion({ target, body }: WireRequest, headers: Headers): string | undefined {
  if (headers.has('authorization')) return undefined
  const form = headers.get('content-type')?.[0]?.startsWith('application/x-www-form-urlencoded') === true
  const text = form ? `${target}&${body.toString('latin1')}` : target
  return /[?&]Version=(\d{4}-\d\d-\d\d)(?:&|$)/.exec(text)?.[1]
}
