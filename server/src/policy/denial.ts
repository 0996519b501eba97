import type { Decision, DecisionReason } from './decision.ts'
import type { PolicyKind } from './syntax.ts'

export interface DeniedRequest {
  readonly principalArn: string
  /** Such as `kms:Decrypt`. */
  readonly action: string
  /** Undefined for an action that is on no resource. */
  readonly resourceArn: string | undefined
  /** Instead of the ARN, for a resource that the request did not name: `the resource associated with this ciphertext`. */
  readonly onWhat?: string | undefined
}

/**
 * AWS's text for a request that was refused. Of a resource that the caller may not know of it says the same whether
 * there is one or not.
 *
 * @see AWS IAM User Guide, "Troubleshoot access denied error messages"
 */
export function denialText(request: DeniedRequest, decision: Decision): string {
  const { principalArn, action, resourceArn, onWhat } = request
  const { reason } = decision
  const start = `User: ${principalArn} is not authorized to perform: ${action}`
  const on = onWhat ?? (resourceArn === undefined ? undefined : `resource: ${resourceArn}`)
  const whole = on === undefined ? start : `${start} on ${on}`
  if (reason.type === 'allowed') return whole
  if (!reason.hidden) return `${whole} ${because(reason, action)}`
  // STS names the role and says nothing more.
  if (action.startsWith('sts:')) return whole
  return (
    `${start} on ${onWhat ?? 'this resource'} because the resource does not exist in this Region, ` +
    'no resource-based policies allow access, or a resource-based policy explicitly denies access'
  )
}

type Refusal = Exclude<DecisionReason, { type: 'allowed' }>

function because(reason: Refusal, action: string): string {
  switch (reason.type) {
    case 'quarantine':
      return `with an explicit deny in ${names[reason.quarantine.of === 'principal' ? 'identity' : 'resource'].one}`
    case 'explicit-deny':
      return `with an explicit deny in ${names[reason.source.type].one}`
    case 'too-much-effort':
      return 'because the policies that apply take too much effort to evaluate for this request'
    case 'implicit-deny':
      return `because no ${names[reason.missing].none} allows the ${action} action`
  }
}

const names: Readonly<Record<PolicyKind, { readonly one: string; readonly none: string }>> = {
  identity: { one: 'an identity-based policy', none: 'identity-based policy' },
  resource: { one: 'a resource-based policy', none: 'resource-based policy' },
  trust: { one: 'the role trust policy', none: 'role trust policy' },
  session: { one: 'a session policy', none: 'session policy' },
  boundary: { one: 'a permissions boundary', none: 'permissions boundary' },
  'service-control': { one: 'a service control policy', none: 'service control policy' },
  'resource-control': { one: 'a resource control policy', none: 'resource control policy' },
  endpoint: { one: 'a VPC endpoint policy', none: 'VPC endpoint policy' },
}
