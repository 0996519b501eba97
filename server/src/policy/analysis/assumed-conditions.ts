import { compilePolicy, type CompiledPolicy } from '../compile.ts'
import type { ConditionEntry, PolicyDocument, Statement } from '../syntax.ts'

/**
 * What is assumed of the conditions that depend on the request: `met` takes every one for satisfied where that allows and for
 * not satisfied where that denies, `unmet` the other way round. Who is allowed when they are unmet is allowed always; who is
 * allowed only when they are met is allowed under conditions.
 */
export type Assumption = 'met' | 'unmet'

/** Keys whose values follow from who asks and what it is asked of, so nothing need be assumed of them. */
const known =
  /^(?:aws:principal(?!servicename)[a-z]*(?:\/.*)?|aws:userid|aws:username|aws:resource(?:account|orgid|orgpaths|tag\/.*)|kms:calleraccount|kms:keyspec|kms:keyusage|kms:keyorigin|kms:multiregion|kms:resourcealiases)$/

const remembered = {
  met: new WeakMap<CompiledPolicy, CompiledPolicy>(),
  unmet: new WeakMap<CompiledPolicy, CompiledPolicy>(),
}

/** @param bindings of a key policy: what its principals are bound to */
export function assuming(
  assumption: Assumption,
  policy: CompiledPolicy,
  bindings?: ReadonlyMap<string, string>,
): CompiledPolicy {
  const cache = remembered[assumption]
  let found = cache.get(policy)
  if (found === undefined) {
    found = compilePolicy(assumed(assumption, policy.document), policy.source, bindings)
    cache.set(policy, found)
  }
  return found
}

function assumed(assumption: Assumption, document: PolicyDocument): PolicyDocument {
  return {
    ...document,
    statements: document.statements.flatMap((each) => assumedStatement(assumption, each)),
  }
}

/** The statement without what is assumed; none when it is assumed not to apply. */
function assumedStatement(assumption: Assumption, statement: Statement): readonly Statement[] {
  const applies = (statement.effect === 'Allow') === (assumption === 'met')
  const open = requestConditions(statement)
  const isOpen = open.length > 0 || hasRequestVariable(statement)
  if (!isOpen) return [statement]
  if (!applies) return []
  const { resources } = statement
  return [
    {
      ...statement,
      conditions: statement.conditions.filter((condition) => !open.includes(condition)),
      ...(resources !== undefined && {
        resources: resources.map((resource) => (variableOfRequest.test(resource) ? '*' : resource)),
      }),
    },
  ]
}

/** The conditions of a statement that depend on the request. */
export function requestConditions({ conditions }: Statement): readonly ConditionEntry[] {
  return conditions.filter(
    ({ key, values }) =>
      !known.test(key.toLowerCase()) || values.some((value) => variableOfRequest.test(value)),
  )
}

const variableOfRequest = /\$\{(?!\s*(?:[*?$]|aws:(?:principal|username|userid|resource)))/i

function hasRequestVariable({ resources, notResources }: Statement): boolean {
  return [...(resources ?? []), ...(notResources ?? [])].some((resource) => variableOfRequest.test(resource))
}
