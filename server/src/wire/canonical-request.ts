import type { WireRequest } from './http-message.ts'

/** Values by lower-case name, each as sent and in the order sent. Strings hold one byte per unit (latin1). */
export type Headers = ReadonlyMap<string, readonly string[]>

export function readHeaders(rawHeaders: readonly string[]): Headers {
  const headers = new Map<string, string[]>()
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = (rawHeaders[i] as string).toLowerCase()
    const value = rawHeaders[i + 1] as string
    const values = headers.get(name)
    if (values === undefined) headers.set(name, [value])
    else values.push(value)
  }
  return headers
}

/** The headers that a signature covers, and what of a canonical request follows from their names alone. */
export interface SignedHeaders {
  /** Lower case, sorted. */
  readonly names: readonly string[]
  /** What stands before the value of each. */
  readonly lineStarts: readonly string[]
  /** What stands between the last value and the payload's hash. */
  readonly ending: string
}

/** To be kept for a list of names that comes again: made for each request it costs 0.5 µs. */
export function signedHeadersOf(names: readonly string[]): SignedHeaders {
  return { names, lineStarts: names.map((name) => `\n${name}:`), ending: `\n\n${names.join(';')}\n` }
}

/**
 * The request in the form that is hashed and signed; one byte per unit.
 * @see IAM User Guide, "Create a signed AWS API request", step 1
 */
export function canonicalRequest(
  { method, target }: Pick<WireRequest, 'method' | 'target'>,
  headers: Headers,
  { names, lineStarts, ending }: SignedHeaders,
  payloadHash: string,
  pathOf: (path: string) => string = canonicalPath,
): string {
  const mark = target.indexOf('?')
  const path = mark === -1 ? target : target.slice(0, mark)
  const query = mark === -1 ? '' : target.slice(mark + 1)
  let canonical = `${method}\n${pathOf(path)}\n${canonicalQuery(query)}`
  for (let i = 0; i < names.length; i++) {
    const values = headers.get(names[i] as string) ?? []
    const value = values.length === 1 ? trimmed(values[0] as string) : values.map(trimmed).join(',')
    canonical += (lineStarts[i] as string) + value
  }
  return canonical + ending + payloadHash
}

const needsTrimming = /^[ \t]|[ \t]$| {2}|[\t\r\n]/

/** ASCII white space only: the byte 0xA0, a space to JavaScript, is part of a UTF-8 character here. */
function trimmed(value: string): string {
  if (!needsTrimming.test(value)) return value
  return value.replace(/[ \t\r\n]+/g, ' ').replace(/^ | $/g, '')
}

/**
 * For every service but S3: empty and dot segments are removed, then the path as sent, which is encoded once
 * already, is encoded again.
 */
function canonicalPath(path: string): string {
  if (path === '/') return '/'
  // No path at all, or `http://…` as proxies are asked: nobody signs that.
  if (!path.startsWith('/')) return uriEncode(path)
  const segments: string[] = []
  for (const segment of path.split('/')) {
    if (segment === '..') segments.pop()
    else if (segment !== '' && segment !== '.') segments.push(uriEncode(segment))
  }
  if (segments.length === 0) return '/'
  return `/${segments.join('/')}${path.endsWith('/') ? '/' : ''}`
}

/** Each name and value encoded exactly once, sorted by name and then value, in byte order. */
function canonicalQuery(query: string): string {
  if (query === '') return ''
  return (
    query
      .split('&')
      // A signature in the query string does not sign itself.
      .filter((parameter) => parameter !== '' && !parameter.startsWith('X-Amz-Signature='))
      .map((parameter): [string, string] => {
        const equals = parameter.indexOf('=')
        return equals === -1
          ? [uriEncode(uriDecode(parameter)), '']
          : [
              uriEncode(uriDecode(parameter.slice(0, equals))),
              uriEncode(uriDecode(parameter.slice(equals + 1))),
            ]
      })
      .sort(([nameA, valueA], [nameB, valueB]) => byteOrder(nameA, nameB) || byteOrder(valueA, valueB))
      .map(([name, value]) => `${name}=${value}`)
      .join('&')
  )
}

function byteOrder(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** Percent-encodes every byte that RFC 3986 §2.3 does not call unreserved. */
function uriEncode(bytes: string): string {
  return bytes.replace(
    /[^A-Za-z0-9\-._~]/g,
    (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  )
}

/** A percent sign that no two hex digits follow stands for itself. */
function uriDecode(text: string): string {
  return text.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}
