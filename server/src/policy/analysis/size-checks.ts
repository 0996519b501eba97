import type { JsonNode } from '../json.ts'
import type { ReviewedPolicy } from './reviewed-policy.ts'

// AWS's quotas in characters. Identity policies: the largest, a managed policy's; inline ones have less for users.
const IDENTITY = 6_144
const TRUST = 2_048
const KEY = 32_768
const CONTROL = 5_120
/** Above this many statements pairs are not compared any more. */
const MOST_COMPARED = 200

/** How long a policy is, and whether it says the same thing twice. */
export function checkSize(policy: ReviewedPolicy): void {
  const { kind, root, text } = policy
  const whole = String(text.length)
  const dense = String(text.replaceAll(/\s/g, '').length)
  if (kind === 'identity' && Number(dense) > IDENTITY) {
    const values = { policySize: dense, policySizeQuota: String(IDENTITY) }
    policy.report('POLICY_SIZE_EXCEEDS_IDENTITY_POLICY_QUOTA', root, values)
  }
  if (kind === 'trust' && Number(dense) > TRUST) {
    policy.report('POLICY_SIZE_EXCEEDS_ROLE_TRUST_POLICY_QUOTA', root, {})
  }
  if ((kind === 'key' || kind === 'resource') && text.length > KEY) {
    const values = { policySize: whole, policySizeQuota: String(KEY) }
    policy.report('POLICY_SIZE_EXCEEDS_RESOURCE_POLICY_QUOTA', root, values)
  }
  const control = { policySize: whole, policySizeQuota: String(CONTROL) }
  if (text.length <= CONTROL) return
  if (kind === 'service-control') policy.report('POLICY_SIZE_EXCEEDS_SCP_QUOTA', root, control)
  if (kind === 'resource-control') policy.report('POLICY_SIZE_EXCEEDS_RCP_QUOTA', root, control)
}

/** Statements that differ in nothing but their Sid and the order of their lists. */
export function checkRepetition(policy: ReviewedPolicy): void {
  const { statements } = policy
  if (statements.length > MOST_COMPARED) return
  const seen = new Map<string, (typeof statements)[number]>()
  for (const statement of statements) {
    const meaning = canonical(statement.node)
    const earlier = seen.get(meaning)
    if (earlier === undefined) seen.set(meaning, statement)
    else policy.report('REDUNDANT_STATEMENT', [earlier.node, statement.node], {})
  }
}

function canonical(node: JsonNode): string {
  switch (node.type) {
    case 'object':
      return `{${[...node.members]
        .filter(([name]) => name !== 'Sid')
        .map(([name, value]) => `${JSON.stringify(name)}:${canonical(value)}`)
        .sort()
        .join()}}`
    case 'array':
      return node.items.length === 1 && node.items[0] !== undefined
        ? canonical(node.items[0])
        : `[${node.items.map(canonical).sort().join()}]`
    default:
      return JSON.stringify(node.value)
  }
}
