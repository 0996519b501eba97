import { spend } from './effort.ts'

/** Part of a pattern: in a wild one `*` is any text and `?` any character; otherwise they are themselves. */
export interface Piece {
  readonly text: string
  readonly wild: boolean
}

export interface Glob {
  matches(value: string): boolean
}

/**
 * How far wildcards reach. In an `arn` those of the first five segments stay within their segment, except a `*` that
 * ends one, which may run over colons.
 * @see AWS IAM User Guide, "IAM JSON policy elements: Resource", "Using wildcards in resource ARNs"
 */
export type Reach = 'text' | 'arn'

/**
 * Makes a pattern ready to be matched in time proportional to the value's length, whatever the pattern: both may be
 * chosen by somebody who would like to keep us busy, so there is no backtracking.
 */
export function compileGlob(pieces: readonly Piece[], reach: Reach = 'text'): Glob {
  const tokens = tokensOf(pieces, reach)
  const firstWild = tokens.findIndex((token) => token < 0)
  if (firstWild === -1) {
    const exact = textOf(tokens)
    return { matches: (value) => value === exact }
  }
  const lastWild = tokens.findLastIndex((token) => token < 0)
  const prefix = textOf(tokens.slice(0, firstWild))
  const suffix = textOf(tokens.slice(lastWild + 1))
  const middle = tokens.slice(firstWild, lastWild + 1)
  if (middle.length === 1 && middle[0] === ANY) {
    const shortest = prefix.length + suffix.length
    return {
      matches: (value) => value.length >= shortest && value.startsWith(prefix) && value.endsWith(suffix),
    }
  }
  return new Automaton(prefix, middle, suffix)
}

// Tokens are the code units of literal text, and these.
const ANY = -1
const ONE = -2
const ANY_BUT_COLON = -3
const ONE_BUT_COLON = -4

const STAR = 0x2a
const QUESTION_MARK = 0x3f
const COLON = 0x3a
const ARN_HEAD_COLONS = 5

function tokensOf(pieces: readonly Piece[], reach: Reach): number[] {
  const tokens: number[] = []
  let colons = 0
  for (const [index, { text, wild }] of pieces.entries()) {
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i)
      if (unit === COLON) colons++
      const inHead = reach === 'arn' && colons < ARN_HEAD_COLONS
      if (wild && unit === STAR) {
        const next = i + 1 < text.length ? text.charAt(i + 1) : pieces[index + 1]?.text.charAt(0)
        pushStar(tokens, inHead && next !== undefined && next !== ':' ? ANY_BUT_COLON : ANY)
      } else if (wild && unit === QUESTION_MARK) {
        tokens.push(inHead ? ONE_BUT_COLON : ONE)
      } else {
        tokens.push(unit)
      }
    }
  }
  return tokens
}

/** Two stars side by side are one: the automaton takes a single step over a star. */
function pushStar(tokens: number[], star: number): void {
  const last = tokens.at(-1)
  if (last === ANY) return
  if (last === ANY_BUT_COLON) tokens.pop()
  tokens.push(star)
}

function textOf(tokens: readonly number[]): string {
  // In portions: a call takes only so many arguments.
  let text = ''
  for (let i = 0; i < tokens.length; i += 1024) text += String.fromCharCode(...tokens.slice(i, i + 1024))
  return text
}

/**
 * A nondeterministic automaton whose states are bits: bit i is set when the first i tokens have been matched. A step
 * costs one operation for each 31 tokens.
 */
class Automaton implements Glob {
  readonly #prefix: string
  readonly #suffix: string
  readonly #tokens: readonly number[]
  readonly #shortest: number
  #word: Word | undefined
  #tables: Tables | undefined

  constructor(prefix: string, tokens: readonly number[], suffix: string) {
    this.#prefix = prefix
    this.#suffix = suffix
    this.#tokens = tokens
    this.#shortest = prefix.length + suffix.length + tokens.filter((token) => !isStar(token)).length
  }

