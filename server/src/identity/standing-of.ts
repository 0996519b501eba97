import { partitionOf } from '../arn.ts'
import { compilePolicy, type CompiledPolicy } from '../policy/compile.ts'
import { parsePolicy } from '../policy/document.ts'
import type { RequestPrincipal } from '../policy/request.ts'
import type { CacheEntry } from '../store/coherent-cache.ts'
import type { Store } from '../store/store.ts'
import type { AccessKey, AccessKeys } from './access-keys.ts'
import { isAccountId, type Accounts } from './accounts.ts'
import { rootCaller, type Caller } from './caller.ts'
import { allValid, createGrounds, INCOMPLETE, type Ground } from './grounds.ts'
import type { ManagedPolicies } from './managed-policies.ts'
import type { OrganizationOf } from './organization-facts.ts'
import { principalArn, sessionArn, type Principal } from './principal.ts'
import { principalContext, type PrincipalFacts } from './principal-context.ts'
import type { Principals } from './principals.ts'
import { serviceStanding, type ServiceCaller } from './service-standing.ts'
import type { OpenedSession } from './session-tokens.ts'
import type { SessionFacts } from './session.ts'
import type { Standing } from './standing.ts'

/**
 * Standings of whoever can sign a request. What is known and still true is given at once, without a promise.
 * Undefined: there is no such principal any more, so its credentials are not valid.
 */
export interface Standings {
  ofRoot(accountId: string, region: string, accessKeyId: string): Given
  /** @param userId AIDA… */
  ofUser(userId: string, region: string, accessKeyId: string): Given
  /** Of temporary credentials, or of what they would be. */
  ofSession(opened: SessionStart, region: string): Given
  /** A registered service that acts for itself. */
  ofService(service: ServiceCaller): Standing | Promise<Standing>
}

/** A session without what signs for it. */
export type SessionStart = Omit<OpenedSession, 'signingSecret'>

export type Given = Standing | undefined | Promise<Standing | undefined>

// A user has two access keys, which are used in one partition; more would be somebody's experiment.
const STANDINGS_PER_GROUND = 16

export function createStandings(parts: {
  store: Store
  accounts: Accounts
  accessKeys: AccessKeys
  principals: Principals
  managedPolicies: ManagedPolicies
  organizations: OrganizationOf
  /** How many principals are kept. */
  cacheLimit: number
}): Standings {
  const { accessKeys, accounts, managedPolicies, organizations, principals } = parts
  const grounds = createGrounds(parts)
  /** A session is opened once, and its standing goes with it. */
  const sessions = new WeakMap<SessionFacts, Map<string, Standing>>()

  function rootStanding(ground: Ground, accountId: string, region: string, accessKeyId: string): Standing {
    return standingOf(ground, region, accessKeyId, () => {
      const caller = rootCaller(accountId, accessKeyId, region)
      return made(ground, caller, { type: 'root', accountId, arn: caller.arn }, rootFacts(ground, caller))
    })
  }

  function userStanding(ground: Ground, region: string, accessKeyId: string): Standing | undefined {
    const { principal } = ground
    if (principal?.kind !== 'user') return undefined
    return standingOf(ground, region, accessKeyId, () => {
      const caller = userCaller(principal, accessKeyId, region)
      return made(ground, caller, userPrincipal(caller), userFacts(ground, principal, caller))
    })
  }

  async function sessionStanding(opened: SessionStart, region: string): Promise<Standing | undefined> {
    const { accountId, principal, session } = opened
    const ground =
      principal.kind === 'root'
        ? (grounds.known(principal.id) ?? (await grounds.ofRoot(principal.id)))
        : (grounds.known(principal.id) ?? (await grounds.ofPrincipal(principal.id)))
    if (ground === undefined) return undefined
    if (principal.kind === 'root' ? principal.id !== accountId : ground.principal?.accountId !== accountId) {
      return undefined
    }
    if (principal.kind !== 'root' && ground.principal?.kind !== principal.kind) return undefined
    const more: CacheEntry<unknown>[] = []
    if (session.parentAccessKeyId !== undefined) {
      const parent = await accessKeys.load(session.parentAccessKeyId)
      if (parent === undefined || !isActiveKeyOf(parent.value.accessKey, opened)) return undefined
      more.push(parent)
    }
    let quarantine: string | undefined
    for (const id of session.assumedBy) {
      const origin = await originOf(id)
      if (origin === undefined) return undefined
      more.push(origin.entry)
      quarantine ??= origin.quarantine
    }
    const { policies, entries, complete } = await sessionPolicies(session)
    more.push(...entries)
    const standing = sessionOf(ground, opened, region, policies)
    if (standing === undefined) return undefined
    return {
      ...standing,
      quarantine: standing.quarantine ?? quarantine ?? (complete ? undefined : INCOMPLETE),
      entries: [...ground.entries, ...more],
    }
  }

  /** Whoever assumed a role: who is gone, or under quarantine, has nothing left of it. */
  async function originOf(
    id: string,
  ): Promise<{ entry: CacheEntry<unknown>; quarantine: string | undefined } | undefined> {
    if (isAccountId(id)) {
      const entry = await accounts.load(id)
      return entry && { entry, quarantine: entry.value.quarantine?.reason }
    }
    const entry = await principals.load(id)
    return entry && { entry, quarantine: entry.value.principal.quarantine?.reason }
  }

  async function sessionPolicies(session: SessionFacts): Promise<{
    policies: readonly CompiledPolicy[] | undefined
    entries: readonly CacheEntry<unknown>[]
    complete: boolean
  }> {
    const { policy, policyArns } = session
    if (policy === undefined && policyArns.length === 0) {
      return { policies: undefined, entries: [], complete: true }
    }
    const policies: CompiledPolicy[] = []
    const entries: CacheEntry<unknown>[] = []
    let complete = true
    if (policy !== undefined) {
      policies.push(compilePolicy(parsePolicy(policy, 'session'), { type: 'session' }))
    }
    for (const arn of policyArns) {
      const entry = await managedPolicies.load(arn)
      if (entry === undefined) complete = false
      else {
        entries.push(entry)
        policies.push(entry.value.as('session'))
      }
    }
    return { policies, entries, complete }
  }

  return {
    ofRoot(accountId, region, accessKeyId) {
      const ground = grounds.known(accountId)
      if (ground !== undefined) return rootStanding(ground, accountId, region, accessKeyId)
      return grounds
        .ofRoot(accountId)
        .then((loaded) => loaded && rootStanding(loaded, accountId, region, accessKeyId))
    },

    ofUser(userId, region, accessKeyId) {
      const ground = grounds.known(userId)
      if (ground !== undefined) return userStanding(ground, region, accessKeyId)
      return grounds.ofPrincipal(userId).then((loaded) => loaded && userStanding(loaded, region, accessKeyId))
    },

    ofSession(opened, region) {
      const partition = partitionOf(region)
      const standings = sessions.get(opened.session)
      const found = standings?.get(partition)
      if (found !== undefined && allValid(found.entries)) return found
      return sessionStanding(opened, region).then((standing) => {
        if (standing === undefined) return undefined
        const kept = sessions.get(opened.session) ?? new Map<string, Standing>()
        sessions.set(opened.session, kept.set(partition, standing))
        return standing
      })
    },

    ofService(service) {
      const { accountId } = service
      const organization = organizations.find(accountId)
      if (organization !== undefined) return serviceStanding(service, organization)
      return organizations.load(accountId).then((loaded) => serviceStanding(service, loaded))
    },
  }
}

