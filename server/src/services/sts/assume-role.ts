import { requireAccess } from '../../identity/access.ts'
import { tagValue } from '../../identity/global-context.ts'
import type { Caller } from '../../identity/caller.ts'
import type { Tag } from '../../identity/principal.ts'
import type { RequestContext } from '../../policy/request.ts'
import { findRole, type AssumedRole } from './assumed-role.ts'
import type { Operation, StsContext } from './operation.ts'
import { issueRoleSession, roleSeconds } from './role-session.ts'
import { checkSecondFactor, withSecondFactor } from './second-factor.ts'
import { sessionPolicies } from './session-policies.ts'
import { sessionTags, type SessionTags } from './session-tags.ts'
import type { RequestOf } from './shapes.ts'
import { StsError } from './sts-error.ts'

/**
 * @see AWS STS API Reference, AssumeRole; IAM User Guide, "Control permissions for temporary security credentials",
 * "Passing session tags in AWS STS", "Monitor and control actions taken with assumed roles"
 */
export const assumeRole: Operation<'AssumeRole'> = async (request, context) => {
  const { call } = context
  const { session } = call.caller
  if (call.caller.type === 'Root') {
    throw new StsError('AccessDenied', 'Roles may not be assumed by root accounts.')
  }
  if (request.ProvidedContexts !== undefined) {
    throw new StsError('ValidationError', 'ProvidedContexts are not supported.')
  }
  const role = await findRole(request.RoleArn, context)
  call.audit.resource({ accountId: role.accountId, arn: role.resource.arn })
  const tags = sessionTags(givenTags(request), session)
  const sourceIdentity = requireSourceIdentity(request.SourceIdentity, session?.sourceIdentity)
  const factor = await checkSecondFactor(request, context)

  requireAllowed(request, role, { tags, sourceIdentity, hasFactor: factor !== undefined }, context)
  const principal = requireFound(role)
  // Later than the decision: whether an account has a policy is not for everybody to know.
  const policies = await sessionPolicies(request, role.accountId, context)
  const seconds = roleSeconds(request.DurationSeconds, principal, session !== undefined)
  const issue = () =>
    issueRoleSession(
      {
        role: principal,
        sessionName: request.RoleSessionName,
        seconds,
        policies,
        tags,
        sourceIdentity,
        chained: session?.role !== undefined,
        assumedBy: chainOf(call.caller),
        webIdentity: undefined,
      },
      context,
    )
  if (factor === undefined) return issue()
  return call.transition(async (tx) => {
    await factor.accept(tx)
    call.audit.resource({ accountId: role.accountId, arn: role.resource.arn })
    return issue()
  })
}

// More different roles than anybody goes through; each takes room in the token and a look at each use.
const LONGEST_CHAIN = 32

/** Everybody through whom the new session comes. @throws StsError ValidationError */
function chainOf({ type, accountId, principalId, session }: Caller): readonly string[] {
  const own = type === 'Root' ? accountId : (session?.role?.roleId ?? principalId)
  const chain = [...new Set([...(session?.assumedBy ?? []), own])]
  if (chain.length > LONGEST_CHAIN) {
    throw new StsError(
      'ValidationError',
      `A role can be assumed through at most ${LONGEST_CHAIN} principals.`,
    )
  }
  return chain
}

interface Asked {
  readonly tags: SessionTags
  readonly sourceIdentity: string | undefined
  readonly hasFactor: boolean
}

/** The trust policy, and for another account's role or one that trusts an account the caller's own policies, decide. */
function requireAllowed(
  request: RequestOf<'AssumeRole'>,
  { resource }: AssumedRole,
  { tags, sourceIdentity, hasFactor }: Asked,
  { call, now }: StsContext,
): void {
  const standing = hasFactor ? withSecondFactor(call.standing, now()) : call.standing
  const given = givenTags(request)
  const requestContext = conditionKeys(request, sourceIdentity, resource.tags ?? [])
  const authorize = (action: string): void => {
    requireAccess(standing, call.facts, {
      action,
      resource,
      context: requestContext,
      ...(given.tags.length > 0 && { requestTags: given.tags }),
    })
  }
  authorize('sts:AssumeRole')
  // What is inherited from the calling session is passed on, so it needs the permissions too.
  if (tags.tags.length > 0) authorize('sts:TagSession')
  if (sourceIdentity !== undefined) authorize('sts:SetSourceIdentity')
}

const roleTagPrefix = 'iam:resourcetag/'

/** @see IAM User Guide, "IAM and AWS STS condition context keys" */
function conditionKeys(
  request: RequestOf<'AssumeRole'>,
  sourceIdentity: string | undefined,
  roleTags: readonly Tag[],
): RequestContext {
  return {
    get(key) {
      if (key.startsWith(roleTagPrefix)) return tagValue(roleTags, key.slice(roleTagPrefix.length))
      switch (key) {
        case 'sts:externalid':
          return request.ExternalId
        case 'sts:rolesessionname':
          return request.RoleSessionName
        case 'sts:sourceidentity':
          return sourceIdentity
        case 'sts:transitivetagkeys':
          return request.TransitiveTagKeys
        default:
          return undefined
      }
    },
  }
}

function givenTags({ Tags, TransitiveTagKeys }: RequestOf<'AssumeRole'>): SessionTags {
  return {
    tags: (Tags ?? []).map(({ Key: key, Value: value }) => ({ key, value })),
    transitiveTagKeys: TransitiveTagKeys ?? [],
  }
}

/** Once set it stays through the whole chain. */
function requireSourceIdentity(asked: string | undefined, inherited: string | undefined): string | undefined {
  if (asked?.toLowerCase().startsWith('aws:')) {
    throw new StsError('ValidationError', 'SourceIdentity must not start with the reserved prefix aws:')
  }
  if (inherited !== undefined && asked !== undefined && asked !== inherited) {
    throw new StsError(
      'AccessDenied',
      'SourceIdentity cannot be changed: the calling session has one already.',
    )
  }
  return inherited ?? asked
}

/** Nothing allows what is not there; should a decision ever say otherwise, it ends here. */
function requireFound({ principal }: AssumedRole) {
  if (principal === undefined) throw new Error('a role that does not exist was allowed to be assumed')
  return principal
}
