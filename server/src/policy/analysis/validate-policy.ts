import { MalformedPolicyError, parsePolicy, type PolicyKind } from '../document.ts'
import { checkActions } from './action-checks.ts'
import { checkConditionKeys } from './condition-key-checks.ts'
import { checkConditionValues } from './condition-value-checks.ts'
import { checkControlPolicy } from './control-policy-checks.ts'
import { checkExposure } from './exposure-checks.ts'
import { FindingWriter, type Finding } from './finding.ts'
import { learnMoreLink } from './issues.ts'
import { checkKeyAccess } from './key-policy-checks.ts'
import { checkPrincipals } from './principal-checks.ts'
import { checkPrivileges } from './privilege-checks.ts'
import { checkResources } from './resource-checks.ts'
import { reviewPolicy, type ReviewedKind, type ReviewedPolicy } from './reviewed-policy.ts'
import { checkRepetition, checkSize } from './size-checks.ts'
import { checkStructure } from './structure-checks.ts'
import { checkTrustPolicy } from './trust-policy-checks.ts'
import { checkVariables } from './variable-checks.ts'

export type { Finding } from './finding.ts'
export type { ReviewedKind } from './reviewed-policy.ts'

const checks: readonly ((policy: ReviewedPolicy) => void)[] = [
  checkStructure,
  checkSize,
  checkPrincipals,
  checkActions,
  checkResources,
  checkVariables,
  checkConditionKeys,
  checkConditionValues,
  checkTrustPolicy,
  checkControlPolicy,
  checkPrivileges,
  checkKeyAccess,
  checkExposure,
  checkRepetition,
]

const parsedAs: Readonly<Record<ReviewedKind, PolicyKind>> = {
  identity: 'identity',
  key: 'resource',
  resource: 'resource',
  trust: 'trust',
  'service-control': 'service-control',
  'resource-control': 'resource-control',
}

/**
 * Everything that can be said about a policy: what is wrong with it, what is dangerous, what could be better; in the order
 * of its text. What this deployment would refuse to store has an ERROR among its findings.
 *
 * @see AWS IAM User Guide, "IAM policy validation check reference"; docs/access-analysis.md
 */
export function validatePolicy(text: string, kind: ReviewedKind): readonly Finding[] {
  const steps = validationSteps(text, kind)
  for (let step = steps.next(); ; step = steps.next()) if (step.done === true) return step.value
}

/** The same in steps of some milliseconds, for a caller that has other things to do between them. */
export function* validationSteps(text: string, kind: ReviewedKind): Generator<void, readonly Finding[]> {
  let reviewed
  try {
    reviewed = reviewPolicy(text, kind)
  } catch (error) {
    if (error instanceof MalformedPolicyError) return [syntaxError(text, error)]
    throw error
  }
  const { policy, findings } = reviewed
  for (const check of checks) {
    yield
    if (!policy.isFull()) check(policy)
  }
  yield
  return [...findings, ...refusal(text, kind, findings)].sort((a, b) => startOf(a) - startOf(b))
}

function syntaxError(text: string, { location }: MalformedPolicyError): Finding {
  const { offset, line, column, end } = location
  const finding = new FindingWriter(text).write('JSON_SYNTAX_ERROR', [], {
    index: String(offset),
    line: String(line),
    column: String(column),
  })
  return { ...finding, locations: [{ path: [], span: { start: { line, column, offset }, end } }] }
}

/** The parser has the last word on what can be stored: its refusal is an error that no check may have missed. */
function refusal(text: string, kind: ReviewedKind, findings: readonly Finding[]): readonly Finding[] {
  if (findings.some(({ findingType }) => findingType === 'ERROR')) return []
  try {
    parsePolicy(text, parsedAs[kind])
    return []
  } catch (error) {
    if (!(error instanceof MalformedPolicyError)) throw error
    const { offset, line, column, end, path } = error.location
    return [
      {
        findingType: 'ERROR',
        issueCode: 'KW_MALFORMED_POLICY',
        findingDetails: error.message,
        learnMoreLink: learnMoreLink('KW_MALFORMED_POLICY'),
        locations: [
          {
            path: path.map((step) => (typeof step === 'number' ? { index: step } : { value: step })),
            span: { start: { line, column, offset }, end },
          },
        ],
      },
    ]
  }
}

function startOf({ locations }: Finding): number {
  return locations[0]?.span.start.offset ?? 0
}