  matches(value: string): boolean {
    if (value.length < this.#shortest) return false
    if (!value.startsWith(this.#prefix) || !value.endsWith(this.#suffix)) return false
    // Most values have failed by now, so most patterns are never made ready.
    const from = this.#prefix.length
    const to = value.length - this.#suffix.length
    if (this.#tokens.length < BITS)
      return runInOneWord((this.#word ??= wordOf(this.#tokens)), value, from, to)
    if (this.#tables === undefined) this.#tables = tablesOf(this.#tokens)
    else spend(this.#tables.step.length)
    return run(this.#tables, value, from, to)
  }
}

function isStar(token: number): boolean {
  return token === ANY || token === ANY_BUT_COLON
}

const BITS = 31

// To begin and to end one, whatever it is about.
const EFFORT_OF_A_MATCH = 8

/** A pattern whose states are the bits of one number. */
interface Word {
  readonly tokens: readonly number[]
  /** The tokens that take any character but a colon and are then done, and those that take a colon. */
  readonly step: number
  readonly stepOverColon: number
  /** Likewise: the stars that take it and stay. */
  readonly stay: number
  readonly stayOverColon: number
}

function wordOf(tokens: readonly number[]): Word {
  let [step, stepOverColon, stay, stayOverColon] = [0, 0, 0, 0]
  for (const [i, token] of tokens.entries()) {
    const bit = 1 << i
    if (token === ANY) stayOverColon |= bit
    if (token === ONE) stepOverColon |= bit
    if (isStar(token)) stay |= bit
    else if (token < 0) step |= bit
  }
  return { tokens, step, stepOverColon, stay, stayOverColon }
}

// By code unit, the literal tokens that take it. Filled for one match and emptied after it: a table of each pattern's own
// would cost a policy of thousands of patterns megabytes and milliseconds.
const literals = new Int32Array(0x1_0000)

function runInOneWord(word: Word, value: string, from: number, to: number): boolean {
  const { tokens } = word
  for (const [i, unit] of tokens.entries()) if (unit >= 0) literals[unit] = (literals[unit] ?? 0) | (1 << i)
  const stars = word.stay
  let states = 1 | ((1 & stars) << 1)
  let at = from
  for (; at < to && states !== 0; at++) {
    const unit = value.charCodeAt(at)
    const isColon = unit === COLON
    const step = (literals[unit] ?? 0) | (isColon ? word.stepOverColon : word.step)
    states = ((states & step) << 1) | (states & (isColon ? word.stayOverColon : stars))
    states |= (states & stars) << 1
  }
  for (const unit of tokens) if (unit >= 0) literals[unit] = 0
  spend(EFFORT_OF_A_MATCH + tokens.length + at - from)
  return (states & (1 << tokens.length)) !== 0
}

interface Tables {
  readonly words: number
  /** Of a code unit below 256, and of the others that the pattern names; 0 is the class of characters that it does not. */
  readonly classOf: Uint16Array
  readonly classOfOthers: ReadonlyMap<number, number>
  /** `words` for each class: the tokens that take such a character and are then done. */
  readonly step: Int32Array
  /** Likewise: the stars that take it and stay. */
  readonly stay: Int32Array
  /** The stars, which may also take nothing. */
  readonly stars: Int32Array
  readonly last: { readonly word: number; readonly bit: number }
}

function tablesOf(tokens: readonly number[]): Tables {
  const words = Math.floor(tokens.length / BITS) + 1
  const classOf = new Uint16Array(256)
  const classOfOthers = new Map<number, number>()
  // The colon has a class of its own, because there are wildcards that do not take it.
  const classes = [UNNAMED, ...new Set([COLON, ...tokens.filter((token) => token >= 0)])]
  for (const [index, unit] of classes.entries()) {
    if (unit >= 256) classOfOthers.set(unit, index)
    else if (unit !== UNNAMED) classOf[unit] = index
  }
  spend(classes.length * words)
  const step = new Int32Array(classes.length * words)
  const stay = new Int32Array(classes.length * words)
  const put = (table: Int32Array, at: number, bit: number) => {
    table[at] = (table[at] ?? 0) | bit
  }
  // Wildcards first: they are the same for every character but the colon, so one row is made and copied.
  const colonRow = (classOf[COLON] ?? 0) * words
  for (const [position, token] of tokens.entries()) {
    if (token >= 0) continue
    const word = Math.floor(position / BITS)
    const bit = 1 << (position % BITS)
    const table = isStar(token) ? stay : step
    put(table, word, bit)
    if (token === ANY || token === ONE) put(table, colonRow + word, bit)
  }
  const stars = stay.slice(0, words)
  for (let row = words; row < step.length; row += words) {
    if (row === colonRow) continue
    step.copyWithin(row, 0, words)
    stay.copyWithin(row, 0, words)
  }
  for (const [position, token] of tokens.entries()) {
    if (token < 0) continue
    const index = token < 256 ? classOf[token] : classOfOthers.get(token)
    put(step, (index ?? 0) * words + Math.floor(position / BITS), 1 << (position % BITS))
  }
  const last = { word: Math.floor(tokens.length / BITS), bit: 1 << (tokens.length % BITS) }
  return { words, classOf, classOfOthers, step, stay, stars, last }
}

const UNNAMED = -1

function run(tables: Tables, value: string, from: number, to: number): boolean {
  const { words, classOf, classOfOthers, step, stay, stars, last } = tables
  const states = new Int32Array(words)
  states[0] = 1
  closeOverStars(states, stars)
  for (let i = from; i < to; i++) {
    spend(2 * words)
    const unit = value.charCodeAt(i)
    const row = (classOf[unit] ?? classOfOthers.get(unit) ?? 0) * words
    let carry = 0
    let alive = 0
    for (let word = 0; word < words; word++) {
      const before = states[word] ?? 0
      const moved = before & (step[row + word] ?? 0)
      const after = ((moved << 1) & WORD_MASK) | carry | (before & (stay[row + word] ?? 0))
      carry = (moved >>> (BITS - 1)) & 1
      states[word] = after
      alive |= after
    }
    if (alive === 0) return false
    closeOverStars(states, stars)
  }
  return ((states[last.word] ?? 0) & last.bit) !== 0
}

const WORD_MASK = 0x7fff_ffff

function closeOverStars(states: Int32Array, stars: Int32Array): void {
  let carry = 0
  for (let word = 0; word < states.length; word++) {
    const before = (states[word] ?? 0) | carry
    const atStar = before & (stars[word] ?? 0)
    states[word] = before | ((atStar << 1) & WORD_MASK)
    carry = (atStar >>> (BITS - 1)) & 1
  }
}
