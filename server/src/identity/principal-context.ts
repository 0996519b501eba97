import type { ambiguous, ContextValue, RequestContext } from '../policy/request.ts'
import type { Caller } from './caller.ts'
import { isoTime, tagValue } from './global-context.ts'
import type { OrganizationFacts } from './organization-facts.ts'
import type { Tag } from './principal.ts'

export interface PrincipalFacts {
  readonly caller: Caller
  readonly type: 'Account' | 'User' | 'AssumedRole' | 'FederatedUser' | 'AWSService' | 'Anonymous'
  /** As `aws:PrincipalArn` has it: of a role session the role's. */
  readonly arn: string | undefined
  /** Of the user or role, over which a session's own take precedence. */
  readonly tags: readonly Tag[]
  readonly organization: OrganizationFacts
  /** Keys in lower case that only this kind of caller has. */
  readonly further?: ReadonlyMap<string, ContextValue>
}

const tagPrefix = 'aws:principaltag/'

/**
 * The condition keys that follow from who asks; made once for a caller and asked many times.
 *
 * @see AWS IAM User Guide, "Properties of the principal" and "Properties of a role session"
 */
export function principalContext(facts: PrincipalFacts): RequestContext {
  const { caller, organization } = facts
  const tags = withSessionTags(facts.tags, caller.session?.tags ?? [])
  const keys = new Map<string, ContextValue>(facts.further)
  const set = (key: string, value: ContextValue | undefined): void => {
    if (value !== undefined) keys.set(key, value)
  }
  set('aws:principalarn', facts.arn)
  set('aws:principaltype', facts.type)
  set('aws:principalisawsservice', String(caller.type === 'AWSService'))
  if (caller.type !== 'AWSService') {
    set('aws:principalaccount', caller.accountId)
    set('aws:userid', caller.principalId)
    set('aws:username', caller.userName)
    set('aws:principalorgid', organization.orgId)
    set('aws:principalorgpaths', organization.path === undefined ? undefined : [organization.path])
  }
  const { session } = caller
  if (session !== undefined && session.forwarded?.ofLongLivedKey !== true) {
    // Long-lived access keys have neither: a policy that asks for `"false"` must not be met by them.
    set('aws:multifactorauthpresent', String(session.mfaAtMs !== undefined))
    set('aws:tokenissuetime', isoTime(session.issuedAtMs))
    set('aws:sourceidentity', session.sourceIdentity)
    set('aws:federatedprovider', session.webIdentity?.providerArn)
  }
  return {
    get: (key): ContextValue | typeof ambiguous | undefined =>
      key.startsWith(tagPrefix) ? tagValue(tags, key.slice(tagPrefix.length)) : keys.get(key),
  }
}

/** A session's tag takes the place of the principal's, whatever the case of its key. */
function withSessionTags(tags: readonly Tag[], sessionTags: readonly Tag[]): readonly Tag[] {
  if (sessionTags.length === 0) return tags
  const given = new Set(sessionTags.map(({ key }) => key.toLowerCase()))
  return [...tags.filter(({ key }) => !given.has(key.toLowerCase())), ...sessionTags]
}
