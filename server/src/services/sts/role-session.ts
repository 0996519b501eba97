import { partitionOf } from '../../arn.ts'
import { sessionArn, type Principal } from '../../identity/principal.ts'
import type { SessionFacts } from '../../identity/session.ts'
import { credentialsOf } from './issued.ts'
import type { StsContext } from './operation.ts'
import { packedPolicySize, type SessionPolicies } from './session-policies.ts'
import type { SessionTags } from './session-tags.ts'
import { StsError } from './sts-error.ts'

const DEFAULT_SECONDS = 3600
const MOST_SECONDS_OF_A_CHAIN = 3600

export interface RoleSession {
  readonly role: Principal
  readonly sessionName: string
  readonly seconds: number
  readonly policies: SessionPolicies
  readonly tags: SessionTags
  readonly sourceIdentity: string | undefined
  readonly chained: boolean
  readonly assumedBy: readonly string[]
  readonly webIdentity: SessionFacts['webIdentity']
}

/**
 * How long a session may last.
 *
 * @param byTemporaryCredentials whoever asks has a session itself, of a role or a user
 * @throws StsError ValidationError
 */
export function roleSeconds(
  asked: number | undefined,
  role: Principal,
  byTemporaryCredentials: boolean,
): number {
  const seconds = asked ?? DEFAULT_SECONDS
  if (seconds > (role.maxSessionSeconds ?? DEFAULT_SECONDS)) {
    throw new StsError(
      'ValidationError',
      'The requested DurationSeconds exceeds the MaxSessionDuration set for this role.',
    )
  }
  if (byTemporaryCredentials && seconds > MOST_SECONDS_OF_A_CHAIN) {
    throw new StsError(
      'ValidationError',
      'The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.',
    )
  }
  return seconds
}

/** Credentials of a role session that was decided to be allowed. @throws StsError PackedPolicyTooLarge */
export function issueRoleSession(session: RoleSession, { call, sessionTokens, now }: StsContext) {
  const { role, sessionName, seconds, policies, tags, sourceIdentity } = session
  const packedSize = packedPolicySize(policies, tags)
  const issuedAtMs = now()
  const issued = sessionTokens.issue({
    accountId: role.accountId,
    principal: { kind: 'role', id: role.principalId },
    session: {
      issuedAtMs,
      expiresAtMs: Math.floor(issuedAtMs / 1000 + seconds) * 1000,
      // A role session shows no second factor, whoever assumed it: only AssumeRole itself can ask for one.
      mfaAtMs: undefined,
      role: { roleId: role.principalId, sessionName },
      parentAccessKeyId: undefined,
      tags: tags.tags,
      transitiveTagKeys: tags.transitiveTagKeys,
      sourceIdentity,
      chained: session.chained,
      assumedBy: session.assumedBy,
      policy: policies.policy,
      policyArns: policies.policyArns,
      webIdentity: session.webIdentity,
      forwarded: undefined,
    },
  })
  return {
    Credentials: credentialsOf(issued),
    AssumedRoleUser: {
      AssumedRoleId: `${role.principalId}:${sessionName}`,
      Arn: sessionArn(role, sessionName, partitionOf(call.region)),
    },
    ...(packedSize !== undefined && { PackedPolicySize: packedSize }),
    ...(sourceIdentity !== undefined && { SourceIdentity: sourceIdentity }),
  }
}
