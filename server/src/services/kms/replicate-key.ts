import { partitionOf } from '../../arn.ts'
import { defaultKeyPolicy } from '../../keys/default-policy.ts'
import { keyArn, type KmsKey } from '../../keys/key.ts'
import { KmsError } from '../../keys/kms-error.ts'
import { relatedRegions } from '../../keys/multi-region.ts'
import { requireRoomForKey } from '../../keys/resource-quotas.ts'
import { requireTags } from '../../keys/tags.ts'
import type { Db } from '../../store/db.ts'
import { requireAtRest, requirePrimary, requireState } from '../../keys/usable.ts'
import type { KeyAccess } from './key-access.ts'
import { bindKeyPolicy, lockoutValues, requireControl, requireKeyPolicy } from './key-policy.ts'
import { keyMetadata } from './key-metadata.ts'
import { replicateToLinkedRegion } from './linked-regions.ts'
import type { Operation } from './operation.ts'
import { tagsOf } from './resource-tags.ts'
import type { RequestOf } from './shapes.ts'

/**
 * Makes a replica of a multi-Region key: the same key in another Region, with a policy, a description and tags of its own.
 * It is Creating until its material was brought over, which happens right after the answer.
 *
 * @see AWS KMS API Reference, ReplicateKey
 */
export const replicateKey: Operation<'ReplicateKey'> = async (request, context) => {
  const { caller, region, regions, keys, binding, linked, access, resourceQuotas, transition } = context
  const { ReplicaRegion: replicaRegion } = request
  const tags = tagsOf(request.Tags ?? [])
  requireTags(tags)
  const policy = request.Policy ?? defaultKeyPolicy(caller.accountId, replicaRegion)
  const document = requireKeyPolicy(policy)
  const link = regions.has(replicaRegion) ? undefined : await linked.ofRegion(replicaRegion)
  const isServed = regions.has(replicaRegion) || link !== undefined
  if (!isServed || partitionOf(replicaRegion) !== partitionOf(region)) {
    throw new KmsError('UnsupportedOperationException', `ReplicaRegion ${replicaRegion} is not supported.`)
  }
  const there = access.inRegion(replicaRegion)
  const requireReplicable = async (db: Db) => {
    const stored = await access.toManage(db, request.KeyId, 'kms:ReplicateKey', {
      values: { 'kms:replicaregion': replicaRegion },
    })
    const { key } = stored
    requireCreation(there, key, request)
    requireAtRest(key, 'replicate')
    requirePrimary(key)
    requireState(key, 'replicate')
    requireNone(key, replicaRegion)
    return stored
  }
  if (link !== undefined) {
    const replica = { region: replicaRegion, description: request.Description ?? '', policy, document, tags }
    return await replicateToLinkedRegion(request, context, link, replica, requireReplicable)
  }
  return transition(async (tx) => {
    const stored = await requireReplicable(tx.db)
    const { key } = stored
    await requireRoomForKey(tx.db, { accountId: key.accountId, region: replicaRegion }, resourceQuotas)
    const replica = await keys.sets.replicate(tx, stored, {
      region: replicaRegion,
      description: request.Description ?? '',
      policy,
      policyBindings: await bindKeyPolicy(binding, tx, document, replicaRegion),
      tags,
    })
    // AWS's own policy leaves it to the account, which may have reasons to let this caller only replicate.
    if (request.Policy !== undefined) requireControl(there, replica, request)
    access.created(replica)
    return {
      ReplicaKeyMetadata: keyMetadata(replica),
      ReplicaPolicy: policy,
      ReplicaTags: request.Tags ?? [],
    }
  })
}

/** Who replicates a key also creates one, in the Region of the replica. */
function requireCreation(
  there: KeyAccess,
  { keyId, spec, usage, origin, multiRegion }: KmsKey,
  { ReplicaRegion: region, Tags = [], BypassPolicyLockoutSafetyCheck: bypass }: RequestOf<'ReplicateKey'>,
): void {
  const requestTags = tagsOf(Tags)
  const about = { region, spec, usage, origin, multiRegion, aliasNames: [] }
  there.requireAccount('kms:CreateKey', { requestTags, values: lockoutValues(bypass) }, about)
  if (requestTags.length > 0) there.requireTagging(keyId, { requestTags }, about)
}

function requireNone(key: KmsKey, region: string): void {
  if (region !== key.region && !relatedRegions(key).includes(region)) return
  throw new KmsError(
    'AlreadyExistsException',
    `Key '${keyArn(key.accountId, region, key.keyId)}' already exists.`,
  )
}
