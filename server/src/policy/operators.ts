import { parseDateTime } from './date-time.ts'
import { spend } from './effort.ts'
import { compileGlob, type Glob, type Piece } from './glob.ts'
import { isWithin, parseIpRange } from './ip-range.ts'
import { joined } from './template.ts'

/** Tells whether a value of the request is one of those that the policy asks for. */
export type ValueTest = (value: string) => boolean

export interface Operator {
  /** The negated operators are satisfied when no value matches. */
  readonly negated: boolean
  /** Whether `*` and `?` are wildcards in the policy's values. */
  readonly wild: boolean
  /** Whether policy variables may stand in the policy's values. */
  readonly variables: boolean
  /** Values of the policy, ready to be compared with. One that is none of the operator's type matches nothing. */
  compile(expected: readonly (readonly Piece[])[]): ValueTest
}

/** The parts of an operator as it stands in a policy. */
export interface OperatorUse {
  readonly set: 'ForAllValues' | 'ForAnyValue' | undefined
  readonly name: string
  readonly ifExists: boolean
}

/** Whether a key is in the request: the one operator that asks about no value. */
export const NULL_OPERATOR = 'Null'

type OperatorKind = Omit<Operator, 'negated'>

/** What an operator compares with: made of a value of the policy. Undefined when it is none of the operator's type. */
type Comparison<Value> = ((value: Value) => boolean) | undefined

/**
 * A value of the request is read once, however many values the policy has: somebody may have chosen a long one and a
 * policy of thousands.
 */
function reading<Value>(
  read: (value: string) => Value | undefined,
  compare: (expected: readonly Piece[]) => Comparison<Value>,
): Operator['compile'] {
  return (expected) => {
    const comparisons = expected.map(compare).filter((comparison) => comparison !== undefined)
    return (text) => {
      const value = read(text)
      if (value === undefined) return false
      spend(comparisons.length)
      return comparisons.some((comparison) => comparison(value))
    }
  }
}

function strings(compile: Operator['compile'], wild = false): OperatorKind {
  return { wild, variables: true, compile }
}

function values<Value>(
  read: (text: string) => Value | undefined,
  compare: (expected: Value) => Comparison<Value>,
): OperatorKind {
  const compile = reading(read, (expected) => {
    const known = read(joined(expected))
    return known === undefined ? undefined : compare(known)
  })
  return { wild: false, variables: false, compile }
}

const equal = strings((expected) => {
  const texts = new Set(expected.map(joined))
  return (value) => texts.has(value)
})
const equalIgnoringCase = strings((expected) => {
  const texts = new Set(expected.map((pieces) => joined(pieces).toLowerCase()))
  return (value) => texts.has(value.toLowerCase())
})
const like = strings(
  reading(
    (value) => value,
    (expected) => {
      const glob = compileGlob(expected)
      return (value) => glob.matches(value)
    },
  ),
  true,
)
const arnLike = strings(reading(arnParts, compileArnPattern), true)

function compared(
  parse: (text: string) => number | undefined,
  holds: (value: number, expected: number) => boolean,
): OperatorKind {
  return values(parse, (expected) => (value) => holds(value, expected))
}

const comparisons = {
  Equals: (a, b) => a === b,
  LessThan: (a, b) => a < b,
  LessThanEquals: (a, b) => a <= b,
  GreaterThan: (a, b) => a > b,
  GreaterThanEquals: (a, b) => a >= b,
} satisfies Record<string, (a: number, b: number) => boolean>

function numberOf(text: string): number | undefined {
  return /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?$/.test(text) ? Number(text) : undefined
}

const truth = values(
  (text) => {
    const lowered = text.toLowerCase()
    return lowered === 'true' || lowered === 'false' ? lowered : undefined
  },
  (expected) => (value) => value === expected,
)

const binary = values(base64Bytes, (expected) => (value) => value === expected)

/** The bytes as a canonical text; undefined when it is no base64. */
function base64Bytes(text: string): string | undefined {
  return /^[A-Za-z0-9+/]*={0,2}$/.test(text) && text.length % 4 === 0
    ? Buffer.from(text, 'base64').toString('base64')
    : undefined
}

const address = values(parseIpRange, (expected) => (value) => isWithin(value, expected))

