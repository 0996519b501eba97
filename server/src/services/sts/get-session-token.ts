import { requireAccess } from '../../identity/access.ts'
import { plainSession } from '../../identity/session.ts'
import { credentialsOf } from './issued.ts'
import type { Operation } from './operation.ts'
import { checkSecondFactor } from './second-factor.ts'
import { StsError } from './sts-error.ts'

const DEFAULT_SECONDS = 43_200
const MOST_SECONDS_OF_ROOT = 3600

/**
 * Needs no permission: a user proves a second factor here, and policies ask for that later.
 *
 * @see AWS STS API Reference, GetSessionToken
 */
export const getSessionToken: Operation<'GetSessionToken'> = async (request, context) => {
  const { call, sessionTokens, now } = context
  const { caller, standing, facts } = call
  const { accountId, principalId: id } = caller
  const kind = caller.type === 'Root' ? 'root' : 'user'
  if (caller.session !== undefined || (caller.type !== 'Root' && caller.type !== 'IAMUser')) {
    throw new StsError('AccessDenied', 'Cannot call GetSessionToken with session credentials')
  }
  if (standing.quarantine !== undefined) {
    const resource = { arn: '*', accountId, kind: 'plain' } as const
    requireAccess(standing, facts, { action: 'sts:GetSessionToken', resource })
  }
  const factor = await checkSecondFactor(request, context)
  const asked = request.DurationSeconds ?? DEFAULT_SECONDS
  const seconds = kind === 'root' ? Math.min(asked, MOST_SECONDS_OF_ROOT) : asked

  const issue = () => {
    const issuedAtMs = now()
    const expiresAtMs = Math.floor(issuedAtMs / 1000 + seconds) * 1000
    const session = {
      ...plainSession({ issuedAtMs, expiresAtMs }),
      mfaAtMs: factor && issuedAtMs,
      parentAccessKeyId: caller.accessKeyId,
    }
    const issued = sessionTokens.issue({ accountId, principal: { kind, id }, session })
    return { Credentials: credentialsOf(issued) }
  }
  if (factor === undefined) return issue()
  return call.transition(async (tx) => {
    await factor.accept(tx)
    return issue()
  })
}
