import { createHash, createHmac } from 'node:crypto'
import { connect } from 'node:net'
import type { Credentials } from '../server-process.ts'

/** Sends bytes as they are and returns all that comes back until the server closes, or `quietMs` after its last byte. */
export function exchange(url: string, bytes: string | Buffer, quietMs = 150): Promise<string> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    let said = ''
    const socket = connect(Number(port), hostname)
    const quiet = () => socket.setTimeout(quietMs)
    socket.setEncoding('latin1')
    socket.on('connect', () => socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes))
    socket.on('data', (text: string) => {
      said += text
      quiet()
    })
    socket.on('timeout', () => socket.destroy())
    socket.on('error', (error: NodeJS.ErrnoException) =>
      error.code === 'ECONNRESET' ? resolve(said) : reject(error),
    )
    socket.on('close', () => resolve(said))
    socket.setTimeout(3000)
  })
}

/** The status codes of all answers in a stream of bytes. */
export function statuses(answer: string): number[] {
  return Array.from(answer.matchAll(/HTTP\/1\.1 (\d{3}) /g), ([, status]) => Number(status)).filter(
    (status) => status !== 100,
  )
}

export interface Parts {
  readonly method?: string
  readonly target?: string
  readonly version?: string
  readonly body?: string
  /** Name and value as they are sent, in this order. Authorization and Content-Length are added. */
  readonly headers: readonly (readonly [string, string])[]
  /** What is signed for each name in place of what is sent. */
  readonly signs?: Readonly<Record<string, string>>
  /** Lower case; all of `headers` by default. */
  readonly signedHeaders?: readonly string[]
  readonly canonicalTarget?: string
  readonly region?: string
  readonly service?: string
  /** `20260101T000000Z` */
  readonly amzDate: string
  readonly credentials: Credentials
  /** In place of Content-Length. */
  readonly framing?: string
  /** Otherwise the server is asked to close after its answer. */
  readonly keepAlive?: true
}

/** A signed request, byte by byte, in which every part can be made wrong on its own. */
export function signedBytes(parts: Parts): string {
  const {
    method = 'POST',
    target = '/',
    version = 'HTTP/1.1',
    body = '{}',
    headers,
    credentials,
    amzDate,
  } = parts
  const sent = new Map<string, string[]>()
  for (const [name, value] of headers)
    sent.set(name.toLowerCase(), [...(sent.get(name.toLowerCase()) ?? []), value])
  const names = [...(parts.signedHeaders ?? sent.keys())].sort()
  const canonical = [
    method,
    parts.canonicalTarget ?? '/',
    '',
    ...names.map((name) => `${name}:${parts.signs?.[name] ?? (sent.get(name) ?? []).join(',')}`),
    '',
    names.join(';'),
    sha256(body),
  ].join('\n')
  const scope = [amzDate.slice(0, 8), parts.region ?? 'us-east-1', parts.service ?? 'kms', 'aws4_request']
  const toSign = ['AWS4-HMAC-SHA256', amzDate, scope.join('/'), sha256(canonical)].join('\n')
  const key = scope.reduce<string | Buffer>(
    (under, part) => hmac(under, part),
    `AWS4${credentials.secretAccessKey}`,
  )
  const authorization =
    `AWS4-HMAC-SHA256 Credential=${credentials.accessKeyId}/${scope.join('/')}, ` +
    `SignedHeaders=${names.join(';')}, Signature=${hmac(key, toSign).toString('hex')}`
  const lines = [
    `${method} ${target} ${version}`,
    ...headers.map(([name, value]) => `${name}: ${value}`),
    `Authorization: ${authorization}`,
    parts.framing ?? `Content-Length: ${Buffer.byteLength(body, 'latin1')}`,
    ...(parts.keepAlive === true ? [] : ['Connection: close']),
  ]
  return `${lines.join('\r\n')}\r\n\r\n${body}`
}

export function amzDateOf(timeMs: number): string {
  return new Date(timeMs).toISOString().replaceAll(/[-:]|\.\d{3}/g, '')
}

function sha256(text: string): string {
  return createHash('sha256').update(Buffer.from(text, 'latin1')).digest('hex')
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(Buffer.from(text, 'latin1')).digest()
}
