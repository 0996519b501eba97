import { requireAccess } from '../../identity/access.ts'
import type { Operation } from './operation.ts'

/**
 * Needs no permission, and no policy can deny it. Others let callers in by a signed request of this (Vault, Kubernetes), so
 * whoever is under quarantine gets no answer.
 *
 * @see AWS STS API Reference, GetCallerIdentity
 */
export const getCallerIdentity: Operation<'GetCallerIdentity'> = async (_request, { call }) => {
  const { caller, standing, facts } = call
  const { accountId, principalId, arn } = caller
  if (standing.quarantine !== undefined) {
    const resource = { arn: '*', accountId, kind: 'plain' } as const
    requireAccess(standing, facts, { action: 'sts:GetCallerIdentity', resource })
  }
  return { UserId: principalId, Account: accountId, Arn: arn }
}
