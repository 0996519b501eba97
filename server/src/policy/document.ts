import { readJson, type JsonNode, type JsonObject, type JsonText } from './json.ts'
import { MalformedPolicyError, Places } from './malformed.ts'
import { requireRulesOfKind } from './kind-rules.ts'
import { isActionPattern, isConditionKey, isResourcePattern } from './element-forms.ts'
import { operators, readOperator } from './operators.ts'
import { isPrincipalEntry } from './principal-value.ts'
import {
  statementElements,
  type ConditionEntry,
  type PolicyDocument,
  type PolicyKind,
  type PolicyVersion,
  type PrincipalElement,
  type PrincipalEntry,
  type Statement,
} from './syntax.ts'

export { MalformedPolicyError } from './malformed.ts'
export type { PolicyDocument, PolicyKind, PrincipalEntry } from './syntax.ts'

// A pattern is matched in time proportional to its length; ARNs have at most 2,048 characters.
const MOST_PATTERN_CHARACTERS = 2048
// eslint-disable-next-line no-control-regex
const foreignCharacter = /[^\t\n\r\u0020-\u00ff]/

/**
 * Reads a policy and checks its whole grammar, with the rules of its kind.
 *
 * @throws MalformedPolicyError with the place of the first error
 * @see docs/policy-evaluation.md; AWS IAM User Guide, "Grammar of the IAM JSON policy language"
 */
export function parsePolicy(text: string, kind: PolicyKind): PolicyDocument {
  const foreign = foreignCharacter.exec(text)
  if (foreign !== null) {
    const place = new Places(text).locate(foreign.index, foreign.index + 1, [])
    throw new MalformedPolicyError('The policy contains a character that policies cannot contain.', place)
  }
  return new DocumentReader(readJson(text), kind).read()
}

const principalTypes = new Set(['AWS', 'Service', 'Federated', 'CanonicalUser'])

class DocumentReader {
  readonly #text: JsonText
  readonly #kind: PolicyKind

  constructor(text: JsonText, kind: PolicyKind) {
    this.#text = text
    this.#kind = kind
  }

  read(): PolicyDocument {
    const { root } = this.#text
    const members = this.#object(
      root,
      new Set(['Version', 'Id', 'Statement']),
      'Policy must be a JSON object.',
    )
    const id = members.get('Id')
    const statement = members.get('Statement')
    if (statement === undefined) this.#fail('Missing required field Statement', root)
    const nodes = statement.type === 'array' ? statement.items : [statement]
    if (nodes.length === 0) this.#fail('Could not parse the policy: Statement is empty!', statement)
    const document: PolicyDocument = {
      kind: this.#kind,
      version: this.#version(members.get('Version')),
      ...(id === undefined ? {} : { id: this.#string(id, 'Id') }),
      statements: nodes.map((node, index) => this.#statement(node, index)),
      locate: (path) => {
        const node = nodeAt(root, path)
        return node && this.#text.locate(node)
      },
    }
    requireRulesOfKind(document)
    return document
  }

  #version(node: JsonNode | undefined): PolicyVersion {
    if (node === undefined) return '2008-10-17'
    const version = this.#string(node, 'Version')
    if (version !== '2012-10-17' && version !== '2008-10-17') {
      this.#fail('Policy document must be version 2012-10-17 or greater.', node)
    }
    return version
  }

  #statement(node: JsonNode, index: number): Statement {
    const members = this.#object(node, statementElements, 'Policy statement must be a JSON object.')
    const sid = members.get('Sid')
    const effect = members.get('Effect')
    if (effect === undefined) this.#fail('Missing required field Effect', node)
    if (effect.type !== 'string' || (effect.value !== 'Allow' && effect.value !== 'Deny')) {
      this.#fail('Policy statement must have an Effect of Allow or Deny.', effect)
    }
    for (const [one, other] of [
      ['Principal', 'NotPrincipal'],
      ['Action', 'NotAction'],
      ['Resource', 'NotResource'],
    ] as const) {
      if (members.has(one) && members.has(other)) {
        this.#fail(`Statement/policy cannot contain both ${one} and ${other}.`, node)
      }
    }
    const optional = <Name extends string, Value>(
      name: Name,
      field: string,
      read: (value: JsonNode) => Value,
    ): { readonly [name in Name]?: Value } => {
      const value = members.get(field)
      return (value === undefined ? {} : { [name]: read(value) }) as { readonly [name in Name]?: Value }
    }
    return {
      index,
      ...(sid === undefined ? {} : { sid: this.#string(sid, 'Sid') }),
      effect: effect.value,
      ...optional('principal', 'Principal', (value) => this.#principal(value)),
      ...optional('notPrincipal', 'NotPrincipal', (value) => this.#principal(value)),
      ...optional('actions', 'Action', (value) => this.#actions(value)),
      ...optional('notActions', 'NotAction', (value) => this.#actions(value)),
      ...optional('resources', 'Resource', (value) => this.#resources(value)),
      ...optional('notResources', 'NotResource', (value) => this.#resources(value)),
      conditions: this.#conditions(members.get('Condition')),
      location: this.#text.locate(node),
    }
  }

  #principal(node: JsonNode): PrincipalElement {
    const location = this.#text.locate(node)
    if (node.type === 'string' && node.value === '*') return { everyone: true, entries: [], location }
    if (node.type !== 'object' || node.members.size === 0) this.#failPrincipal(node, '', '')
    const entries: PrincipalEntry[] = []
    for (const [type, values] of node.members) {
      if (!isPrincipalType(type)) this.#failPrincipal(values, type, '')
      for (const valueNode of this.#listOf(values, 'Principal')) {
        const entry = { type, value: this.#string(valueNode, 'Principal') }
        if (!isPrincipalEntry(entry)) this.#failPrincipal(valueNode, type, entry.value)
        entries.push(entry)
      }
    }
    const everyone = entries.some(({ type, value }) => type === 'AWS' && value === '*')
    return { everyone, entries, location }
  }

  #failPrincipal(node: JsonNode, type: string, value: string): never {
    const message =
      this.#kind === 'trust'
        ? `Invalid principal in policy: "${type === 'AWS' ? type : type.toUpperCase()}":"${value}"`
        : 'Policy contains a statement with one or more invalid principals.'
    this.#fail(message, node)
  }

  #actions(node: JsonNode): string[] {
    return this.#listOf(node, 'Action').map((item) => {
      const action = this.#pattern(item, 'Action')
      if (!isActionPattern(action)) {
        this.#fail(
          action.includes(':') || action === ''
            ? `Action ${action} is not valid.`
            : 'Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.',
          item,
        )
      }
      return action
    })
  }

  #resources(node: JsonNode): string[] {
    return this.#listOf(node, 'Resource').map((item) => {
      const resource = this.#pattern(item, 'Resource')
      if (!isResourcePattern(resource)) this.#fail(`Resource ${resource} must be in ARN format or "*".`, item)
      return resource
    })
  }