const ARN_PARTS = 6

/** Undefined when it is no ARN. */
function arnParts(value: string): readonly string[] | undefined {
  const parts: string[] = []
  let from = 0
  while (parts.length < ARN_PARTS - 1) {
    const colon = value.indexOf(':', from)
    if (colon === -1) return undefined
    parts.push(value.slice(from, colon))
    from = colon + 1
  }
  return [...parts, value.slice(from)]
}

/** Each of the six parts of an ARN is compared by itself, so that a wildcard does not reach over its colon. */
function compileArnPattern(expected: readonly Piece[]): Comparison<readonly string[]> {
  const parts = splitPieces(expected)
  if (parts.length === 1 && joined(expected) === '*') return ([first]) => first === 'arn'
  if (parts.length < ARN_PARTS) return undefined
  const globs: Glob[] = parts.map((part) => compileGlob(part))
  return (value) => globs.every((glob, i) => glob.matches(value[i] ?? ''))
}

/** At the first five colons. */
function splitPieces(pieces: readonly Piece[]): Piece[][] {
  const parts: Piece[][] = [[]]
  for (const { text, wild } of pieces) {
    let rest = text
    for (let colon = rest.indexOf(':'); colon !== -1 && parts.length < ARN_PARTS; colon = rest.indexOf(':')) {
      parts.at(-1)?.push({ text: rest.slice(0, colon), wild })
      parts.push([])
      rest = rest.slice(colon + 1)
    }
    parts.at(-1)?.push({ text: rest, wild })
  }
  return parts
}

const is = (kind: OperatorKind): Operator => ({ ...kind, negated: false })
const isNot = (kind: OperatorKind): Operator => ({ ...kind, negated: true })

/** @see AWS IAM User Guide, "IAM JSON policy elements: Condition operators" */
export const operators: ReadonlyMap<string, Operator> = new Map([
  ['StringEquals', is(equal)],
  ['StringNotEquals', isNot(equal)],
  ['StringEqualsIgnoreCase', is(equalIgnoringCase)],
  ['StringNotEqualsIgnoreCase', isNot(equalIgnoringCase)],
  ['StringLike', is(like)],
  ['StringNotLike', isNot(like)],
  ['NumericEquals', is(compared(numberOf, comparisons.Equals))],
  ['NumericNotEquals', isNot(compared(numberOf, comparisons.Equals))],
  ['NumericLessThan', is(compared(numberOf, comparisons.LessThan))],
  ['NumericLessThanEquals', is(compared(numberOf, comparisons.LessThanEquals))],
  ['NumericGreaterThan', is(compared(numberOf, comparisons.GreaterThan))],
  ['NumericGreaterThanEquals', is(compared(numberOf, comparisons.GreaterThanEquals))],
  ['DateEquals', is(compared(parseDateTime, comparisons.Equals))],
  ['DateNotEquals', isNot(compared(parseDateTime, comparisons.Equals))],
  ['DateLessThan', is(compared(parseDateTime, comparisons.LessThan))],
  ['DateLessThanEquals', is(compared(parseDateTime, comparisons.LessThanEquals))],
  ['DateGreaterThan', is(compared(parseDateTime, comparisons.GreaterThan))],
  ['DateGreaterThanEquals', is(compared(parseDateTime, comparisons.GreaterThanEquals))],
  ['Bool', is(truth)],
  ['BinaryEquals', is(binary)],
  ['IpAddress', is(address)],
  ['NotIpAddress', isNot(address)],
  ['ArnEquals', is(arnLike)],
  ['ArnNotEquals', isNot(arnLike)],
  ['ArnLike', is(arnLike)],
  ['ArnNotLike', isNot(arnLike)],
])

const written = /^(?:(ForAllValues|ForAnyValue):)?([A-Za-z]+?)(IfExists)?$/

/** Undefined when there is no such operator. */
export function readOperator(text: string): OperatorUse | undefined {
  const [, set, name = '', ifExists] = written.exec(text) ?? []
  if (name !== NULL_OPERATOR && !operators.has(name)) return undefined
  if (name === NULL_OPERATOR && ifExists !== undefined) return undefined
  return { set: set as OperatorUse['set'], name, ifExists: ifExists !== undefined }
}
