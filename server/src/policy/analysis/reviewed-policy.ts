import { readJson, type JsonNode, type JsonObject, type JsonScalar } from '../json.ts'
import { readOperator, type OperatorUse } from '../operators.ts'
import { FindingWriter, type Finding, type Place } from './finding.ts'
import type { IssueCode, IssueValues } from './issues.ts'

/** What kind of policy is looked at, which decides what may stand in it. */
export type ReviewedKind =
  | 'identity'
  /** A key policy. */
  | 'key'
  /** A role's trust policy. */
  | 'trust'
  /** Of a resource that is not known to be a key. */
  | 'resource'
  | 'service-control'
  | 'resource-control'

/** A policy as somebody wrote it, with whatever is wrong in it: what could not be read is left out. */
export interface ReviewedPolicy {
  readonly kind: ReviewedKind
  readonly text: string
  readonly root: JsonNode
  /** Policy variables work from 2012-10-17 on. */
  readonly hasVariables: boolean
  readonly statements: readonly ReviewedStatement[]
  /** Whether so much has been said that nothing more is kept: checks may stop. */
  isFull(): boolean
  /** Says something; `values` fill in the text of the issue. */
  report<Code extends IssueCode>(
    code: Code,
    places: Place | readonly Place[],
    values: IssueValues<Code>,
  ): void
}

export interface ReviewedStatement {
  readonly node: JsonObject
  readonly effect: 'Allow' | 'Deny' | undefined
  readonly actions: readonly StringNode[]
  readonly notActions: readonly StringNode[]
  readonly resources: readonly StringNode[]
  readonly notResources: readonly StringNode[]
  readonly principals: readonly ReviewedPrincipal[]
  readonly notPrincipals: readonly ReviewedPrincipal[]
  readonly conditions: readonly ReviewedCondition[]
}

export interface StringNode extends JsonScalar {
  readonly type: 'string'
}

export interface ReviewedPrincipal {
  /** `*` for the principal that is only `"*"`. */
  readonly type: string
  readonly value: string
  readonly node: StringNode
}

/** One key of one operator. */
export interface ReviewedCondition {
  /** Undefined when there is no such operator. */
  readonly operator: OperatorUse | undefined
  /** As written. */
  readonly operatorText: string
  /** The keys under this operator. */
  readonly block: JsonObject
  readonly key: string
  /** In lower case. */
  readonly lowerKey: string
  readonly value: JsonNode
  /** The values that are no lists and objects. */
  readonly values: readonly JsonScalar[]
}

/** Bounds what one policy can make a caller read, and this process keep. */
const MOST_FINDINGS = 300

/** @throws MalformedPolicyError when the text is no JSON */
export function reviewPolicy(
  text: string,
  kind: ReviewedKind,
): { policy: ReviewedPolicy; findings: readonly Finding[] } {
  const { root } = readJson(text)
  const writer = new FindingWriter(text)
  const findings: Finding[] = []
  const statements = statementsOf(root).map(readStatement)
  const policy: ReviewedPolicy = {
    kind: kind === 'resource' && namesOnlyKms(statements) ? 'key' : kind,
    text,
    root,
    hasVariables: stringOf(member(root, 'Version')) === '2012-10-17',
    statements,
    isFull: () => findings.length >= MOST_FINDINGS,
    report(code, places, values) {
      if (findings.length >= MOST_FINDINGS) return
      findings.push(writer.write(code, 'length' in places ? places : [places], values))
    },
  }
  return { policy, findings }
}

/** AWS's API has no resource type for keys in ValidatePolicy; a policy about nothing but KMS is a key policy. */
function namesOnlyKms(statements: readonly ReviewedStatement[]): boolean {
  const actions = statements.flatMap((statement) => [...statement.actions, ...statement.notActions])
  return actions.length > 0 && actions.every(({ value }) => /^kms:/i.test(value))
}

/** Undefined when the node is no object, or has no such member. */
export function member(node: JsonNode | undefined, name: string): JsonNode | undefined {
  return node?.type === 'object' ? node.members.get(name) : undefined
}

function stringOf(node: JsonNode | undefined): string | undefined {
  return node?.type === 'string' ? node.value : undefined
}

/** One statement may stand without a list; what is no object is left to the checks of structure. */
export function statementsOf(root: JsonNode): readonly JsonObject[] {
  const statement = member(root, 'Statement')
  const all = statement?.type === 'array' ? statement.items : statement === undefined ? [] : [statement]
  return all.filter((each) => each.type === 'object')
}

function readStatement(node: JsonObject): ReviewedStatement {
  const effect = stringOf(node.members.get('Effect'))
  return {
    node,
    effect: effect === 'Allow' || effect === 'Deny' ? effect : undefined,
    actions: stringsOf(node.members.get('Action')),
    notActions: stringsOf(node.members.get('NotAction')),
    resources: stringsOf(node.members.get('Resource')),
    notResources: stringsOf(node.members.get('NotResource')),
    principals: principalsOf(node.members.get('Principal')),
    notPrincipals: principalsOf(node.members.get('NotPrincipal')),
    conditions: conditionsOf(node.members.get('Condition')),
  }
}

/** One value, or a list of them. */
export function itemsOf(node: JsonNode | undefined): readonly JsonNode[] {
  if (node === undefined) return []
  return node.type === 'array' ? node.items : [node]
}

function stringsOf(node: JsonNode | undefined): readonly StringNode[] {
  return itemsOf(node).filter((item): item is StringNode => item.type === 'string')
}

function principalsOf(node: JsonNode | undefined): readonly ReviewedPrincipal[] {
  if (node?.type === 'string') return [{ type: '*', value: node.value, node: node as StringNode }]
  if (node?.type !== 'object') return []
  return [...node.members].flatMap(([type, value]) =>
    stringsOf(value).map((item) => ({ type, value: item.value, node: item })),
  )
}

function conditionsOf(node: JsonNode | undefined): readonly ReviewedCondition[] {
  if (node?.type !== 'object') return []
  return [...node.members].flatMap(([operatorText, block]) => {
    if (block.type !== 'object') return []
    const operator = readOperator(operatorText)
    return [...block.members].map(([key, value]) => ({
      operator,
      operatorText,
      block,
      key,
      lowerKey: key.toLowerCase(),
      value,
      values: itemsOf(value).filter((item) => item.type !== 'array' && item.type !== 'object'),
    }))
  })
}
