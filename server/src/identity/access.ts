import { AwsError } from '../aws-error.ts'
import type { Caller } from './caller.ts'

/** What is asked for: an action, and the resource that it is on. */
export interface AccessRequest {
  /** Such as `kms:Encrypt`. */
  readonly action: string
  /** Of the resource, when it is known. */
  readonly resourceAccountId: string | undefined
}

/**
 * Decides whether a caller may do what it asks. This is the one place that says yes.
 *
 * Policies are stored but not evaluated yet, so a resource serves the root user of its own account
 * and nobody else; whatever is not known to be allowed is refused.
 */
export function requireAccess(caller: Caller, request: AccessRequest): void {
  const allowed = caller.type === 'Root' && request.resourceAccountId === caller.accountId
  if (!allowed) throw accessDenied(caller, request.action)
}

/**
 * The text is the same whether the resource exists or not: a stranger learns nothing from it.
 *
 * @param onWhat `this resource`, or for a ciphertext that names no key in the request, that ciphertext's
 */
export function accessDenied(caller: Caller, action: string, onWhat = 'this resource'): AwsError {
  return new AwsError(
    'AccessDeniedException',
    `User: ${caller.arn} is not authorized to perform: ${action} on ${onWhat} because the resource does not ` +
      'exist in this Region, no resource-based policies allow access, or a resource-based policy explicitly ' +
      'denies access',
  )
}
