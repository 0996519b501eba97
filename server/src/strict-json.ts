const QUOTE = 0x22
const BACKSLASH = 0x5c

/** The text is no JSON, is nested too deeply, has too many parts, or names a member twice. */
export class StrictJsonError extends Error {
  override name = 'StrictJsonError'
}

/**
 * Reads JSON and refuses what two readers could understand differently: names that occur twice in one
 * object. What is read here decides who may do what, so there must be one way to read it.
 * @param deepest how many levels of nesting are taken
 * @param mostSeparators how many commas and colons
 * @returns a value as JSON.parse makes it (`__proto__` is an own member)
 * @throws StrictJsonError
 */
export function readStrictJson(text: string, deepest: number, mostSeparators = Infinity): unknown {
  const colons = countMembers(text, deepest, mostSeparators)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new StrictJsonError()
  }
  if (text.includes('\\')) return readEscapedJson(text)
  // Where a name occurs twice the last one has won, and fewer names are left than there are colons.
  if (typeof value === 'object' && value !== null && countNames(value) !== colons) throw new StrictJsonError()
  return value
}

/**
 * The number of colons outside of strings, which in valid JSON is the number of members; bounds depth and parts.
 * Text that is no JSON gives some number, and JSON.parse refuses it afterwards.
 */
function countMembers(text: string, deepest: number, mostSeparators: number): number {
  let colons = 0
  let commas = 0
  let depth = 0
  for (let i = 0; i < text.length; i++) {
    switch (text.charCodeAt(i)) {
      case QUOTE:
        i = endOfString(text, i)
        break
      case 0x3a: // :
        colons++
        break
      case 0x2c: // ,
        commas++
        break
      case 0x7b: // {
      case 0x5b: // [
        if (++depth > deepest) throw new StrictJsonError()
        break
      case 0x7d: // }
      case 0x5d: // ]
        depth--
        break
    }
    if (colons + commas > mostSeparators) throw new StrictJsonError()
  }
  return colons
}

/** Native search while nothing is escaped: 4 KiB of base64 cost 0.1 µs instead of 4. */
function endOfString(text: string, start: number): number {
  const quote = text.indexOf('"', start + 1)
  if (quote === -1) return text.length
  if (text.charCodeAt(quote - 1) !== BACKSLASH) return quote
  for (let i = start + 1; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit === BACKSLASH) i++
    else if (unit === QUOTE) return i
  }
  return text.length
}

function countNames(value: object): number {
  if (Array.isArray(value)) {
    let count = 0
    for (const item of value as unknown[]) {
      if (typeof item === 'object' && item !== null) count += countNames(item)
    }
    return count
  }
  const names = Object.keys(value)
  let count = names.length
  for (const name of names) {
    const member = (value as Record<string, unknown>)[name]
    if (typeof member === 'object' && member !== null) count += countNames(member)
  }
  return count
}

/**
 * Reads JSON in which a name may be written with escapes. JSON.parse cannot be trusted with it: V8 takes
 * such a name for another one of which it has seen an object before, when the raw text begins with that
 * name. After `{"b":1,"\\":2}` was read once, `{"b":1,"\u0061":2}` is read as having a member `\`, in any
 * later request of any client (nodejs/node issue 63785; seen on 26.10, and not on 20). JSON.parse is right
 * about single strings and numbers.
 *
 * @param text valid JSON of bounded depth: whether JSON.parse takes it has been found out before
 * @throws StrictJsonError when a name occurs twice in one object
 */
function readEscapedJson(text: string): unknown {
  let at = 0

  function skipSpace(): void {
    // Valid JSON has nothing below the space but white space between its tokens.
    while (text.charCodeAt(at) <= 0x20) at++
  }

  function readValue(): unknown {
    skipSpace()
    switch (text.charAt(at)) {
      case '{':
        return readObject()
      case '[':
        return readArray()
      case '"':
        return readString()
      default:
        return readWord()
    }
  }

  function readObject(): object {
    const object: Record<string, unknown> = {}
    while (opensNext('}')) {
      const name = readString()
      if (Object.hasOwn(object, name)) throw new StrictJsonError()
      skipSpace()
      at++ // the colon
      const value = readValue()
      if (name === '__proto__') {
        Object.defineProperty(object, name, { value, enumerable: true, writable: true, configurable: true })
      } else {
        object[name] = value
      }
    }
    return object
  }

  function readArray(): unknown[] {
    const array: unknown[] = []
    while (opensNext(']')) array.push(readValue())
    return array
  }

  /** Steps over the opening bracket or the comma to what follows; false, and past the end, at `close`. */
  function opensNext(close: string): boolean {
    skipSpace()
    if (text.charAt(at) !== close) {
      at++
      skipSpace()
      if (text.charAt(at) !== close) return true
    }
    at++
    return false
  }

  function readString(): string {
    const start = at++
    let escaped = false
    for (let unit = text.charCodeAt(at); unit !== 0x22; unit = text.charCodeAt(at)) {
      if (unit === 0x5c) {
        escaped = true
        at++
      }
      at++
    }
    at++
    return escaped ? (JSON.parse(text.slice(start, at)) as string) : text.slice(start + 1, at - 1)
  }

  /** A number, true, false or null. */
  function readWord(): unknown {
    const start = at
    while (at < text.length && !' \t\r\n,]}'.includes(text.charAt(at))) at++
    return JSON.parse(text.slice(start, at))
  }

  return readValue()
}
