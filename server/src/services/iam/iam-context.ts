import { AwsError } from '../../aws-error.ts'
import { partitionOf } from '../../arn.ts'
import { requireAccess } from '../../identity/access.ts'
import type { Tag } from '../../identity/principal.ts'
import type { ContextValue } from '../../policy/request.ts'
import { DatabaseError, DuplicateRowError, type Transition } from '../../store/store.ts'
import type { Call } from '../call.ts'
import { IamError } from './iam-error.ts'
import type { IamParts } from './parts.ts'

/** What an operation may touch: the parts, its own call, and the right to do what its caller may. */
export interface IamContext extends IamParts {
  readonly call: Call
  /** Of the caller: IAM reaches no other account. */
  readonly accountId: string
  /** Of the ARNs that are shown. */
  readonly partition: string
  /** @throws AwsError AccessDeniedException */
  authorize(action: string, resource: IamResource, more?: MoreKeys): void
  /** A transaction with its record. A name that somebody else took at the same moment is a conflict. */
  change<T extends object | undefined>(work: (tx: Transition) => Promise<T>): Promise<T>
}

export interface IamResource {
  readonly arn: string
  readonly tags?: readonly Tag[] | undefined
}

/** Condition keys that the request adds. */
export interface MoreKeys {
  readonly requestTags?: readonly Tag[] | undefined
  readonly requestTagKeys?: readonly string[] | undefined
  /** By names in lower case: `iam:policyarn`, `iam:permissionsboundary`, … */
  readonly keys?: Readonly<Record<string, ContextValue | undefined>>
}

/** @throws AwsError InvalidClientTokenId for a session of GetSessionToken without a second factor */
export function iamContext(call: Call, parts: IamParts): IamContext {
  const { caller, standing, facts } = call
  const { session } = caller
  // AWS lets credentials of GetSessionToken into IAM only with a second factor.
  if (session !== undefined && session.role === undefined && session.mfaAtMs === undefined) {
    throw new AwsError('InvalidClientTokenId', 'The security token included in the request is invalid', 403)
  }
  const { accountId } = caller
  return {
    ...parts,
    call,
    accountId,
    partition: partitionOf(call.region),
    authorize(action, { arn, tags }, { requestTags, requestTagKeys, keys } = {}) {
      requireAccess(standing, facts, {
        action,
        resource: { arn, accountId, kind: 'plain', tags },
        requestTags,
        requestTagKeys,
        context: { get: (key) => keys?.[key] ?? iamResourceTag(key, tags) },
      })
    },
    change: (work) =>
      call.transition(work).catch((error: unknown) => {
        if (!isTaken(error)) throw error
        throw new IamError(
          'ConcurrentModification',
          'The request was rejected because multiple requests to change this object were submitted simultaneously. Wait a few minutes and submit your request again.',
        )
      }),
  }
}

const resourceTagPrefix = 'iam:resourcetag/'

/** IAM has a name of its own for the tags of its users and roles. */
function iamResourceTag(key: string, tags: readonly Tag[] | undefined): ContextValue | undefined {
  if (!key.startsWith(resourceTagPrefix)) return undefined
  const wanted = key.slice(resourceTagPrefix.length)
  return tags?.find((tag) => tag.key.toLowerCase() === wanted)?.value
}

/** A name that was free when it was looked for, and is not when it is written. */
function isTaken(error: unknown): boolean {
  return error instanceof DuplicateRowError || (error instanceof DatabaseError && error.kind === 'duplicate')
}
