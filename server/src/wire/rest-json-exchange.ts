import { AwsError } from '../aws-error.ts'
import type { Members } from '../shape.ts'
import type { Service, ServiceOperation } from '../services/call.ts'
import { recordableName, type Exchange } from './exchange.ts'
import { readQueryString, type Form } from './form.ts'
import type { WireRequest, WireResponse } from './http-message.ts'
import { parseJson, writeJson } from './json.ts'
import { validate } from './validate.ts'

const JSON_TYPE = 'application/json'

/**
 * REST-JSON: method and path name the operation; members stand in the path, the query string, or the body, which is
 * JSON. An error has its name in a header and its text in the body.
 * @see Smithy, "AWS restJson1 protocol"
 */
export class RestJsonExchange implements Exchange {
  readonly service: Service
  readonly #request: WireRequest
  readonly #route: { readonly operation: ServiceOperation; readonly labels: Form } | undefined

  constructor(service: Service, request: WireRequest) {
    this.service = service
    this.#request = request
    this.#route = routeOf(service, request)
  }

  get operationName(): string | undefined {
    return this.#route && recordableName(this.#route.operation.name)
  }

  operation(): ServiceOperation {
    if (this.#route !== undefined) return this.#route.operation
    throw new AwsError('UnknownOperationException', '', 404)
  }

  input({ input }: ServiceOperation): Record<string, unknown> {
    const { body, target } = this.#request
    const mark = target.indexOf('?')
    const query = mark === -1 ? new Map<string, string>() : readQueryString(target.slice(mark + 1))
    const given = parseJson(body) as Record<string, unknown>
    const labels = this.#route?.labels ?? new Map<string, string>()
    const value: Record<string, unknown> = {}
    for (const name of Object.keys(input)) {
      const inUrl = labels.has(name) ? labels : input[name]?.in === 'querystring' ? query : undefined
      const text = inUrl?.get(name)
      if (text !== undefined) value[name] = scalarOf(input, name, text)
      else if (inUrl === undefined && Object.hasOwn(given, name)) value[name] = given[name]
    }
    return validate(input, value)
  }

  answer(_: ServiceOperation, answer: object | undefined, requestId: string): WireResponse {
    return { status: 200, contentType: JSON_TYPE, requestId, body: writeJson(answer ?? {}) }
  }

  failure(error: AwsError, requestId: string): WireResponse {
    const status = forbidden.has(error.code) ? 403 : error.httpStatus
    const code = error.code === 'KMSInternalException' ? 'InternalServerException' : error.code
    // The model requires a reason of this one.
    const reason = code === 'ValidationException' ? { reason: 'fieldValidationFailed' } : {}
    const body = JSON.stringify({ message: error.message, ...reason })
    return { status, contentType: JSON_TYPE, requestId, body, errorType: code }
  }
}

/** Errors of the front end that REST services send with a status of their own. */
const forbidden: ReadonlySet<string> = new Set([
  'AccessDeniedException',
  'UnrecognizedClientException',
  'InvalidSignatureException',
  'IncompleteSignatureException',
  'MissingAuthenticationTokenException',
  'ExpiredTokenException',
])

function scalarOf(members: Members, name: string, text: string): unknown {
  const type = members[name]?.type
  if (type === 'integer' || type === 'long') return /^-?\d{1,16}$/.test(text) ? Number(text) : text
  if (type === 'boolean') return text === 'true' ? true : text === 'false' ? false : text
  return text
}

/** The operation whose method and path these are; a label takes one segment, and is decoded once. */
function routeOf(
  service: Service,
  { method, target }: WireRequest,
): { operation: ServiceOperation; labels: Form } | undefined {
  const mark = target.indexOf('?')
  const segments = (mark === -1 ? target : target.slice(0, mark)).split('/')
  for (const operation of service.operations.values()) {
    if (operation.http?.method !== method) continue
    const labels = matched(operation.http.uri.split('/'), segments)
    if (labels !== undefined) return { operation, labels }
  }
  return undefined
}

function matched(template: readonly string[], segments: readonly string[]): Form | undefined {
  if (template.length !== segments.length) return undefined
  const labels = new Map<string, string>()
  for (const [i, part] of template.entries()) {
    const segment = segments[i] as string
    const label = /^\{(\w+)\}$/.exec(part)?.[1]
    if (label === undefined) {
      if (part !== segment) return undefined
      continue
    }
    if (segment === '') return undefined
    try {
      labels.set(label, decodeURIComponent(segment))
    } catch {
      return undefined
    }
  }
  return labels
}
