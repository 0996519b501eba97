import { createHash, createHmac } from 'node:crypto'
import { request as httpRequest } from 'node:http'
import type { Credentials, ServerProcess } from './server-process.ts'

/** What a test says in HTTP itself, because no SDK would. */
export interface RawRequest {
  readonly operation?: string
  /** The whole X-Amz-Target; null sends none. */
  readonly target?: string | null
  readonly body: string | Buffer | object
  readonly method?: string
  readonly path?: string
  /** Beside Host, X-Amz-Date, X-Amz-Target and Content-Type; those that are signed are named in lower case. */
  readonly headers?: Readonly<Record<string, string>>
  readonly credentials?: Credentials
  readonly region?: string
  readonly service?: string
  /** The time of the signature. */
  readonly at?: Date
  readonly sessionToken?: string
  /** Applied to the Authorization header; undefined sends none. */
  readonly authorization?: (value: string) => string | undefined
  /** Header names that stay out of the signature. */
  readonly unsigned?: readonly string[]
}

export interface RawAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
  readonly requestId: string
  /** Of an error's body. */
  readonly error: string
  readonly message: string
}

/**
 * Signs and sends one request on a connection of its own. The signature is made here, not by an SDK, so that each part of it
 * can be made wrong.
 * @see AWS General Reference, "Signature Version 4 signing process"
 */
export async function send(
  server: Pick<ServerProcess, 'url' | 'credentials'>,
  raw: RawRequest,
): Promise<RawAnswer> {
  const { url, headers, body } = signedRequest(server, raw)
  return new Promise((resolve, reject) => {
    const request = httpRequest(url, { method: raw.method ?? 'POST', headers, agent: false }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        resolve(answerOf(response.statusCode ?? 0, response.headers, Buffer.concat(chunks).toString('utf8')))
      })
    })
    request.on('error', reject)
    request.end(body)
  })
}

/** What `send` sends. */
export function signedRequest(
  server: Pick<ServerProcess, 'url' | 'credentials'>,
  raw: RawRequest,
): { url: URL; headers: Record<string, string>; body: string | Buffer } {
  const url = new URL(raw.path ?? '/', server.url)
  const body = typeof raw.body === 'string' || Buffer.isBuffer(raw.body) ? raw.body : JSON.stringify(raw.body)
  const headers = signed({ ...raw, body, host: url.host, credentials: raw.credentials ?? server.credentials })
  return { url, headers, body }
}

function answerOf(status: number, headers: RawAnswer['headers'], body: string): RawAnswer {
  const parsed = body.startsWith('{') ? (JSON.parse(body) as Record<string, string>) : {}
  return {
    status,
    headers,
    body,
    requestId: String(headers['x-amzn-requestid'] ?? ''),
    error: parsed['__type'] ?? '',
    message: parsed['message'] ?? '',
  }
}

function signed(
  raw: RawRequest & { body: string | Buffer; host: string; credentials: Credentials },
): Record<string, string> {
  const amzDate = (raw.at ?? new Date()).toISOString().replaceAll(/[-:]|\.\d{3}/g, '')
  const target = raw.target === undefined ? `TrentService.${raw.operation}` : raw.target
  const headers: Record<string, string> = {
    host: raw.host,
    'content-type': 'application/x-amz-json-1.1',
    'x-amz-date': amzDate,
    ...(target !== null && { 'x-amz-target': target }),
    ...(raw.sessionToken !== undefined && { 'x-amz-security-token': raw.sessionToken }),
    ...raw.headers,
  }
  const authorization = authorizationOf(raw, headers, amzDate)
  const sent = raw.authorization === undefined ? authorization : raw.authorization(authorization)
  return sent === undefined ? headers : { ...headers, authorization: sent }
}

function authorizationOf(
  raw: RawRequest & { body: string | Buffer; credentials: Credentials },
  headers: Record<string, string>,
  amzDate: string,
): string {
  const names = Object.keys(headers)
    .filter((name) => !raw.unsigned?.includes(name))
    .sort()
  const canonical = [
    raw.method ?? 'POST',
    raw.path ?? '/',
    '',
    ...names.map((name) => `${name}:${headers[name]}`),
    '',
    names.join(';'),
    createHash('sha256').update(raw.body).digest('hex'),
  ].join('\n')
  const scope = [amzDate.slice(0, 8), raw.region ?? 'us-east-1', raw.service ?? 'kms', 'aws4_request']
  const stringToSign = [
    'AWS4-HMAC-SHA256',
    amzDate,
    scope.join('/'),
    createHash('sha256').update(canonical).digest('hex'),
  ].join('\n')
  const key = scope.reduce<string | Buffer>(
    (under, part) => hmac(under, part),
    `AWS4${raw.credentials.secretAccessKey}`,
  )
  return (
    `AWS4-HMAC-SHA256 Credential=${raw.credentials.accessKeyId}/${scope.join('/')}, ` +
    `SignedHeaders=${names.join(';')}, Signature=${hmac(key, stringToSign).toString('hex')}`
  )
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}
