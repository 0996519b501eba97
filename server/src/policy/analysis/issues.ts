import { awsIssues } from './aws-issues.ts'
import { error, security, warning, type FindingType } from './issue.ts'

/** What is said beyond AWS's checks; each has its section in docs/access-analysis.md. */
const ownIssues = {
  KW_MALFORMED_POLICY: error('<reason>'),
  KW_OVERLY_PERMISSIVE_CONDITION: error(
    'KMS refuses key policies that use ForAllValues with the condition key <key>: the condition is also satisfied by a request without it. Use ForAnyValue, or no qualifier.',
  ),
  KW_ALIAS_IN_RESOURCE: security(
    'The alias in the Resource element does not stand for the key that it points at: for <action> only key ARNs are compared. Name the key, or use the condition key kms:RequestAlias or kms:ResourceAliases.',
  ),
  KW_DENY_WITH_NOT_PRINCIPAL: security(
    'Deny with NotPrincipal denies every principal that is not listed, and the sessions of a listed role unless the role and its account are listed too. Use Principal "*" with the condition key aws:PrincipalArn.',
  ),
  KW_FORALLVALUES_WITHOUT_NULL_CHECK: security(
    'A condition with ForAllValues is also satisfied by a request without the key <key>, so this statement allows it. Add "Null": {"<key>": "false"}.',
  ),
  KW_KMS_ALL_ACTIONS: security(
    '<actions> gives <whom> both the administration and the use of <what>. Give administrators and users separate statements with the actions that each needs.',
  ),
  KW_PUBLIC_PRINCIPAL: security(
    'Everybody, of any account, may use this statement: its Principal is "*" and no condition limits it to an account, an organization, a principal or a network. Name the principals, or add such a condition.',
  ),
  KW_KEY_POLICY_NAMES_OTHER_RESOURCE: warning(
    'In a key policy, Resource "*" stands for the key that the policy is attached to. This ARN has an effect only when it is that key\'s own.',
  ),
  KW_NO_KEY_ADMINISTRATOR: warning(
    'No statement of this key policy allows an account or a principal to change it. A key with this policy cannot be managed.',
  ),
} as const

export const issues = { ...awsIssues, ...ownIssues } as const

export type IssueCode = keyof typeof issues

/** The names between `<` and `>` in a text. */
type Names<Text extends string> = Text extends `${string}<${infer Name}>${infer Rest}`
  ? Name | Names<Rest>
  : never

/** What a text needs filled in. */
export type IssueValues<Code extends IssueCode> = Readonly<
  Record<Names<(typeof issues)[Code]['text']>, string>
>

const AWS_REFERENCE =
  'https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-reference-policy-checks.html'
/** AWS's page writes GENERAL WARNING where its API says WARNING. */
const anchors: Readonly<Record<FindingType, string>> = {
  ERROR: 'error',
  SECURITY_WARNING: 'security-warning',
  WARNING: 'general-warning',
  SUGGESTION: 'suggestion',
}

export function learnMoreLink(code: IssueCode): string {
  if (code.startsWith('KW_')) return `docs/access-analysis.md#${code.toLowerCase()}`
  const slug = code.toLowerCase().replaceAll('_', '-')
  return `${AWS_REFERENCE}#access-analyzer-reference-policy-checks-${anchors[issues[code].type]}-${slug}`
}
