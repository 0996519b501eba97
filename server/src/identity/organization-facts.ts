import type { CompiledPolicy } from '../policy/compile.ts'
import type { CacheEntry } from '../store/coherent-cache.ts'

/** What an account is under, because of the organization that it belongs to. */
export interface OrganizationFacts {
  /** `o-…`; undefined outside of the organization. */
  readonly orgId?: string | undefined
  /** `o-…/r-…/ou-…/` */
  readonly path?: string | undefined
  /** One list for each level from the root to the account, each of which must allow; empty: no limit. */
  readonly serviceControl: readonly (readonly CompiledPolicy[])[]
  readonly resourceControl: readonly (readonly CompiledPolicy[])[]
  /** What this rests on. */
  readonly entries: readonly CacheEntry<unknown>[]
}

/** What the identity of a caller and of a resource's account asks of the organization. */
export interface OrganizationOf {
  /** Without waiting; undefined when something is not cached. */
  find(accountId: string): OrganizationFacts | undefined
  load(accountId: string): Promise<OrganizationFacts>
}
