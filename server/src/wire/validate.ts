import type { AwsError } from '../aws-error.ts'
import type { Member, Members, Shape } from '../shape.ts'
import { constraintsOf, noNul, notNull, wellFormed, type Constraint } from './constraint.ts'
import { serializationError, validationError } from './errors.ts'
import { readScalar, type ScalarShape } from './read-scalar.ts'

/** Violations beyond are counted and not listed; AWS lists them all, but sees no requests made for that. */
const MOST_LISTED = 20

/** Longer values are cut, in UTF-16 code units. */
const LONGEST_ECHO = 2048

type Validator = (input: unknown) => Record<string, unknown>

const validators = new WeakMap<Members, Validator>()

/**
 * Checks a request's input against its shape: first that each member has its type, then, all violations in
 * one text, its constraints. Members that the shape does not know are ignored, null is absence.
 * @returns a structure of its own (`StructureOf<M>` by cast): own members only, in the table's order; maps
 * are Maps
 * @throws AwsError SerializationException, ValidationException
 */
export function validate(members: Members, input: unknown): Record<string, unknown> {
  let validator = validators.get(members)
  if (validator === undefined) {
    validator = compileValidator(members)
    validators.set(members, validator)
  }
  return validator(input)
}

function compileValidator(members: Members): Validator {
  const read = compileStructure(members)
  return (input) => {
    const violations: Violations = { count: 0, listed: [] }
    const structure = read(input, '', violations) as Record<string, unknown>
    if (violations.count === 1 && violations.instead !== undefined) throw validationError(violations.instead)
    if (violations.count > 0) throw detected(violations)
    return structure
  }
}

interface Violations {
  count: number
  /** The service's own words for one of them. */
  instead?: string
  readonly listed: string[]
}

/** Checks one value, which is not null, and returns it as the operation will see it. */
type Read = (value: unknown, path: string, violations: Violations) => unknown

function compile(shape: Shape): Read {
  switch (shape.type) {
    case 'structure':
      return compileStructure(shape.members)
    case 'list':
      return compileList(shape)
    case 'map':
      return compileMap(shape)
    default:
      return compileScalar(shape)
  }
}

function compileStructure(members: Members): Read {
  const compiled = Object.entries<Member>(members).map(([name, member]) => ({
    name,
    pathName: name.charAt(0).toLowerCase() + name.slice(1),
    required: member.required === true,
    read: compile(member),
  }))
  return (value, path, violations) => {
    if (Array.isArray(value)) throw serializationError('Start of list found where not expected')
    if (typeof value !== 'object' || value === null) throw serializationError('Expected null')
    const structure: Record<string, unknown> = {}
    for (const { name, pathName, required, read } of compiled) {
      const member = Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined
      const memberPath = path === '' ? pathName : `${path}.${pathName}`
      if (member !== undefined && member !== null) structure[name] = read(member, memberPath, violations)
      else if (required) report(violations, 'Value null', memberPath, notNull)
    }
    return structure
  }
}

function compileScalar(shape: ScalarShape): Read {
  const constraints = constraintsOf(shape)
  const echoes = mayBeRepeated(shape)
  return (value, path, violations) => {
    const scalar = readScalar(shape, value)
    if (typeof scalar === 'string' && !scalar.isWellFormed()) {
      report(violations, 'Value', path, wellFormed)
      return scalar
    }
    // No database text can hold it. (Maps may: an encryption context is not stored.)
    if (typeof scalar === 'string' && scalar.includes('\0')) report(violations, 'Value', path, noNul)
    for (const constraint of constraints) {
      if (constraint.holds(scalar)) continue
      report(violations, echoes ? quoted(String(scalar)) : 'Value', path, constraint.text)
      if (constraint.instead !== undefined) {
        violations.instead = `The specified value for ${path} is invalid. ${constraint.instead}`
      }
    }
    return scalar
  }
}

function compileList(shape: Extract<Shape, { type: 'list' }>): Read {
  const constraints = constraintsOf(shape)
  const item = shape.of
  const echoes = mayBeRepeated(item)
  const readItems = isScalar(item) ? compileScalarItems(item) : compileNestedItems(compile(item))
  return (value, path, violations) => {
    if (!Array.isArray(value)) {
      throw serializationError(
        typeof value === 'object'
          ? 'Start of structure or map found where not expected.'
          : 'Expected list or null',
      )
    }
    const items = readItems(value, path, violations)
    for (const constraint of constraints) {
      if (constraint.holds(items)) continue
      report(violations, echoes ? quotedList(items) : 'Value', path, constraint.text)
    }
    return items
  }
}

function compileNestedItems(
  read: Read,
): (items: unknown[], path: string, violations: Violations) => unknown[] {
  return (items, path, violations) =>
    items.map((item, i) => {
      const itemPath = `${path}.${i + 1}.member`
      if (item !== null) return read(item, itemPath, violations)
      report(violations, 'Value null', itemPath, notNull)
      return null
    })
}

