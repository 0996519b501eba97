import type { JsonNode, JsonObject } from '../json.ts'
import { statementElements } from '../syntax.ts'
import { itemsOf, member, statementsOf, type ReviewedKind, type ReviewedPolicy } from './reviewed-policy.ts'

const versions = ['2012-10-17', '2008-10-17']
const documentElements = new Set(['Version', 'Id', 'Statement'])
const exclusive = [
  ['Action', 'NotAction'],
  ['Resource', 'NotResource'],
  ['Principal', 'NotPrincipal'],
] as const
/** In these, Sids must be unique and may hold letters and digits only. */
const strictSids: ReadonlySet<ReviewedKind> = new Set(['identity', 'trust'])

/** The elements of the document and of its statements: their names, their JSON types, and which must be there. */
export function checkStructure(policy: ReviewedPolicy): void {
  const { root } = policy
  if (root.type !== 'object') {
    policy.report('DATA_TYPE_MISMATCH', root, { data_type: 'object' })
    return
  }
  for (const name of root.members.keys()) {
    if (!documentElements.has(name)) {
      policy.report('INVALID_POLICY_ELEMENT', { name, of: root }, { element: name })
    }
  }
  checkVersion(policy, root)
  checkType(policy, root.members.get('Id'), 'string')
  checkStatements(policy, root)
  for (const statement of statementsOf(root)) checkStatement(policy, statement)
  checkSids(policy)
}

function checkVersion(policy: ReviewedPolicy, root: JsonObject): void {
  const version = root.members.get('Version')
  if (version === undefined) policy.report('MISSING_VERSION', root, {})
  else if (!checkType(policy, version, 'string')) return
  else if (!versions.includes(textOf(version))) {
    policy.report('INVALID_VERSION', version, { version: textOf(version), versions: versions.join(', ') })
  }
}

function checkStatements(policy: ReviewedPolicy, root: JsonObject): void {
  const statement = root.members.get('Statement')
  if (statement === undefined || (statement.type === 'array' && statement.items.length === 0)) {
    policy.report('MISSING_STATEMENT', statement ?? root, {})
    return
  }
  for (const each of itemsOf(statement)) checkType(policy, each, 'object')
}

function checkStatement(policy: ReviewedPolicy, node: JsonObject): void {
  for (const name of node.members.keys()) {
    if (!statementElements.has(name)) {
      policy.report('INVALID_POLICY_ELEMENT', { name, of: node }, { element: name })
    }
  }
  checkEffect(policy, node)
  for (const [element1, element2] of exclusive) {
    if (node.members.has(element1) && node.members.has(element2)) {
      const places = [
        { name: element1, of: node },
        { name: element2, of: node },
      ]
      policy.report('UNSUPPORTED_ELEMENT_COMBINATION', places, { element1, element2 })
    }
  }
  if (!node.members.has('Action') && !node.members.has('NotAction')) policy.report('MISSING_ACTION', node, {})
  if (policy.kind !== 'trust' && !node.members.has('Resource') && !node.members.has('NotResource')) {
    policy.report('MISSING_RESOURCE', node, {})
  }
  for (const name of ['Action', 'NotAction'])
    checkStrings(policy, node.members.get(name), 'EMPTY_ARRAY_ACTION')
  for (const name of ['Resource', 'NotResource']) {
    checkStrings(policy, node.members.get(name), 'EMPTY_ARRAY_RESOURCE')
  }
  checkCondition(policy, node.members.get('Condition'))
}

function checkEffect(policy: ReviewedPolicy, node: JsonObject): void {
  const effect = node.members.get('Effect')
  if (effect === undefined) policy.report('MISSING_EFFECT', node, {})
  else if (!checkType(policy, effect, 'string')) return
  else if (textOf(effect) !== 'Allow' && textOf(effect) !== 'Deny') {
    policy.report('INVALID_EFFECT', effect, { effect: textOf(effect) })
  }
}

function checkStrings(
  policy: ReviewedPolicy,
  node: JsonNode | undefined,
  whenEmpty: 'EMPTY_ARRAY_ACTION' | 'EMPTY_ARRAY_RESOURCE',
): void {
  if (node?.type === 'array' && node.items.length === 0) policy.report(whenEmpty, node, {})
  for (const item of itemsOf(node)) checkType(policy, item, 'string')
}

function checkCondition(policy: ReviewedPolicy, condition: JsonNode | undefined): void {
  if (condition === undefined || !checkType(policy, condition, 'object')) return
  const blocks = condition.type === 'object' ? [...condition.members.values()] : []
  if (blocks.length === 0) policy.report('EMPTY_OBJECT_CONDITION', condition, {})
  for (const block of blocks) {
    if (!checkType(policy, block, 'object') || block.type !== 'object') continue
    if (block.members.size === 0) policy.report('EMPTY_OBJECT_CONDITION', block, {})
    for (const value of block.members.values()) {
      for (const item of itemsOf(value)) {
        if (item.type === 'array' || item.type === 'object' || item.type === 'null') {
          policy.report('DATA_TYPE_MISMATCH', item, { data_type: 'string' })
        }
      }
    }
  }
}

function checkSids(policy: ReviewedPolicy): void {
  const strict = strictSids.has(policy.kind)
  const seen = new Set<string>()
  for (const { node } of policy.statements) {
    const sid = member(node, 'Sid')
    if (sid === undefined || !checkType(policy, sid, 'string')) continue
    const text = textOf(sid)
    if (text === '') policy.report('EMPTY_SID_VALUE', sid, {})
    else if (strict && !/^[A-Za-z0-9]*$/.test(text)) policy.report('UNSUPPORTED_SID', sid, {})
    else if (seen.has(text)) {
      policy.report(strict ? 'UNIQUE_SIDS_REQUIRED' : 'UNIQUE_SIDS_RECOMMENDED', sid, {})
    }
    seen.add(text)
  }
}

function checkType(policy: ReviewedPolicy, node: JsonNode | undefined, type: JsonNode['type']): boolean {
  if (node === undefined) return false
  if (node.type === type) return true
  policy.report('DATA_TYPE_MISMATCH', node, { data_type: type })
  return false
}

function textOf(node: JsonNode): string {
  return node.type === 'object' || node.type === 'array' ? '' : node.value
}
