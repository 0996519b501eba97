import type { CompiledPolicy } from '../policy/compile.ts'
import type { CacheEntry } from '../store/coherent-cache.ts'
import type { Store } from '../store/store.ts'
import type { Accounts } from './accounts.ts'
import type { ManagedPolicies } from './managed-policies.ts'
import type { OrganizationFacts, OrganizationOf } from './organization-facts.ts'
import type { Principal } from './principal.ts'
import type { Principals } from './principals.ts'
import type { Standing } from './standing.ts'

/** What a principal may do, whoever's key signs; shared by its access keys and sessions. */
export interface Ground {
  /** Undefined for a root user. */
  readonly principal: Principal | undefined
  readonly identityPolicies: readonly CompiledPolicy[]
  readonly boundary: CompiledPolicy | undefined
  readonly organization: OrganizationFacts
  readonly quarantine: string | undefined
  readonly entries: readonly CacheEntry<unknown>[]
  /** By access key id and partition. */
  readonly standings: Map<string, Standing>
}

export interface Grounds {
  /** What is cached and still true. */
  known(id: string): Ground | undefined
  /** Undefined when there is no such account. */
  ofRoot(accountId: string): Promise<Ground | undefined>
  /** Undefined when there is no such user or role. */
  ofPrincipal(principalId: string): Promise<Ground | undefined>
}

/** Why a principal is refused everything when its rows do not agree with one another. */
export const INCOMPLETE = 'something that decides what this principal may do cannot be found'
// Each repetition means that the principal was changed while its policies were being read.
const LOADS = 100

/** Gathers what rows say about principals, and keeps it for as long as every one of them stays as it is. */
export function createGrounds(parts: {
  store: Store
  accounts: Accounts
  principals: Principals
  managedPolicies: ManagedPolicies
  organizations: OrganizationOf
  /** How many principals are kept. */
  cacheLimit: number
}): Grounds {
  const { store, accounts, principals, managedPolicies, organizations, cacheLimit } = parts
  /** By the account id of a root user, or the unique id of a principal. */
  const grounds = new Map<string, Ground>()

  function keep(id: string, ground: Ground): Ground {
    grounds.delete(id)
    if (grounds.size >= cacheLimit) {
      const oldest = grounds.keys().next()
      if (!oldest.done) grounds.delete(oldest.value)
    }
    grounds.set(id, ground)
    return ground
  }

  function known(id: string): Ground | undefined {
    const ground = grounds.get(id)
    return ground !== undefined && allValid(ground.entries) ? ground : undefined
  }

  async function ofRoot(accountId: string): Promise<Ground | undefined> {
    const account = await accounts.load(accountId)
    if (account === undefined) return undefined
    const organization = await organizations.load(accountId)
    return keep(accountId, {
      principal: undefined,
      identityPolicies: [],
      boundary: undefined,
      organization,
      quarantine: account.value.quarantine?.reason,
      entries: [account, ...organization.entries],
      standings: new Map(),
    })
  }

  async function ofPrincipal(principalId: string): Promise<Ground | undefined> {
    for (let attempt = 0; attempt < LOADS; attempt++) {
      const entry = await principals.load(principalId)
      if (entry === undefined) return undefined
      const { principal, inlinePolicies } = entry.value
      const account = await accounts.load(principal.accountId)
      if (account === undefined) return undefined
      const organization = await organizations.load(principal.accountId)
      const gathered = gather([entry, account, ...organization.entries])
      gathered.policies.push(...inlinePolicies)
      await attached(gathered, principal.attachedPolicies)
      for (const groupId of principal.groupIds) {
        const group = await principals.load(groupId)
        // A user in a group of another account, or in something else, was not put there by us.
        const { kind, accountId } = group?.value.principal ?? {}
        if (group === undefined || kind !== 'group' || accountId !== principal.accountId) {
          gathered.complete = false
          continue
        }
        gathered.entries.push(group)
        gathered.policies.push(...group.value.inlinePolicies)
        await attached(gathered, group.value.principal.attachedPolicies)
      }
      let boundary: CompiledPolicy | undefined
      if (principal.boundaryArn !== undefined) {
        const policy = await managedPolicies.load(principal.boundaryArn)
        if (policy === undefined) gathered.complete = false
        else {
          gathered.entries.push(policy)
          boundary = policy.value.as('boundary')
        }
      }
      // A policy that was detached and deleted while this was read is no damage; then the entry has changed too.
      if (!gathered.complete) await store.feed.catchUp()
      if (!allValid(gathered.entries)) continue
      return keep(principalId, {
        principal,
        identityPolicies: gathered.policies,
        boundary,
        organization,
        quarantine: principal.quarantine?.reason ?? (gathered.complete ? undefined : INCOMPLETE),
        entries: gathered.entries,
        standings: new Map(),
      })
    }
    throw new Error(`Principal ${principalId} changes faster than it can be read`)
  }

  async function attached(gathered: Gathered, arns: readonly string[]): Promise<void> {
    for (const arn of arns) {
      const policy = await managedPolicies.load(arn)
      if (policy === undefined) {
        gathered.complete = false
        continue
      }
      gathered.entries.push(policy)
      gathered.policies.push(policy.value.as('identity'))
    }
  }

  return { known, ofRoot, ofPrincipal }
}

interface Gathered {
  readonly policies: CompiledPolicy[]
  readonly entries: CacheEntry<unknown>[]
  /** Whether everything that a row names was there. */
  complete: boolean
}

function gather(entries: CacheEntry<unknown>[]): Gathered {
  return { policies: [], entries, complete: true }
}

/** Whether nothing that a decision rests on has changed since it was read. */
export function allValid(entries: readonly CacheEntry<unknown>[]): boolean {
  for (const entry of entries) if (!entry.valid) return false
  return true
}
