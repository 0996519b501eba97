import type { RecordIdentity } from '../audit/record.ts'
import type { Standing } from '../identity/standing.ts'
import type { Caller } from '../identity/caller.ts'

const identities = new WeakMap<Standing, RecordIdentity>()

/** Who acted, as CloudTrail writes it. A standing is asked many times, so it is made once. */
export function recordIdentity(standing: Standing): RecordIdentity {
  let identity = identities.get(standing)
  if (identity === undefined) {
    identity = identityOf(standing)
    identities.set(standing, identity)
  }
  return identity
}

/** The same, of a request that a service made for its user. */
export function identityThrough(standing: Standing, service: string): RecordIdentity {
  return { ...recordIdentity(standing), invokedBy: service } as RecordIdentity
}

/** @see CloudTrail User Guide, "CloudTrail userIdentity element" */
function identityOf(standing: Standing): RecordIdentity {
  const { caller } = standing
  if (caller.type === 'AWSService') return { type: 'AWSService', invokedBy: caller.principalId }
  const { type, principalId, arn, accountId, accessKeyId, userName, session } = caller
  return {
    type,
    principalId,
    ...(arn === '' ? {} : { arn }),
    accountId,
    accessKeyId,
    ...(userName !== undefined && { userName }),
    ...(session !== undefined && { sessionContext: sessionContext(standing) }),
    ...(session?.forwarded !== undefined && { invokedBy: session.forwarded.services.at(-1) }),
  }
}

function sessionContext({ caller, principal }: Standing): object {
  const { session, accountId } = caller
  const role = principal.type === 'assumed-role' ? principal : undefined
  const { webIdentity, sourceIdentity } = session ?? {}
  return {
    sessionIssuer: role && {
      type: 'Role',
      principalId: role.roleId,
      arn: role.roleArn,
      accountId,
      userName: role.roleArn.slice(role.roleArn.lastIndexOf('/') + 1),
    },
    webIdFederationData: webIdentity && {
      federatedProvider: webIdentity.providerArn,
      attributes: { aud: webIdentity.audience, sub: webIdentity.subject },
    },
    attributes: {
      creationDate: `${new Date(session?.issuedAtMs ?? 0).toISOString().slice(0, 19)}Z`,
      mfaAuthenticated: String(session?.mfaAtMs !== undefined),
    },
    sourceIdentity,
  }
}

/** Of an unsigned request, once its token has been verified: its ARN is that of the identity provider. */
export function webIdentity({ arn: identityProvider, principalId, userName }: Caller): RecordIdentity {
  return {
    type: 'WebIdentityUser',
    principalId,
    ...(userName !== undefined && { userName }),
    identityProvider,
  }
}
