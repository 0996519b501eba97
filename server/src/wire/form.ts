import { isUtf8 } from 'node:buffer'
import { malformedQuery } from './errors.ts'

/** The parameters of a form by name, each once. */
export type Form = ReadonlyMap<string, string>

/** The longest request of the API, a simulation with hundreds of actions and context entries, has some thousand. */
const MOST_PARAMETERS = 4096

const LONGEST_NAME = 512

/**
 * Reads a query string. A plus sign stands for itself, because the canonical form of a signed request says so: read
 * as a space it would let somebody change a signed URL.
 * @throws AwsError MalformedQueryString
 */
export function readQueryString(text: string): Form {
  return readPairs(text, new Map())
}

/**
 * Reads a body of type application/x-www-form-urlencoded, in which a plus sign is a space, into the parameters
 * that the query string has brought.
 * @throws AwsError MalformedQueryString
 */
export function readFormBody(body: Buffer, query: Form): Form {
  return readPairs(body.toString('latin1').replaceAll('+', ' '), new Map(query))
}

/** What two readers could understand differently is refused: a name that occurs twice, ill-formed escapes or UTF-8. */
function readPairs(text: string, form: Map<string, string>): Form {
  if (text === '') return form
  const pairs = text.split('&', MOST_PARAMETERS + 1)
  // One that is empty counts too: what stands behind thousands of them would otherwise be left out unseen.
  if (pairs.length > MOST_PARAMETERS) throw malformedQuery('The request has too many parameters.')
  for (const pair of pairs) {
    if (pair === '') continue
    const equals = pair.indexOf('=')
    const name = decode(equals === -1 ? pair : pair.slice(0, equals))
    const value = equals === -1 ? '' : decode(pair.slice(equals + 1))
    if (name.length > LONGEST_NAME) throw malformedQuery('A parameter has a name that is too long.')
    if (form.has(name)) throw malformedQuery(`The parameter ${name.slice(0, 64)} occurs more than once.`)
    form.set(name, value)
    if (form.size > MOST_PARAMETERS) throw malformedQuery('The request has too many parameters.')
  }
  return form
}

const plain = /^[\x20-\x24\x26-\x7e]*$/

const PERCENT = 0x25

/** The value of a hexadecimal digit by its code; -1 for any other byte. */
const digits = Int8Array.from({ length: 256 }, (_, code) => {
  const value = Number.parseInt(String.fromCharCode(code), 16)
  return Number.isNaN(value) ? -1 : value
})

/** @param text one byte per unit */
function decode(text: string): string {
  if (plain.test(text)) return text
  const bytes = Buffer.from(text, 'latin1')
  let to = 0
  for (let from = 0; from < bytes.length; from++) {
    let byte = bytes[from] as number
    if (byte === PERCENT) {
      const [high, low] = [digits[bytes[++from] ?? 0] as number, digits[bytes[++from] ?? 0] as number]
      if (high < 0 || low < 0)
        throw malformedQuery('A percent sign is not followed by two hexadecimal digits.')
      byte = high * 16 + low
    }
    bytes[to++] = byte
  }
  const decoded = bytes.subarray(0, to)
  if (!isUtf8(decoded)) throw malformedQuery('A parameter is not well-formed UTF-8.')
  return decoded.toString('utf8')
}
