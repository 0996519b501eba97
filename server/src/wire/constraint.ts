import type { BlobShape, NumberShape, Shape, StringShape } from '../shape.ts'

/**
 * A rule of a shape and AWS's text for it. The text of a value that breaks it begins with
 * `Value … at … failed to satisfy constraint: `.
 */
export interface Constraint {
  readonly text: string
  /** What stands for the whole text when nothing else is wrong: `The specified value for … is invalid. ` and this. */
  readonly instead?: string
  holds(value: unknown): boolean
}

export const notNull = 'Member must not be null'

/**
 * AWS has no word for it. Three different lone surrogates would be written as the same three bytes, and so
 * be one encryption context.
 */
export const wellFormed = 'Member must be well-formed Unicode'
export const noNul = 'Member must not contain U+0000'

/**
 * The rules of a string, blob, number, list or map, most general first. Lengths are UTF-16 code units,
 * decoded bytes, items or entries.
 * @see AWS's wording as recorded from several services: "… failed to satisfy constraint: Member must …"
 */
export function constraintsOf(shape: Shape): readonly Constraint[] {
  switch (shape.type) {
    case 'string':
      return stringConstraints(shape)
    case 'blob':
      return lengthConstraints(shape, (value) => (value as Buffer).length)
    case 'list':
      return lengthConstraints(shape, (value) => (value as unknown[]).length)
    case 'map':
      return lengthConstraints(shape, (value) => (value as ReadonlyMap<string, string>).size)
    case 'integer':
    case 'long':
      return rangeConstraints(shape)
    default:
      return []
  }
}

function stringConstraints(shape: StringShape): readonly Constraint[] {
  const constraints = lengthConstraints(shape, (value) => (value as string).length)
  if (shape.pattern !== undefined) {
    // The patterns of the API are single character classes, or sequences of them without choice, so that
    // matching takes time linear in the length.
    // Only those that need the flag take it: others have escapes and ranges that it does not allow.
    const unicode = /\\p\{|\\u\{/.test(shape.pattern)
    const pattern = new RegExp(`^(?:${withAsciiSpace(shape.pattern)})$`, unicode ? 'u' : '')
    constraints.push({
      text: `Member must satisfy regular expression pattern: ${shape.pattern}`,
      ...(shape.characters !== undefined && { instead: shape.characters }),
      holds: (value) => pattern.test(value as string),
    })
  }
  if (shape.enum !== undefined) {
    const members = new Set<unknown>(shape.enum)
    constraints.push({
      text: `Member must satisfy enum value set: [${shape.enum.join(', ')}]`,
      holds: (value) => members.has(value),
    })
  }
  return constraints
}

/** In AWS's patterns, which are Java's, white space within a class is six characters; in JavaScript's it is 25. */
function withAsciiSpace(pattern: string): string {
  return pattern.replaceAll('\\s', ' \\t\\n\\v\\f\\r')
}

function lengthConstraints(
  { min, max }: Pick<BlobShape, 'min' | 'max'>,
  lengthOf: (value: unknown) => number,
): Constraint[] {
  const constraints: Constraint[] = []
  if (max !== undefined) {
    constraints.push({
      text: `Member must have length less than or equal to ${max}`,
      holds: (value) => lengthOf(value) <= max,
    })
  }
  if (min !== undefined) {
    constraints.push({
      text: `Member must have length greater than or equal to ${min}`,
      holds: (value) => lengthOf(value) >= min,
    })
  }
  return constraints
}

function rangeConstraints({ min, max }: NumberShape): readonly Constraint[] {
  const constraints: Constraint[] = []
  if (max !== undefined) {
    constraints.push({
      text: `Member must have value less than or equal to ${max}`,
      holds: (value) => (value as number) <= max,
    })
  }
  if (min !== undefined) {
    constraints.push({
      text: `Member must have value greater than or equal to ${min}`,
      holds: (value) => (value as number) >= min,
    })
  }
  return constraints
}
