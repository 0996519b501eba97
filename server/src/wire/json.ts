import { isAscii, isUtf8 } from 'node:buffer'
import { readStrictJson, StrictJsonError } from '../strict-json.ts'
import { serializationError } from './errors.ts'

/** The deepest request of the API (a CreateGrant's constraints) has four levels. */
const DEEPEST = 32

/**
 * The longest request has some hundred members. Each costs a few microseconds until it is answered and recorded, most of
 * all when it is refused: 1 MiB of empty tags took 0.4 s, in which nobody else was served (Node 26.10, 2026-11).
 */
const MOST_SEPARATORS = 4096

/**
 * Reads a request's body. What two readers could understand differently is refused: ill-formed UTF-8, a byte
 * order mark, names that occur twice in one object. So is what has too many parts. An empty body is an empty structure.
 * @returns an object as JSON.parse makes it (`__proto__` is an own member)
 * @throws AwsError SerializationException, without a message as AWS sends it, when it is no JSON
 */
export function parseJson(body: Buffer): unknown {
  if (body.length === 0) return {}
  const ascii = isAscii(body)
  if (!ascii && !isUtf8(body)) throw serializationError()
  // Buffer keeps a byte order mark as a character, and JSON.parse refuses it.
  const value = strictJson(body.toString(ascii ? 'latin1' : 'utf8'))
  if (Array.isArray(value)) throw serializationError('Start of list found where not expected')
  if (typeof value !== 'object' || value === null) throw serializationError()
  return value
}

function strictJson(text: string): unknown {
  try {
    return readStrictJson(text, DEEPEST, MOST_SEPARATORS)
  } catch (error) {
    if (error instanceof StrictJsonError) throw serializationError()
    throw error
  }
}

/**
 * Writes an answer: bytes as base64, times as epoch seconds down to the millisecond, maps as objects;
 * members that are undefined are left out.
 * @throws TypeError for what has no form on the wire: a mistake of ours
 */
export function writeJson(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value)
    case 'number':
      if (!Number.isFinite(value)) throw new TypeError(`no JSON form: ${value}`)
      return String(value)
    case 'boolean':
      return value ? 'true' : 'false'
    case 'object':
      return value === null ? 'null' : writeObject(value)
    default:
      throw new TypeError(`no JSON form: ${typeof value}`)
  }
}

function writeObject(value: object): string {
  if (Array.isArray(value)) return `[${value.map(writeJson).join(',')}]`
  if (value instanceof Uint8Array) {
    return `"${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64')}"`
  }
  if (value instanceof Date) return writeJson(value.getTime() / 1000)
  let members = ''
  if (value instanceof Map) {
    for (const [name, member] of value as Map<string, unknown>) members += writeMember(members, name, member)
  } else {
    for (const name of Object.keys(value)) {
      members += writeMember(members, name, (value as Record<string, unknown>)[name])
    }
  }
  return `{${members}}`
}

function writeMember(before: string, name: string, member: unknown): string {
  if (member === undefined) return ''
  return `${before === '' ? '' : ','}${JSON.stringify(name)}:${writeJson(member)}`
}
