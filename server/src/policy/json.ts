import { MalformedPolicyError, Places, type Location } from './malformed.ts'

/** A JSON value that knows where it stands. */
export type JsonNode = JsonObject | JsonArray | JsonScalar

export interface JsonObject extends Span {
  readonly type: 'object'
  /** In the order of the text. */
  readonly members: ReadonlyMap<string, JsonNode>
}

export interface JsonArray extends Span {
  readonly type: 'array'
  readonly items: readonly JsonNode[]
}

export interface JsonScalar extends Span {
  readonly type: 'string' | 'number' | 'boolean' | 'null'
  /** Of a string its value; of anything else its text. */
  readonly value: string
}

interface Span {
  readonly start: number
  readonly end: number
  readonly path: readonly (string | number)[]
}

export interface JsonText {
  readonly root: JsonNode
  locate(node: JsonNode): Location
}

// AWS's largest policy is 32,768 bytes, the model of KMS allows 131,072 characters. A policy needs six levels.
const MOST_CHARACTERS = 131_072
const DEEPEST = 16

const space = /[ \t\n\r]*/y
// eslint-disable-next-line no-control-regex
const plainString = /"[^"\\\u0000-\u001f]*"/y
// eslint-disable-next-line no-control-regex
const anyString = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4}))*"/y
const word = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null/y

/**
 * Reads JSON and keeps the place of every value. Names that occur twice in one object are refused: two readers
 * could take such a policy differently. JSON.parse sees single strings only.
 *
 * @throws MalformedPolicyError
 */
export function readJson(text: string): JsonText {
  let at = 0
  const places = new Places(text)

  function fail(message: string, start = at): never {
    throw new MalformedPolicyError(message, places.locate(start, Math.min(start + 1, text.length), []))
  }

  function take(pattern: RegExp): string | undefined {
    pattern.lastIndex = at
    const found = pattern.exec(text)?.[0]
    if (found !== undefined) at += found.length
    return found
  }

  function readValue(path: readonly (string | number)[]): JsonNode {
    take(space)
    const start = at
    const first = text.charAt(at)
    if (first === '{' || first === '[') {
      if (path.length >= DEEPEST) fail('The policy is nested too deeply.')
      at++
      return first === '{' ? readObject(start, path) : readArray(start, path)
    }
    if (first === '"') return { type: 'string', value: readString(), start, end: at, path }
    const value = take(word)
    if (value === undefined) fail(unexpected())
    const type =
      value === 'null' ? 'null' : value === 'true' || value === 'false' ? 'boolean' : ('number' as const)
    return { type, value, start, end: at, path }
  }

  function readObject(start: number, path: readonly (string | number)[]): JsonObject {
    const members = new Map<string, JsonNode>()
    for (let more = opensNext('}'); more; more = continues('}')) {
      take(space)
      const nameStart = at
      if (text.charAt(at) !== '"') fail(unexpected())
      const name = readString()
      if (members.has(name)) fail(`Duplicate name ${JSON.stringify(name)} in the policy.`, nameStart)
      take(space)
      if (text.charAt(at) !== ':') fail(unexpected())
      at++
      members.set(name, readValue([...path, name]))
    }
    return { type: 'object', members, start, end: at, path }
  }

  function readArray(start: number, path: readonly (string | number)[]): JsonArray {
    const items: JsonNode[] = []
    for (let more = opensNext(']'); more; more = continues(']')) {
      items.push(readValue([...path, items.length]))
    }
    return { type: 'array', items, start, end: at, path }
  }

  /** Whether a first member follows; past the end when there is none. */
  function opensNext(close: string): boolean {
    take(space)
    if (text.charAt(at) !== close) return true
    at++
    return false
  }

  function continues(close: string): boolean {
    take(space)
    const next = text.charAt(at)
    if (next !== ',' && next !== close) fail(unexpected())
    at++
    return next === ','
  }

  function readString(): string {
    const plain = take(plainString)
    if (plain !== undefined) return plain.slice(1, -1)
    const escaped = take(anyString)
    if (escaped === undefined) fail('Unterminated or malformed string in the policy.')
    return JSON.parse(escaped) as string
  }

  function unexpected(): string {
    return at < text.length ? 'Syntax error in the policy.' : 'The policy ends too early.'
  }

  if (text.length > MOST_CHARACTERS) fail('The policy is too large.')
  const root = readValue([])
  take(space)
  if (at < text.length) fail('Something follows the end of the policy.')
  return { root, locate: ({ start, end, path }) => places.locate(start, end, path) }
}
