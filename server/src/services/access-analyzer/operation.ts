import { AwsError } from '../../aws-error.ts'
import type { Accounts } from '../../identity/accounts.ts'
import { requireAccess } from '../../identity/access.ts'
import type { Principals } from '../../identity/principals.ts'
import type { Grants } from '../../keys/grants.ts'
import type { Keys } from '../../keys/keys.ts'
import type { Store } from '../../store/store.ts'
import type { Call } from '../call.ts'
import type { OperationName, RequestOf } from './shapes.ts'

/** What the operations of Access Analyzer work on; one for the process. */
export interface AccessAnalyzerParts {
  readonly store: Store
  readonly accounts: Accounts
  readonly keys: Keys
  readonly grants: Grants
  readonly principals: Principals
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

export interface AccessAnalyzerContext extends AccessAnalyzerParts {
  readonly call: Call
}

/** An operation of IAM Access Analyzer: a checked request in, an answer out, AWS's errors thrown. */
export type Operation<Name extends OperationName> = (
  request: RequestOf<Name>,
  context: AccessAnalyzerContext,
) => Promise<object>

/** @param resource an ARN, or `*` for what is on none. @throws AwsError AccessDeniedException */
export function authorize({ standing, facts, caller }: Call, action: string, resource = '*'): void {
  requireAccess(standing, facts, {
    action,
    resource: { arn: resource, accountId: caller.accountId, kind: 'plain' },
  })
}

export function invalid(message: string): AwsError {
  return new AwsError('ValidationException', message, 400)
}

export function notFound(message: string): AwsError {
  return new AwsError('ResourceNotFoundException', message, 404)
}
