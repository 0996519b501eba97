import { spend } from './effort.ts'
import type { Piece } from './glob.ts'
import { ambiguous, type RequestContext } from './request.ts'

/** A text of a policy in which variables may stand. */
export interface Template {
  /** The pieces, when there is no variable. */
  readonly fixed: readonly Piece[] | undefined
  /**
   * With the request's values in the place of variables; wildcards in such a value are ordinary characters.
   * Undefined when a variable has no value.
   */
  fill(context: RequestContext): readonly Piece[] | typeof ambiguous | undefined
}

type Part =
  | Piece
  | {
      /** As it is written, and in lower case. */
      readonly name: string
      readonly variable: string
      readonly fallback: string | undefined
    }

// What is filled is made ready to be matched and then thrown away.
const EFFORT_OF_A_PART = 16
const EFFORT_OF_A_CHARACTER = 8

/**
 * @param variables whether the policy's version has them: before 2012-10-17 `${` is ordinary text
 * @see AWS IAM User Guide, "IAM policy elements: Variables and tags"
 */
export function readTemplate(text: string, options: { variables: boolean; wild: boolean }): Template {
  const { wild } = options
  if (!options.variables || !text.includes('${')) return fixedTemplate([{ text, wild }])
  const parts = partsOf(text, wild)
  if (parts.every((part) => 'text' in part)) return fixedTemplate(parts)
  return {
    fixed: undefined,
    fill(context) {
      const pieces: Piece[] = []
      let doubtful = false
      for (const part of parts) {
        spend(EFFORT_OF_A_PART)
        if ('text' in part) {
          spend(EFFORT_OF_A_CHARACTER * part.text.length)
          pieces.push(part)
          continue
        }
        const value = context.get(part.variable)
        if (value === ambiguous) doubtful = true
        // A key with several values is as good as none: there is no one value to put here.
        const filled = typeof value === 'string' ? value : part.fallback
        if (filled !== undefined) {
          spend(EFFORT_OF_A_CHARACTER * filled.length)
          pieces.push({ text: filled, wild: false })
        }
        if (filled === undefined && value !== ambiguous) return undefined
      }
      return doubtful ? ambiguous : pieces
    },
  }
}

/** The variables in a text of a policy of version 2012-10-17, as they are written. */
export function variableNames(text: string): readonly string[] {
  return partsOf(text, false).flatMap((part) => ('name' in part ? [part.name] : []))
}

function fixedTemplate(pieces: readonly Piece[]): Template {
  return { fixed: pieces, fill: () => pieces }
}

function partsOf(text: string, wild: boolean): Part[] {
  const parts: Part[] = []
  let at = 0
  for (let start = text.indexOf('${'); start !== -1; start = text.indexOf('${', start)) {
    const found = readVariable(text, start + 2)
    if (found === undefined) {
      start += 2
      continue
    }
    if (start > at) parts.push({ text: text.slice(at, start), wild })
    parts.push(found.part)
    at = start = found.end
  }
  if (at < text.length) parts.push({ text: text.slice(at), wild })
  return parts
}

/**
 * What stands after `${`: `*}`, `?}` or `$}`, a key, or a key and its default, `key, 'default'}`, in which a quotation mark
 * is written twice. Undefined when it is nothing of these, and so ordinary text. No regular expression: one with
 * these blanks and quotation marks takes cubic time of a text made for it.
 */
function readVariable(text: string, start: number): { part: Part; end: number } | undefined {
  if ('*?$'.includes(text.charAt(start)) && text.charAt(start + 1) === '}') {
    return { part: { text: text.charAt(start), wild: false }, end: start + 2 }
  }
  let at = start
  while (at < text.length && !"{},'".includes(text.charAt(at))) at++
  const name = text.slice(start, at).trim()
  if (name === '') return undefined
  let fallback: string | undefined
  if (text.charAt(at) === ',') {
    const quoted = readQuoted(text, skipBlanks(text, at + 1))
    if (quoted === undefined) return undefined
    fallback = quoted.value
    at = skipBlanks(text, quoted.end)
  }
  if (text.charAt(at) !== '}') return undefined
  return { part: { name, variable: name.toLowerCase(), fallback }, end: at + 1 }
}

function readQuoted(text: string, start: number): { value: string; end: number } | undefined {
  if (text.charAt(start) !== "'") return undefined
  let value = ''
  for (let from = start + 1; ;) {
    const quote = text.indexOf("'", from)
    if (quote === -1) return undefined
    value += text.slice(from, quote)
    if (text.charAt(quote + 1) !== "'") return { value, end: quote + 1 }
    value += "'"
    from = quote + 2
  }
}

function skipBlanks(text: string, start: number): number {
  let at = start
  while (text.charAt(at) === ' ') at++
  return at
}

export function joined(pieces: readonly Piece[]): string {
  const [first] = pieces
  return pieces.length === 1 && first !== undefined ? first.text : pieces.map(({ text }) => text).join('')
}
