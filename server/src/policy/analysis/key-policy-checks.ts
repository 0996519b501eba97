import { readPrincipalValue } from '../principal-value.ts'
import { takesAction } from './action-checks.ts'
import { covers } from './pattern-sets.ts'
import type { ReviewedPolicy, ReviewedStatement, StringNode } from './reviewed-policy.ts'
import { kms } from './vocabulary/kms.ts'
import type { ServiceVocabulary } from './vocabulary/service-vocabulary.ts'

/** What deserves a word in policies about KMS keys: key policies, and what identity policies say of keys. */
export function checkKeyAccess(policy: ReviewedPolicy): void {
  for (const statement of policy.statements) {
    if (policy.isFull()) return
    checkAliases(policy, statement)
    if (statement.effect === 'Allow') checkAllActions(policy, statement)
    if (policy.kind === 'key') checkKeyResource(policy, statement)
  }
  if (policy.kind === 'key') checkAdministrator(policy)
}

const kmsActions: ServiceVocabulary['actions'] = kms.actions
const aliasArn = /^arn:[^:]*:kms:[^:]*:[^:]*:alias\//

/** An alias in Resource counts only for the operations on the alias itself. */
function checkAliases(policy: ReviewedPolicy, statement: ReviewedStatement): void {
  const aliases = [...statement.resources, ...statement.notResources].filter(({ value }) =>
    aliasArn.test(value),
  )
  if (aliases.length === 0) return
  const onKeysOnly = Object.entries(kmsActions).find(
    ([name, { on }]) => on.includes('key') && !on.includes('alias') && takesAction(statement, `kms:${name}`),
  )
  if (onKeysOnly !== undefined) {
    policy.report('KW_ALIAS_IN_RESOURCE', aliases, { action: `kms:${onKeysOnly[0]}` })
  }
}

/** `kms:*`, and nothing wider: who writes `*` means an administrator of everything. */
function allKmsActions({ actions }: ReviewedStatement): StringNode | undefined {
  return actions.find(({ value }) => /^kms:\*+$/i.test(value))
}

function checkAllActions(policy: ReviewedPolicy, statement: ReviewedStatement): void {
  const everything = allKmsActions(statement)
  if (everything === undefined) return
  if (policy.kind === 'identity') {
    if (!statement.resources.some(({ value }) => value === '*' || covers(value, 'arn:aws:kms:*:*:key/*')))
      return
    policy.report('KW_KMS_ALL_ACTIONS', everything, {
      actions: everything.value,
      whom: 'whoever has this policy',
      what: 'every key',
    })
    return
  }
  for (const { type, value, node } of statement.principals) {
    if (type === 'Federated' || value === '*' || isAdministrator(type, value)) continue
    policy.report('KW_KMS_ALL_ACTIONS', node, {
      actions: everything.value,
      whom: value,
      what: 'the key',
    })
  }
}

/** An account, which decides itself who of it administers; or a user or role that is called an administrator. */
function isAdministrator(type: string, value: string): boolean {
  const principal = type === 'AWS' ? readPrincipalValue(value) : undefined
  return principal?.type === 'account' || /admin/i.test(value)
}

/** A key policy says `*` for its key. */
function checkKeyResource(policy: ReviewedPolicy, { resources, notResources }: ReviewedStatement): void {
  const others = [...resources, ...notResources].filter(
    ({ value }) => /^arn:[^:]*:kms:/.test(value) && !aliasArn.test(value),
  )
  if (others.length > 0) policy.report('KW_KEY_POLICY_NAMES_OTHER_RESOURCE', others, {})
}

function checkAdministrator(policy: ReviewedPolicy): void {
  const { statements, root } = policy
  if (statements.length === 0) return
  const administered = statements.some(
    (statement) =>
      statement.effect === 'Allow' &&
      (statement.principals.length > 0 || statement.notPrincipals.length > 0) &&
      takesAction(statement, 'kms:PutKeyPolicy'),
  )
  if (!administered) policy.report('KW_NO_KEY_ADMINISTRATOR', root, {})
}
