import { keyArn, type KmsKey, type StoredKey } from '../../keys/key.ts'
import { bindingsToText, createStoredPolicies } from '../../keys/stored-policies.ts'
import type { RegionLink } from '../../links/region-links.ts'
import type { Db } from '../../store/db.ts'
import type { DocumentReplica } from '../../links/set-document.ts'
import type { PolicyDocument } from '../../policy/document.ts'
import { keyMetadata } from './key-metadata.ts'
import { bindKeyPolicy, requireControl } from './key-policy.ts'
import type { KmsContext } from './operation.ts'
import type { RequestOf, ResponseOf } from './shapes.ts'

/** Finds the key and has made sure that this caller may do this with it. */
type Require = (db: Db) => Promise<StoredKey>

/**
 * Makes a replica in a Region that a linked deployment serves. That one is asked first, so that its reasons not to are the
 * answer; the key is there a moment after the answer, as it is here.
 *
 * Whom the policy names must be known on both sides: here the caller's control of the key is judged, there the policy is kept.
 */
export async function replicateToLinkedRegion(
  request: RequestOf<'ReplicateKey'>,
  { store, linked, access, binding, transition, now }: KmsContext,
  link: RegionLink,
  replica: DocumentReplica & { readonly document: PolicyDocument },
  requireReplicable: Require,
): Promise<ResponseOf<'ReplicateKey'>> {
  const { document, ...wanted } = replica
  const { key: asked } = await requireReplicable(store.db)
  await linked.requireReplica(link, asked, wanted)
  return transition(async (tx) => {
    const stored = await requireReplicable(tx.db)
    const bindings = await bindKeyPolicy(binding, tx, document, wanted.region)
    const policy = createStoredPolicies()(wanted.policy, bindingsToText(bindings))
    const made = { ...replicaOf(stored.key, wanted, now()), policy }
    if (request.Policy !== undefined) requireControl(access.inRegion(wanted.region), made, request)
    await linked.addReplica(tx, link, stored, wanted)
    access.created(made)
    return {
      ReplicaKeyMetadata: keyMetadata(made),
      ReplicaPolicy: wanted.policy,
      ReplicaTags: request.Tags ?? [],
    }
  })
}

/** Has a replica in a linked deployment become the primary key; the other side has told that it is ready to. */
export async function moveToLinkedRegion(
  { store, linked, transition }: KmsContext,
  link: RegionLink,
  region: string,
  requireMovable: Require,
): Promise<undefined> {
  const { key } = await requireMovable(store.db)
  await linked.requireSuccessor(link, key, region)
  return transition(async (tx) => {
    const stored = await requireMovable(tx.db)
    await linked.movePrimary(tx, link, stored, region)
    return undefined
  })
}

function replicaOf(primary: KmsKey, { region, description, tags }: DocumentReplica, nowMs: number): KmsKey {
  const { accountId, keyId, multiRegion } = primary
  return {
    ...primary,
    region,
    arn: keyArn(accountId, region, keyId),
    state: 'Creating',
    description,
    tags,
    createdAtMs: nowMs,
    aliasNames: [],
    ...(multiRegion && {
      multiRegion: { ...multiRegion, replicaRegions: [...multiRegion.replicaRegions, region].sort() },
    }),
  }
}
