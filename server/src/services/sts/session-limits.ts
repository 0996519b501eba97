import type { Caller } from '../../identity/caller.ts'
import { StsError } from './sts-error.ts'

/** What sessions of GetSessionToken may call here. */
const ofUserSessions: ReadonlySet<string> = new Set(['AssumeRole', 'GetCallerIdentity'])

/**
 * Refuses what temporary credentials cannot call, whatever policies say. Sessions that a service got on behalf of a user
 * (forward access) are for KMS: with one of them nobody can pass for the user, by GetCallerIdentity neither.
 *
 * @throws StsError AccessDenied
 * @see IAM User Guide, "Permissions for GetSessionToken"
 */
export function requireSessionMayCall({ session }: Caller, operation: string): void {
  if (session === undefined) return
  const allowed =
    session.forwarded === undefined && (session.role !== undefined || ofUserSessions.has(operation))
  if (!allowed) throw new StsError('AccessDenied', `Cannot call ${operation} with session credentials`)
}
