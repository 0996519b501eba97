import type { ClientRequest, IncomingHttpHeaders } from 'node:http'
import { EgressError } from './egress-error.ts'

export interface BoundedAnswer {
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

/**
 * The whole answer to a request that is about to be sent, when it has status 200 and is no longer than said.
 *
 * @param deadline what the request was made with
 * @throws EgressError
 */
export function boundedAnswer(
  request: ClientRequest,
  { maxBytes, deadline }: { readonly maxBytes: number; readonly deadline: AbortSignal },
): Promise<BoundedAnswer> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      reject(error instanceof EgressError ? error : failureOf(error, deadline))
      request.destroy()
    }
    request.on('error', fail)
    request.on('response', (response) => {
      response.on('error', fail)
      if (response.statusCode !== 200) return fail(new EgressError('status'))
      const chunks: Buffer[] = []
      let lengthBytes = 0
      response.on('data', (chunk: Buffer) => {
        lengthBytes += chunk.length
        if (lengthBytes > maxBytes) return fail(new EgressError('too-large'))
        chunks.push(chunk)
      })
      response.on('end', () => {
        if (response.complete) resolve({ headers: response.headers, body: Buffer.concat(chunks) })
        else fail(new EgressError('unreachable'))
      })
    })
  })
}

function failureOf(error: Error, deadline: AbortSignal): EgressError {
  if (deadline.aborted) return new EgressError('timeout')
  const { code = '' } = error as NodeJS.ErrnoException
  const certificate = /CERT|ISSUER|SIGNATURE|ALTNAME|TRUST|CHAIN/.test(code)
  return new EgressError(certificate ? 'certificate' : 'unreachable', { cause: error })
}
