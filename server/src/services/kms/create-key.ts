import { randomUUID } from 'node:crypto'
import { defaultKeyPolicy } from '../../keys/default-policy.ts'
import { newMultiRegionKeyId, type KmsKey } from '../../keys/key.ts'
import { KmsError } from '../../keys/kms-error.ts'
import { requireRoomForKey } from '../../keys/resource-quotas.ts'
import { algorithmsOf, factsOf, type KeySpec, type KeyUsage } from '../../keys/specs.ts'
import { requireTags } from '../../keys/tags.ts'
import { bindKeyPolicy, lockoutValues, requireControl, requireKeyPolicy } from './key-policy.ts'
import { keyMetadata } from './key-metadata.ts'
import type { Operation } from './operation.ts'
import type { RequestOf } from './shapes.ts'
import { tagsOf } from './resource-tags.ts'

/**
 * Creates a KMS key with new material.
 *
 * @see AWS KMS API Reference, CreateKey
 */
export const createKey: Operation<'CreateKey'> = async (
  request,
  { caller, region, store, keys, imports, binding, access, resourceQuotas, transition },
) => {
  const { spec, usage } = requireSpec(request)
  const origin = requireOrigin(request, spec)
  const tags = tagsOf(request.Tags ?? [])
  requireTags(tags)
  const { accountId } = caller
  const policy = request.Policy ?? defaultKeyPolicy(accountId, region)
  const document = requireKeyPolicy(policy)

  const multiRegion = request.MultiRegion === true ? { primaryRegion: region, replicaRegions: [] } : undefined
  const keyId = multiRegion ? newMultiRegionKeyId() : randomUUID()
  const about = { region, spec, usage, origin, multiRegion, aliasNames: [] }
  access.requireAccount(
    'kms:CreateKey',
    { requestTags: tags, values: lockoutValues(request.BypassPolicyLockoutSafetyCheck) },
    about,
  )
  if (tags.length > 0) access.requireTagging(keyId, { requestTags: tags }, about)
  // Nobody has a key made that there is no room for.
  await requireRoomForKey(store.db, { accountId, region }, resourceQuotas)
  const material = origin === 'EXTERNAL' ? undefined : await keys.newMaterial(spec, accountId)
  return transition(async (tx) => {
    await requireRoomForKey(tx.db, { accountId, region }, resourceQuotas)
    const policyBindings = await bindKeyPolicy(binding, tx, document, region)
    const made = {
      keyId,
      accountId,
      region,
      spec,
      usage,
      description: request.Description ?? '',
      policy,
      policyBindings,
      tags,
      origin,
      multiRegion,
      ...(origin === 'EXTERNAL' && { fingerprintKey: imports.fingerprints.newKey({ accountId, keyId }) }),
    }
    const key = await keys.create(tx, made, material)
    // AWS's own policy leaves it to the account, which may have reasons to let this caller only create.
    if (request.Policy !== undefined) requireControl(access, key, request)
    access.created(key)
    return { KeyMetadata: keyMetadata(key) }
  }).finally(() => {
    material?.fill(0)
  })
}

/** KeySpec and its deprecated twin say the same thing; one of them at most may be given. */
function requireSpec({ KeySpec, CustomerMasterKeySpec, KeyUsage }: RequestOf<'CreateKey'>): {
  spec: KeySpec
  usage: KeyUsage
} {
  if (KeySpec !== undefined && CustomerMasterKeySpec !== undefined) {
    throw new KmsError(
      'ValidationException',
      'You cannot specify KeySpec and CustomerMasterKeySpec in the same request. CustomerMasterKeySpec is deprecated.',
    )
  }
  const spec = KeySpec ?? CustomerMasterKeySpec ?? 'SYMMETRIC_DEFAULT'
  const usage = KeyUsage ?? factsOf(spec).defaultUsage
  if (usage === undefined) {
    throw new KmsError(
      'ValidationException',
      'You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.',
    )
  }
  if (algorithmsOf(spec, usage).length === 0) {
    throw new KmsError('ValidationException', `KeyUsage ${usage} is not compatible with KeySpec ${spec}`)
  }
  if (factsOf(spec).unsupportedUsage === usage) {
    throw new KmsError(
      'UnsupportedOperationException',
      `KeyUsage ${usage} is not supported with KeySpec ${spec}.`,
    )
  }
  return { spec, usage }
}

function requireOrigin(
  { Origin = 'AWS_KMS', CustomKeyStoreId, XksKeyId }: RequestOf<'CreateKey'>,
  spec: KeySpec,
): KmsKey['origin'] {
  if (Origin !== 'AWS_KMS' && Origin !== 'EXTERNAL') {
    throw new KmsError('UnsupportedOperationException', `Origin ${Origin} is not supported.`)
  }
  if (CustomKeyStoreId !== undefined) {
    throw new KmsError(
      'ValidationException',
      `CustomKeyStoreId is not valid for a key whose Origin is ${Origin}.`,
    )
  }
  if (XksKeyId !== undefined) {
    throw new KmsError(
      'ValidationException',
      'XksKeyId is valid only for a key whose Origin is EXTERNAL_KEY_STORE.',
    )
  }
  if (Origin === 'EXTERNAL' && factsOf(spec).generatedOnly) {
    throw new KmsError(
      'UnsupportedOperationException',
      `Origin ${Origin} is not supported with KeySpec ${spec}.`,
    )
  }
  return Origin
}
