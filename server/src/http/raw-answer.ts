import { randomUUID } from 'node:crypto'
import { STATUS_CODES } from 'node:http'

/**
 * Refusals that HTTP makes before a request is one that the wire could read. AWS's front end has no
 * documented names for most of them; those it has are used, and SDKs retry the retryable ones by status.
 */
export const REFUSALS = {
  malformed_request: [400, 'BadRequestException', 'The request is not well-formed HTTP.'],
  timeout: [408, 'RequestTimeoutException', 'The request was not received completely in time.'],
  method: [405, 'MethodNotAllowedException', 'The method is not allowed.'],
  body_too_large: [413, 'RequestEntityTooLargeException', 'The body of the request is too large.'],
  expectation: [417, 'ExpectationFailedException', 'The expectation of the request cannot be met.'],
  header_too_large: [431, 'RequestHeaderFieldsTooLargeException', 'The header of the request is too large.'],
  too_many_connections: [503, 'ServiceUnavailableException', 'Too many connections; please try again.'],
  too_many_requests: [503, 'ServiceUnavailableException', 'Too many requests in progress; please try again.'],
  failed: [500, 'KMSInternalException', 'The request could not be processed because of an internal error.'],
} as const satisfies Record<string, readonly [number, string, string]>

export type Refusal = keyof typeof REFUSALS

export const JSON_CONTENT_TYPE = 'application/x-amz-json-1.1'

export function refusalBody(refusal: Refusal): string {
  const [, type, message] = REFUSALS[refusal]
  return JSON.stringify({ __type: type, message })
}

/** A whole answer as bytes, for a connection on which node:http can no longer make one; it ends the connection. */
export function rawAnswer(refusal: Refusal): string {
  const [status] = REFUSALS[refusal]
  const body = refusalBody(refusal)
  return (
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n` +
    `x-amzn-RequestId: ${randomUUID()}\r\n` +
    `Content-Type: ${JSON_CONTENT_TYPE}\r\n` +
    `Content-Length: ${body.length}\r\n` +
    `Date: ${new Date().toUTCString()}\r\n` +
    'Connection: close\r\n\r\n' +
    body
  )
}
