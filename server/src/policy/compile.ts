import { within } from './effort.ts'
import type { PolicyDocument, PolicyKind } from './syntax.ts'
import { compileStatement, type CompiledStatement } from './statement.ts'

/** Which policy a statement comes from, as a decision names it. */
export interface PolicySource {
  readonly type: PolicyKind
  /** Of a managed policy, or of the resource whose policy it is. */
  readonly arn?: string
  /** Of an inline policy. */
  readonly name?: string
}

/** A policy that is ready to be evaluated many times. */
export interface CompiledPolicy {
  readonly source: PolicySource
  readonly document: PolicyDocument
  /** The statements that are about an action, in their order. */
  statementsOn(action: string): readonly CompiledStatement[]
}

// Of the services that we speak there are some 300 actions; whoever simulates may name any.
const MOST_REMEMBERED_ACTIONS = 512

/**
 * @param bindings principal ARN → unique id (AIDA…, AROA…) that it was bound to when the policy was stored. When they are
 *   given, the ARN of a user, a role or a role session names only the principal of that id, and one that is not among
 *   them lets nobody in: a re-created principal of the same name gains nothing
 */
export function compilePolicy(
  document: PolicyDocument,
  source: PolicySource,
  bindings?: ReadonlyMap<string, string>,
): CompiledPolicy {
  const statements = document.statements.map((statement) => compileStatement(statement, document, bindings))
  // A warm decision sees only the statements that are about its action (bench/decision.ts).
  const remembered = new Map<string, readonly CompiledStatement[]>()
  return {
    source,
    document,
    statementsOn(action) {
      let found = remembered.get(action)
      if (found === undefined) {
        const lowered = action.toLowerCase()
        // Once for each action, so that it is no decision's own effort.
        found = within(Infinity, () => statements.filter((statement) => statement.isOn(lowered)))
        if (remembered.size >= MOST_REMEMBERED_ACTIONS) remembered.clear()
        remembered.set(action, found)
      }
      return found
    },
  }
}
