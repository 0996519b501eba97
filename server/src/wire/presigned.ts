import type { Headers } from './canonical-request.ts'
import { incompleteSignature, invalidSignature } from './errors.ts'
import type { Form } from './form.ts'
import { parseBasicTime } from './signature-time.ts'
import { ALGORITHM, readCredential, requireSignedHeaders, type ParsedSignature } from './sigv4.ts'

/** The parameters of a query string that are its signature, and none of the operation's. */
export const signatureParameters: ReadonlySet<string> = new Set([
  'X-Amz-Algorithm',
  'X-Amz-Credential',
  'X-Amz-Date',
  'X-Amz-Expires',
  'X-Amz-SignedHeaders',
  'X-Amz-Security-Token',
  'X-Amz-Signature',
])

/** One week, as for every presigned URL. STS looks at its own window instead, whatever is said here. */
const LONGEST_SECONDS = 604_800

/**
 * Reads the signature that stands in a query string. Nothing of it has been verified, but the parameters occur once
 * each, and `X-Amz-Signature` alone is not part of what is signed.
 * @throws AwsError IncompleteSignatureException, InvalidSignatureException
 */
export function parsePresigned(query: Form, headers: Headers): ParsedSignature {
  const required = (name: string): string => {
    const value = query.get(name)
    if (value) return value
    throw incompleteSignature(
      `AWS query-string parameters must include '${name}'. Re-examine the query-string parameters.`,
    )
  }
  const algorithm = required('X-Amz-Algorithm')
  const credential = required('X-Amz-Credential')
  const signature = required('X-Amz-Signature')
  const list = required('X-Amz-SignedHeaders')
  const amzDate = required('X-Amz-Date')
  const timeMs = parseBasicTime(amzDate)
  if (timeMs === undefined) {
    throw incompleteSignature(
      `Date must be in ISO-8601 'basic format'. Got '${amzDate}'. See http://en.wikipedia.org/wiki/ISO_8601`,
    )
  }
  if (algorithm !== ALGORITHM) {
    throw incompleteSignature(`Unsupported AWS 'algorithm': '${algorithm}' (only ${ALGORITHM} for now). `)
  }
  requireExpires(query.get('X-Amz-Expires'))
  // What decides must be signed: here the whole query string is, and headers are not.
  for (const name of ['x-amz-security-token', 'x-amz-target']) {
    if (headers.has(name)) throw invalidSignature(`'${name}' must not be a header of a presigned request.`)
  }
  const sessionToken = query.get('X-Amz-Security-Token')
  return {
    ...readCredential(credential),
    signedHeaders: requireSignedHeaders(list, headers, []),
    signature,
    amzDate,
    timeMs,
    ...(sessionToken === undefined ? {} : { sessionToken }),
    headers,
  }
}

function requireExpires(text: string | undefined): void {
  if (text === undefined) return
  if (/^\d{1,6}$/.test(text) && Number(text) <= LONGEST_SECONDS) return
  throw incompleteSignature(`'X-Amz-Expires' must be a number of seconds not above ${LONGEST_SECONDS}.`)
}