/** A session of GetSessionToken lives no longer than the access key that asked for it. */
function isActiveKeyOf(key: AccessKey, { accountId, principal }: SessionStart): boolean {
  const owner = principal.kind === 'root' ? 'root' : principal.id
  return key.status === 'Active' && key.accountId === accountId && key.principal === owner
}

function standingOf(ground: Ground, region: string, accessKeyId: string, make: () => Standing): Standing {
  const key = `${accessKeyId} ${partitionOf(region)}`
  let standing = ground.standings.get(key)
  if (standing === undefined) {
    if (ground.standings.size >= STANDINGS_PER_GROUND) ground.standings.clear()
    standing = make()
    ground.standings.set(key, standing)
  }
  return standing
}

function made(
  { identityPolicies, boundary, organization, quarantine, entries }: Ground,
  caller: Caller,
  principal: RequestPrincipal,
  facts: PrincipalFacts,
  policies?: readonly CompiledPolicy[],
): Standing {
  return {
    caller,
    principal,
    identityPolicies,
    boundary,
    sessionPolicies: policies,
    serviceControl: organization.serviceControl,
    organization,
    quarantine,
    context: principalContext(facts),
    entries,
  }
}

function sessionOf(
  ground: Ground,
  { accessKeyId, accountId, session }: SessionStart,
  region: string,
  policies: readonly CompiledPolicy[] | undefined,
): Standing | undefined {
  const { principal } = ground
  if (principal === undefined) {
    const caller: Caller = { ...rootCaller(accountId, accessKeyId, region), session }
    const root = { type: 'root', accountId, arn: caller.arn } as const
    return made(ground, caller, root, rootFacts(ground, caller), policies)
  }
  if (principal.kind === 'user') {
    const caller: Caller = { ...userCaller(principal, accessKeyId, region), session }
    return made(ground, caller, userPrincipal(caller), userFacts(ground, principal, caller), policies)
  }
  const { role } = session
  if (principal.kind !== 'role' || role === undefined || role.roleId !== principal.principalId)
    return undefined
  const partition = partitionOf(region)
  const roleArn = principalArn(principal, partition)
  const caller: Caller = {
    type: 'AssumedRole',
    accountId,
    arn: sessionArn(principal, role.sessionName, partition),
    principalId: `${role.roleId}:${role.sessionName}`,
    accessKeyId,
    session,
  }
  const { organization } = ground
  return made(
    ground,
    caller,
    {
      type: 'assumed-role',
      accountId,
      arn: caller.arn,
      roleArn,
      roleId: role.roleId,
      sessionName: role.sessionName,
    },
    { caller, type: 'AssumedRole', arn: roleArn, tags: principal.tags, organization },
    policies,
  )
}

function userCaller(user: Principal, accessKeyId: string, region: string): Caller {
  return {
    type: 'IAMUser',
    accountId: user.accountId,
    arn: principalArn(user, partitionOf(region)),
    principalId: user.principalId,
    accessKeyId,
    userName: user.name,
  }
}

function userPrincipal({ accountId, arn, principalId }: Caller): RequestPrincipal {
  return { type: 'user', accountId, arn, id: principalId }
}

function userFacts({ organization }: Ground, { tags }: Principal, caller: Caller): PrincipalFacts {
  return { caller, type: 'User', arn: caller.arn, tags, organization }
}

function rootFacts({ organization }: Ground, caller: Caller): PrincipalFacts {
  return { caller, type: 'Account', arn: caller.arn, tags: [], organization }
}