  #conditions(node: JsonNode | undefined): ConditionEntry[] {
    if (node === undefined) return []
    if (node.type !== 'object') this.#fail('Condition must be a JSON object.', node)
    const entries: ConditionEntry[] = []
    for (const [operator, block] of node.members) {
      const use = readOperator(operator)
      if (use === undefined) this.#fail(`Invalid Condition type : ${operator}.`, block)
      if (block.type !== 'object') this.#fail('Condition operator must be given a JSON object.', block)
      for (const [key, values] of block.members) {
        if (!isConditionKey(key)) {
          this.#fail(
            key.includes(':')
              ? `Condition key ${key} is not valid.`
              : 'Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.',
            values,
          )
        }
        const wild = operators.get(use.name)?.wild === true
        entries.push({
          operator,
          key,
          values: this.#conditionValues(values, wild),
          location: this.#text.locate(values),
        })
      }
    }
    return entries
  }

  #conditionValues(node: JsonNode, wild: boolean): string[] {
    const items = node.type === 'array' ? node.items : [node]
    return items.map((item) => {
      if (item.type === 'object' || item.type === 'array' || item.type === 'null') {
        this.#fail('A condition value must be a string, a number or a boolean.', item)
      }
      return wild ? this.#bounded(item.value, item) : item.value
    })
  }

  #pattern(node: JsonNode, field: string): string {
    return this.#bounded(this.#string(node, field), node)
  }

  #bounded(text: string, node: JsonNode): string {
    if (text.length > MOST_PATTERN_CHARACTERS) {
      this.#fail(`A pattern of more than ${MOST_PATTERN_CHARACTERS} characters.`, node)
    }
    return text
  }

  #string(node: JsonNode, field: string): string {
    if (node.type !== 'string') this.#fail(`${field} must be a string.`, node)
    return node.value
  }

  #listOf(node: JsonNode, field: string): readonly JsonNode[] {
    if (node.type !== 'array') return [node]
    if (node.items.length === 0 && field !== 'Principal' && this.#kind !== 'resource') {
      this.#fail(`Missing required field ${field} cannot be empty!`, node)
    }
    return node.items
  }

  #object(node: JsonNode, known: ReadonlySet<string>, message: string): JsonObject['members'] {
    if (node.type !== 'object') this.#fail(message, node)
    for (const [name, value] of node.members) {
      if (!known.has(name)) this.#fail(`Unknown field ${name}`, value)
    }
    return node.members
  }

  #fail(message: string, node: JsonNode): never {
    throw new MalformedPolicyError(message, this.#text.locate(node))
  }
}

function isPrincipalType(type: string): type is PrincipalEntry['type'] {
  return principalTypes.has(type)
}

function nodeAt(root: JsonNode, path: readonly (string | number)[]): JsonNode | undefined {
  let node: JsonNode | undefined = root
  for (const step of path) {
    if (node?.type === 'object' && typeof step === 'string') node = node.members.get(step)
    else if (node?.type === 'array' && typeof step === 'number') node = node.items[step]
    else return undefined
  }
  return node
}
