import type { Members, Shape } from '../shape.ts'
import { malformedQuery } from './errors.ts'
import type { Form } from './form.ts'

/** The deepest parameter of the API (the tags of a simulated resource) has half as many parts. */
const MOST_PARTS = 16

/** A parameter's name, split at its dots, as a tree; a leaf holds its value. */
interface Node {
  value?: string
  readonly parts: Map<string, Node>
}

/**
 * Turns the parameters of a form into the value that JSON would have brought, after the operation's shape: numbers,
 * booleans and times from their texts, `Name.member.N` into lists, `Name.entry.N.key` and `.value` into maps. Text that is
 * no number or time stays as it is, and is refused as having the wrong type. Parameters that the shape does not know are ignored.
 * @see Smithy, "AWS query protocol", serialization of inputs
 * @throws AwsError MalformedQueryString
 */
export function queryInput(members: Members, form: Form): object {
  const root: Node = { parts: new Map() }
  for (const [name, value] of form) {
    const parts = name.split('.', MOST_PARTS + 1)
    if (parts.length > MOST_PARTS) throw malformedQuery('A parameter has too many parts.')
    let node = root
    for (const part of parts) {
      let next = node.parts.get(part)
      if (next === undefined) {
        next = { parts: new Map() }
        node.parts.set(part, next)
      }
      node = next
    }
    node.value = value
  }
  return structureOf(members, root)
}

function structureOf(members: Members, node: Node): object {
  const structure: Record<string, unknown> = {}
  for (const [name, shape] of Object.entries(members)) {
    const member = node.parts.get(name)
    if (member !== undefined) structure[name] = valueOf(shape, member)
  }
  return structure
}

function valueOf(shape: Shape, node: Node): unknown {
  switch (shape.type) {
    case 'structure':
      return structureOf(shape.members, node)
    case 'list':
      return numbered(node.parts.get('member')).map((item) => valueOf(shape.of, item))
    case 'map':
      return mapOf(node)
    default:
      return scalarOf(shape.type, node.value)
  }
}

/** By number; a list without items is an empty value. What is not numbered from 1 on cannot be put in order. */
function numbered(node: Node | undefined): Node[] {
  if (node === undefined) return []
  return [...node.parts]
    .map(([part, item]) => {
      if (!/^[1-9]\d{0,5}$/.test(part)) throw malformedQuery('The members of a list are numbered from 1.')
      return { position: Number(part), item }
    })
    .sort((a, b) => a.position - b.position)
    .map(({ item }) => item)
}

function mapOf(node: Node): object {
  const map = Object.create(null) as Record<string, string | null>
  for (const entry of numbered(node.parts.get('entry'))) {
    const key = entry.parts.get('key')?.value
    if (key === undefined) throw malformedQuery('An entry of a map has no key.')
    if (Object.hasOwn(map, key)) throw malformedQuery('A map has a key more than once.')
    map[key] = entry.parts.get('value')?.value ?? null
  }
  return map
}

/** Whole seconds or finer, always in UTC or with its distance from it. */
const isoTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/

function scalarOf(type: Shape['type'], text: string | undefined): unknown {
  if (text === undefined) return null
  switch (type) {
    case 'integer':
    case 'long':
      return /^-?\d{1,16}$/.test(text) ? Number(text) : text
    case 'boolean':
      return /^true$/i.test(text) ? true : /^false$/i.test(text) ? false : text
    case 'timestamp':
      return isoTime.test(text) ? Date.parse(text) / 1000 : text
    default:
      return text
  }
}
