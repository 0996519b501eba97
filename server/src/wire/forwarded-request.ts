import type { Members, StructureOf } from '../shape.ts'
import { canonicalRequest, readHeaders } from './canonical-request.ts'
import { invalidSignature, validationError } from './errors.ts'
import { readQueryString } from './form.ts'
import { parseJson } from './json.ts'
import { parsePresigned } from './presigned.ts'
import { parseSignature, type ParsedSignature } from './sigv4.ts'
import { validate } from './validate.ts'

/** The request that a user signed for a service, as that service shows it. */
export interface ForwardedRequest {
  readonly signature: ParsedSignature
  readonly canonical: string
}

const shape = {
  method: { type: 'string', required: true, pattern: '[A-Z]{1,16}' },
  /** Path and query string as sent. */
  target: { type: 'string', required: true, min: 1, max: 16_384 },
  /** In the order and spelling in which they came; one byte per character, as in HTTP. */
  headers: {
    type: 'list',
    required: true,
    max: 200,
    of: {
      type: 'structure',
      members: {
        name: { type: 'string', required: true, min: 1, max: 256 },
        value: { type: 'string', required: true, max: 16_384 },
      },
    },
  },
  /** SHA-256 of the body in hex. It may be left out when the signature has another statement in its place. */
  bodySha256: { type: 'string', pattern: '[0-9a-f]{64}' },
} as const satisfies Members

/** What stands where the hash of a body would, when a client does not sign its body as a whole. */
const unsignedPayload = /^(?:UNSIGNED-PAYLOAD|STREAMING-[A-Z0-9-]{1,80})$/

/**
 * Reads what a service shows of a request, and brings it into the form that was signed.
 * @param signingName the service; S3's paths are signed as they were sent, those of all others encoded once more
 * @throws AwsError ValidationException, SerializationException, and those of a signature that cannot be read
 */
export function readForwardedRequest(body: Buffer, signingName: string): ForwardedRequest {
  const shown = validate(shape, parseJson(body)) as StructureOf<typeof shape>
  const { method, target } = shown
  if (!isLatin1(target) || !target.startsWith('/')) {
    throw validationError('target must be a path and query string as they were sent.')
  }
  const rawHeaders = shown.headers.flatMap(({ name, value }) => [name, value])
  if (!rawHeaders.every(isLatin1)) throw validationError('headers must have one byte per character.')
  const request = { method, target, rawHeaders, body: Buffer.alloc(0), sourceIp: '' }
  const headers = readHeaders(rawHeaders)
  const mark = target.indexOf('?')
  const query = mark === -1 ? undefined : readQueryString(target.slice(mark + 1))
  const presigned = !headers.has('authorization') && query?.has('X-Amz-Algorithm') === true
  const signature = presigned ? parsePresigned(query, headers) : parseSignature(request, headers)
  const isS3 = signingName === 's3'
  const payloadHash = payloadHashOf(
    shown.bodySha256,
    headers.get('x-amz-content-sha256')?.[0] ?? (presigned && isS3 ? 'UNSIGNED-PAYLOAD' : undefined),
  )
  const pathOf = isS3 ? (path: string) => path : undefined
  return {
    signature,
    canonical: canonicalRequest(request, headers, signature.signedHeaders, payloadHash, pathOf),
  }
}

function payloadHashOf(shown: string | undefined, claimed: string | undefined): string {
  if (claimed !== undefined && unsignedPayload.test(claimed)) return claimed
  const hash = shown ?? claimed
  if (hash === undefined || !/^[0-9a-f]{64}$/.test(hash) || (claimed !== undefined && claimed !== hash)) {
    throw invalidSignature('bodySha256 does not agree with what the request says of its body.')
  }
  return hash
}

/** Line feeds would let one header be read as two. */
function isLatin1(text: string): boolean {
  return /^[\t\x20-\xff]*$/.test(text)
}
