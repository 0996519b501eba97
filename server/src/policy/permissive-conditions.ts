import type { ConditionEntry, PolicyDocument, Statement } from './syntax.ts'
import { readOperator } from './operators.ts'

/**
 * The first condition that asks with ForAllValues for a key that the caller may leave out, which satisfies it: KMS
 * refuses such a key policy as an OverlyPermissiveCondition. Undefined when there is none.
 *
 * @see AWS KMS Developer Guide, "kms:EncryptionContext:context-key", on set operators
 */
export function findOverlyPermissiveCondition(
  document: PolicyDocument,
): { readonly statement: Statement; readonly condition: ConditionEntry } | undefined {
  for (const statement of document.statements) {
    const condition = statement.conditions.find(
      ({ operator, key }) =>
        readOperator(operator)?.set === 'ForAllValues' &&
        /^(kms:encryptioncontext:|aws:requesttag\/)/i.test(key),
    )
    if (condition !== undefined) return { statement, condition }
  }
  return undefined
}