/** One text for the list as a whole, with all rules of its items. */
function compileScalarItems(
  shape: ScalarShape,
): (items: unknown[], path: string, violations: Violations) => unknown[] {
  const constraints = constraintsOf(shape)
  const echoes = mayBeRepeated(shape)
  return (items, path, violations) => {
    const broken = new BrokenRules()
    const read = items.map((item) => readPart(shape, constraints, item, broken))
    for (const rules of broken.texts) {
      report(
        violations,
        echoes ? quotedList(read) : 'Value',
        path,
        `Member must satisfy constraint: [${rules}]`,
      )
    }
    return read
  }
}

function compileMap(shape: Extract<Shape, { type: 'map' }>): Read {
  const constraints = constraintsOf(shape)
  const keyConstraints = constraintsOf(shape.key)
  const valueShape: Shape = shape.value
  const readStructure = valueShape.type === 'structure' ? compileStructure(valueShape.members) : undefined
  const valueConstraints = valueShape.type === 'structure' ? [] : constraintsOf(valueShape)
  const echoes = mayBeRepeated(shape.key) && mayBeRepeated(shape.value)
  return (value, path, violations) => {
    if (Array.isArray(value)) throw serializationError('Start of list found where not expected')
    if (typeof value !== 'object' || value === null) throw serializationError('Expected map or null')
    const brokenKeys = new BrokenRules()
    const brokenValues = new BrokenRules()
    const map = new Map<string, unknown>()
    for (const name of Object.keys(value)) {
      const entry = (value as Record<string, unknown>)[name]
      readPart(shape.key, keyConstraints, name, brokenKeys)
      const kept =
        readStructure === undefined
          ? readPart(valueShape as ScalarShape, valueConstraints, entry, brokenValues)
          : readStructure(entry, `${path}.${name}.member`, violations)
      map.set(name, kept)
    }
    const start = echoes ? () => quotedMap(map) : () => 'Value'
    for (const constraint of constraints) {
      if (!constraint.holds(map)) report(violations, start(), path, constraint.text)
    }
    for (const rules of brokenKeys.texts)
      report(violations, start(), path, `Map keys must satisfy constraint: [${rules}]`)
    for (const rules of brokenValues.texts)
      report(violations, start(), path, `Map value must satisfy constraint: [${rules}]`)
    return map
  }
}

/** What items broke, each text once. Nearly always nothing, so a set is made for the first. */
class BrokenRules {
  #texts: Set<string> | undefined

  get texts(): Iterable<string> {
    return this.#texts ?? []
  }

  add(text: string): void {
    ;(this.#texts ??= new Set()).add(text)
  }
}

/** Checks an item, or an entry's name or value; the rules to be told when it breaks one go into `broken`. */
function readPart(
  shape: ScalarShape,
  constraints: readonly Constraint[],
  value: unknown,
  broken: BrokenRules,
): unknown {
  if (value === null) {
    broken.add([...constraints.map(({ text }) => text), notNull].join(', '))
    return value
  }
  const scalar = readScalar(shape, value)
  if (typeof scalar === 'string' && !scalar.isWellFormed()) broken.add(wellFormed)
  else if (!constraints.every((constraint) => constraint.holds(scalar))) {
    broken.add(constraints.map(({ text }) => text).join(', '))
  }
  return scalar
}

function isScalar(shape: Shape): shape is ScalarShape {
  return shape.type !== 'structure' && shape.type !== 'list' && shape.type !== 'map'
}

/** Blobs may be plaintexts; structures have no form that is told. */
function mayBeRepeated(shape: Shape): boolean {
  return isScalar(shape) && shape.type !== 'blob' && !(shape.type === 'string' && shape.sensitive === true)
}

function report(violations: Violations, start: string, path: string, constraint: string): void {
  violations.count++
  if (violations.count > MOST_LISTED) return
  violations.listed.push(`${start} at '${path}' failed to satisfy constraint: ${constraint}`)
}

function detected({ count, listed }: Violations): AwsError {
  const errors = count === 1 ? 'error' : 'errors'
  return validationError(`${count} validation ${errors} detected: ${listed.join('; ')}`)
}

function quoted(echo: string): string {
  return `Value '${cut(echo)}'`
}

function quotedList(items: readonly unknown[]): string {
  return quoted(`[${joined(items.map(String))}]`)
}

function quotedMap(map: ReadonlyMap<string, unknown>): string {
  return quoted(`{${joined(Array.from(map, ([name, value]) => `${name}=${String(value)}`))}}`)
}

/** Joins no more than can be told. */
function joined(parts: readonly string[]): string {
  let text = ''
  for (const part of parts) {
    if (text.length > LONGEST_ECHO) break
    text += text === '' ? part : `, ${part}`
  }
  return text
}

/** What is cut ends with dots, and never within a surrogate pair; lone surrogates are shown as U+FFFD. */
function cut(echo: string): string {
  if (echo.length <= LONGEST_ECHO) return echo.toWellFormed()
  const last = echo.charCodeAt(LONGEST_ECHO - 1)
  const end = last >= 0xd800 && last < 0xdc00 ? LONGEST_ECHO - 1 : LONGEST_ECHO
  return `${echo.slice(0, end).toWellFormed()}...`
}
