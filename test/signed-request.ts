import { createHash, createHmac } from 'node:crypto'
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
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
  /** For an https URL: whom to trust, and the client's own certificate. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string }
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
  return exchange(url, headers, raw.method ?? 'POST', body, raw.tls)
}

function exchange(
  url: URL,
  headers: Readonly<Record<string, string>>,
  method: string,
  body: string | Buffer,
  tls: RawRequest['tls'] = {},
): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const client = url.protocol === 'https:' ? httpsRequest : httpRequest
    const request = client(url, { method, headers, agent: false, ...tls }, (response) => {
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
  const parsed = body.startsWith('{') ? (JSON.parse(body) as Record<string, string>) : xmlError(body)
  return {
    status,
    headers,
    body,
    requestId: String(headers['x-amzn-requestid'] ?? ''),
    error: parsed['__type'] ?? String(headers['x-amzn-errortype'] ?? ''),
    message: parsed['message'] ?? '',
  }
}

/** Code and message of an error of the query protocol, unescaped. */
function xmlError(body: string): Record<string, string> {
  const [, code, message = ''] = /<Code>([^<]*)<\/Code><Message>([^<]*)<\/Message>/.exec(body) ?? []
  return code === undefined ? {} : { __type: unescaped(code), message: unescaped(message) }
}

function unescaped(xml: string): string {
  return xml
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#xD;', '\r')
    .replaceAll('&amp;', '&')
}

/** A request of the query protocol: its parameters as a form. */
export function queryRequest(
  service: 'sts' | 'iam',
  parameters: Readonly<Record<string, string>>,
  raw: Partial<RawRequest> = {},
): RawRequest {
  const version = service === 'sts' ? '2011-06-15' : '2010-05-08'
  return {
    service,
    target: null,
    body: new URLSearchParams({ Version: version, ...parameters }).toString(),
    ...raw,
    headers: { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8', ...raw.headers },
  }
}

/** A URL that carries its own signature, and the headers that have to be sent with it. */
export interface Presigned {
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
}

/** Signs a GET as `GetCallerIdentity` is signed for somebody else to send. */
export function presigned(
  server: Pick<ServerProcess, 'url' | 'credentials'>,
  raw: {
    readonly parameters: Readonly<Record<string, string>>
    /** Signed, beside Host. */
    readonly headers?: Readonly<Record<string, string>>
    readonly credentials?: Credentials
    readonly sessionToken?: string
    readonly at?: Date
    readonly expires?: string
    readonly region?: string
    readonly service?: string
  },
): Presigned {
  const amzDate = (raw.at ?? new Date()).toISOString().replaceAll(/[-:]|\.\d{3}/g, '')
  const { accessKeyId, secretAccessKey } = raw.credentials ?? server.credentials
  const scope = [amzDate.slice(0, 8), raw.region ?? 'us-east-1', raw.service ?? 'sts', 'aws4_request']
  const host = new URL(server.url).host
  const headers: Record<string, string> = { host, ...raw.headers }
  const names = Object.keys(headers).sort()
  const query = canonicalQuery({
    ...raw.parameters,
    'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
    'X-Amz-Credential': [accessKeyId, ...scope].join('/'),
    'X-Amz-Date': amzDate,
    'X-Amz-SignedHeaders': names.join(';'),
    ...(raw.expires !== undefined && { 'X-Amz-Expires': raw.expires }),
    ...(raw.sessionToken !== undefined && { 'X-Amz-Security-Token': raw.sessionToken }),
  })
  const signature = signatureOf(
    ['GET', '/', query, ...names.map((name) => `${name}:${headers[name]}`), '', names.join(';'), sha256('')],
    { amzDate, scope, secretAccessKey },
  )
  return { url: new URL(`/?${query}&X-Amz-Signature=${signature}`, server.url), headers }
}

function canonicalQuery(parameters: Readonly<Record<string, string>>): string {
  const encode = (text: string) =>
    encodeURIComponent(text).replaceAll(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
  return Object.entries(parameters)
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .sort()
    .join('&')
}

/** Sends a presigned URL, with other headers or in another form if that is asked for. */
export function sendPresigned(
  { url, headers }: Presigned,
  changed: {
    readonly headers?: Readonly<Record<string, string>>
    readonly method?: string
    readonly body?: string
  } = {},
): Promise<RawAnswer> {
  return exchange(url, { ...headers, ...changed.headers }, changed.method ?? 'GET', changed.body ?? '')
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
  const scope = [amzDate.slice(0, 8), raw.region ?? 'us-east-1', raw.service ?? 'kms', 'aws4_request']
  const { accessKeyId, secretAccessKey } = raw.credentials
  const [path = '', query = ''] = (raw.path ?? '/').split('?')
  const signature = signatureOf(
    [
      raw.method ?? 'POST',
      path,
      query.split('&').sort().join('&'),
      ...names.map((name) => `${name}:${headers[name]}`),
      '',
      names.join(';'),
      headers['x-amz-content-sha256'] ?? sha256(raw.body),
    ],
    { amzDate, scope, secretAccessKey },
  )
  return (
    `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${scope.join('/')}, ` +
    `SignedHeaders=${names.join(';')}, Signature=${signature}`
  )
}

function signatureOf(
  canonical: readonly string[],
  by: { amzDate: string; scope: readonly string[]; secretAccessKey: string },
): string {
  const stringToSign = [
    'AWS4-HMAC-SHA256',
    by.amzDate,
    by.scope.join('/'),
    sha256(canonical.join('\n')),
  ].join('\n')
  const key = by.scope.reduce<string | Buffer>(
    (under, part) => hmac(under, part),
    `AWS4${by.secretAccessKey}`,
  )
  return hmac(key, stringToSign).toString('hex')
}

function sha256(data: string | Buffer): string {
  return createHash('sha256').update(data).digest('hex')
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}
