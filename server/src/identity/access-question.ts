import type { CompiledPolicy } from '../policy/compile.ts'
import type { GrantSource } from '../policy/decision.ts'
import type { RequestContext } from '../policy/request.ts'
import type { OrganizationFacts } from './organization-facts.ts'
import type { Tag } from './principal.ts'

/** What is asked for: an action, and the resource that it is on. */
export interface AccessQuestion {
  /** Such as `kms:Encrypt`. */
  readonly action: string
  readonly resource: AccessResource
  /** The condition keys of the service that is asked, and those of `aws:` that only it knows. */
  readonly context?: RequestContext | undefined
  /** The tags that the request sets: `aws:RequestTag/…` and `aws:TagKeys`. */
  readonly requestTags?: readonly Tag[] | undefined
  /** The tag keys that the request takes away: `aws:TagKeys`. */
  readonly requestTagKeys?: readonly string[] | undefined
  /** A grant of the key that was found to match. */
  readonly grant?: GrantSource | undefined
  /** What the refusal calls the resource, when the request did not name it. */
  readonly onWhat?: string | undefined
}

export interface AccessResource {
  /** `*` for an action that is on no resource. */
  readonly arn: string
  /** Undefined for an action that is on no account's resource. */
  readonly accountId: string | undefined
  readonly kind: 'kms-key' | 'trust' | 'plain'
  readonly policy?: CompiledPolicy | undefined
  readonly quarantine?: string | undefined
  /** Made and used by AWS for its services: resource control policies have no effect on it. */
  readonly awsManaged?: boolean
  readonly tags?: readonly Tag[] | undefined
  /** Of an account that is not the caller's: what `OrganizationOf` says of it. It must be there. */
  readonly organization?: OrganizationFacts | undefined
}
